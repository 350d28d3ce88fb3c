/* SPDX-License-Identifier: MIT */
/*
 * mgmt's TCP/IP: lwIP over the network front end, static address. stack_start() is called once,
 * before any stream; afterwards one thread runs lwIP's timers and sends what the ring did not take.
 */
#ifndef BH_STACK_H
#define BH_STACK_H

#include <stdint.h>

/* Waits for the network domain up to `deadline`. 0 or -errno. */
int stack_start(uint64_t deadline);

/* For mgmt/stack itself: ends orphaned connections whose time is over; called each round. */
void stream_reap(uint64_t now);

#endif
