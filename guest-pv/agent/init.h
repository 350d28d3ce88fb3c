/* SPDX-License-Identifier: MIT */
/* What PID 1 of a sandbox does. */
#ifndef AGENT_INIT_H
#define AGENT_INIT_H

#define INIT_CGROUP_ROOT "/sys/fs/cgroup/bulkhead"

/* In the initrd: drivers, root file system, and on into it. Returns only on failure (-errno). */
int init_stage_one(void);
/* In the root file system: mounts, network, the agent, and reaping for ever. */
_Noreturn void init_stage_two(int (*agent_main)(void));

#endif
