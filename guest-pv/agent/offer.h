/* SPDX-License-Identifier: MIT */
/* Offering the agent channel to mgmt through the kernel's Xen devices. */
#ifndef AGENT_OFFER_H
#define AGENT_OFFER_H

#include "agent.h"

#include <xen/xen.h>

/* Grants the rings, makes the event channel, publishes both in xenstore under a new generation.
 * Fills a->vc and a->event_fd. 0 or -errno. */
int offer_channel(struct agent *a);
/* Acknowledges a notification; ctx is a->vc.ctx. */
void offer_drain(void *ctx);

#endif
