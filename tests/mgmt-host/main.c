/* SPDX-License-Identifier: MIT */
/*
 * mgmt-host KEY=VALUE…: serves the real API on 127.0.0.1 for tests. port=N (default 8443) and the
 * options of mgmt/api/api.h. Ends on SIGTERM, SIGINT or a power action.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <rt/rt.h>

#include "api/handlers.h"
#include "api/start.h"
#include "fake.h"
#include "host.h"

int platform_power(unsigned int action)
{
    rt_log("host: power %s\n", action == 0 ? "off" : "reboot");
    fake_delete_all();
    exit(0);
}

int main(int argc, char **argv)
{
    struct server_config config;
    sigset_t set;
    int sig;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    host_init(argc, argv);
    config = server_config_from_options();
    config.port = (uint16_t)rt_option_u64("port", 8443);
    if (session_init() != 0 || api_serve(&config) != 0) {
        fprintf(stderr, "mgmt-host: cannot serve port %u\n", config.port);
        return 1;
    }
    host_block();
    sigwait(&set, &sig);
    host_unblock();
    fake_delete_all();
    return 0;
}
