/* SPDX-License-Identifier: MIT */
/*
 * Network back end: follows backend/vif in the store, connects a front end for each interface that
 * mgmt writes there, and makes it a port of the switch. The store side runs on threads of its own
 * (one watches the folder, one for each interface); packets move in the switch's thread only.
 */
#ifndef NET_NETBACK_H
#define NET_NETBACK_H

#include <stdbool.h>

#include <rt/thread.h>

#include "switch.h"

/* Starts the watching thread. `wake` is woken when a front end has something for us. */
int netback_start(struct sw *sw, struct waitq *wake);
/* Takes frames from the front ends that have any, a bounded number from each. True: there is more.
 */
bool netback_take(void);
/* Delivers what the switch queued on a port of ours. */
void netback_deliver(struct sw_port *port);

#endif
