/* SPDX-License-Identifier: MIT */
/*
 * Start of the management domain: brings its services up in order. Anything that fails here ends
 * the domain, because an appliance without its management is of no use.
 */
#include <inttypes.h>

#include <xen/xen.h>
#include <xen/hvm/params.h>

#include <rt/rt.h>
#include <rt/thread.h>

#include "api/api.h"
#include "build/ctl.h"
#include "drivers/pci.h"
#include "drivers/worker.h"
#include "session/home.h"
#include "session/session.h"
#include "xenstore/server.h"

#define MGMT_ADDRESS 0x0a4d0002U /* 10.77.0.2 */

static void must(const char *what, int rc)
{
    if (rc != 0)
        rt_panic("mgmt: %s: error %d\n", what, -rc);
}

#define NET_START_NS 5000000000ULL

/* The hypervisor may still be building it, on another CPU. */
static void wait_for_net(void)
{
    uint64_t deadline = rt_now() + NET_START_NS;
    struct bh_ctl_info info;

    while (ctl_getinfo(BH_DOMID_NET, &info) != 0 || info.state < BH_STATE_RUNNING) {
        if (rt_now() > deadline)
            rt_panic("mgmt: there is no net\n");
        thread_sleep(1000000);
    }
}

/* The hypervisor started net beside us and seeded grant reference 1; it waits for its store. */
static void introduce_net(void)
{
    struct xs_domain *net;
    uint64_t port;

    must("home of net", home_create(BH_DOMID_NET, false));
    must("store port of net", ctl_get_param(BH_DOMID_NET, HVM_PARAM_STORE_EVTCHN, &port));
    must("store of net", xenstore_introduce(BH_DOMID_NET, (uint32_t)port, false, &net));
}

static int add_own_interface(void)
{
    static const struct vif_spec vif = {.domid = BH_DOMID_MGMT,
                                        .address = MGMT_ADDRESS,
                                        .mac = {0x02, 0x42, 0x48, 0x00, 0x00, 0x02},
                                        .kind = "mgmt"};

    return home_add_vif(&vif);
}

int rt_main(void)
{
    struct bh_ctl_sysinfo sys;

    must("control interface", ctl_sysinfo(&sys));
    rt_log("mgmt: %" PRIu32 " CPUs (%s), %" PRIu64 " MB free, DMA is %s\n", sys.nr_cpus,
           sys.vendor == 1 ? "VT-x" : "AMD-V", sys.free_frames / 256,
           sys.iommu != 0 ? "confined by the IOMMU" : "NOT confined: no IOMMU");
    must("worker", worker_init());
    must("xenstore", xenstore_init());
    must("own home", home_create(BH_DOMID_MGMT, false));
    wait_for_net();
    if (pci_assign_network() == 0)
        rt_log("mgmt: no network controller: nothing is reachable from outside\n");
    introduce_net();
    must("own network interface", add_own_interface());
    must("sessions", session_init());
    must("API", api_start());
    for (;;)
        thread_sleep_until(WAIT_FOREVER);
}
