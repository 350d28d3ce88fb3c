/* SPDX-License-Identifier: MIT */
/* The API's start in mgmt, and what only mgmt has: the network stack and the power switch. */
#include "api/api.h"

#include <rt/rt.h>

#include "api/handlers.h"
#include "api/start.h"
#include "build/ctl.h"
#include "stack/stack.h"

#define NETWORK_NS (60ULL * 1000000000ULL)

int platform_power(unsigned int action)
{
    return ctl_power(action, 0);
}

int api_start(void)
{
    struct server_config config = server_config_from_options();
    int rc = stack_start(rt_now() + NETWORK_NS);

    if (rc != 0) {
        rt_log("mgmt: no network: error %d\n", -rc);
        return rc;
    }
    return api_serve(&config);
}
