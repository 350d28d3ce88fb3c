/* SPDX-License-Identifier: MIT */
/*
 * Start of the management domain: brings its services up in order. Anything that fails here ends
 * the domain, because an appliance without its management is of no use.
 */
#include <inttypes.h>

#include <rt/rt.h>

#include "build/ctl.h"

int rt_main(void)
{
    struct bh_ctl_sysinfo sys;
    int rc = ctl_sysinfo(&sys);

    if (rc != 0)
        rt_panic("mgmt: no control interface: %d", rc);
    rt_log("mgmt: %" PRIu32 " CPUs (%s), %" PRIu64 " MB free", sys.nr_cpus,
           sys.vendor == 1 ? "VT-x" : "AMD-V", sys.free_frames / 256);
    return 0;
}
