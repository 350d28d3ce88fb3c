/* SPDX-License-Identifier: MIT */
/* Xenbus device states in the store (Xen public/io/xenbus.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <xen/io/xenbus.h>

#include "rt/xs.h"

#define MAX_PATH 256U

static int state_path(char path[MAX_PATH], const char *dir)
{
    int n = snprintf(path, MAX_PATH, "%s/state", dir);

    return n < 0 || (unsigned int)n >= MAX_PATH ? -EINVAL : 0;
}

int xenbus_switch_state(const char *dir, unsigned int state)
{
    char path[MAX_PATH];
    int r = state_path(path, dir);

    return r != 0 ? r : xs_printf(XS_TX_NONE, path, "%u", state);
}

int xenbus_read_state(const char *dir, unsigned int *state)
{
    char path[MAX_PATH];
    uint64_t value = 0;
    int r = state_path(path, dir);

    if (r == 0)
        r = xs_read_u64(XS_TX_NONE, path, &value);
    if (r != 0)
        return r;
    if (value > XenbusStateReconfigured)
        return -EPROTO;
    *state = (unsigned int)value;
    return 0;
}

int xenbus_wait_state(const char *dir, unsigned int state, uint64_t deadline)
{
    char path[MAX_PATH], *changed;
    struct xs_watch *watch;
    unsigned int now;
    int r = state_path(path, dir);

    if (r == 0)
        r = xs_watch_add(path, &watch);
    if (r != 0)
        return r;
    for (;;) {
        r = xs_watch_wait(watch, deadline, &changed);
        if (r != 0)
            break;
        free(changed);
        /* It may not be there yet: only time ends the wait. */
        if (xenbus_read_state(dir, &now) == 0 && now == state)
            break;
    }
    xs_watch_del(watch);
    return r;
}
