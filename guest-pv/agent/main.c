/* SPDX-License-Identifier: MIT */
/*
 * One static program, three roles: /init of the initrd (PID 1, stage one), PID 1 of the sandbox
 * (stage two), and the agent, which PID 1 forks.
 */
#include "init.h"
#include "offer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* The kernel must kill what the user runs before it kills the agent. */
static void spare_from_oom(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (write(fd, "-1000", 5) != 5)
            perror("agent: oom_score_adj");
        close(fd);
    }
}

static int agent_main(void)
{
    static struct agent a = {.cgroup_root = INIT_CGROUP_ROOT};
    sigset_t set;
    int rc;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    a.child_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    spare_from_oom();
    rc = a.child_fd < 0 ? -errno : offer_channel(&a);
    if (rc == 0)
        rc = agent_run(&a, offer_drain);
    fprintf(stderr, "agent: channel ended: %s\n", strerror(-rc));
    return rc;
}

int main(int argc, char **argv)
{
    (void)argc;
    if (getpid() != 1) {
        fprintf(stderr, "%s: this is PID 1 of a Bulkhead sandbox\n", argv[0]);
        return 1;
    }
    if (strcmp(argv[0], "bulkhead-init") == 0)
        init_stage_two(agent_main);
    init_stage_one();
    return 1; /* the kernel panics, which mgmt sees */
}
