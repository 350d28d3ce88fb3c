/* SPDX-License-Identifier: MIT */
/* Starting one process: pipes, user, directory, cgroup. */
#ifndef AGENT_SPAWN_H
#define AGENT_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct spawn {
    const char **argv, **env; /* NULL-terminated; env is added to the defaults */
    const char *cwd, *user;   /* "": the user's home; root */
    bool stdin_pipe;          /* else /dev/null */
    int cgroup;               /* directory to join, -1: none */
    /* results: */
    pid_t pid;
    int in, out, err; /* our ends, non-blocking, close-on-exec; in is -1 without a pipe */
};

/* Returns once the program runs (its execve() has succeeded), or -errno of the step that failed,
 * with *text naming it. */
int spawn_start(struct spawn *sp, const char **text);

#endif
