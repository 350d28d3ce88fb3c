/* SPDX-License-Identifier: MIT */
/*
 * The worker: one thread that serves every back end of every sandbox in turn (xenstore rings,
 * consoles, block devices, agent channels). A work item is served a bounded amount at a time and
 * goes to the end of the line when more remains, so that no sandbox starves another or mgmt itself.
 */
#ifndef BH_WORKER_H
#define BH_WORKER_H

#include <stdbool.h>

struct work;

/* Must not wait. Returns true if work remains: it will be called again after all others. */
typedef bool work_fn(struct work *w);

struct work {
    struct work *next;
    work_fn *fn;
    bool queued;
};

int worker_init(void);
void worker_kick(struct work *w);   /* from anywhere, also event handlers; idempotent */
void worker_cancel(struct work *w); /* it will not run again unless kicked */
/* For evtchn_set_handler(): arg is the struct work. */
void worker_event(unsigned int port, void *arg);

#endif
