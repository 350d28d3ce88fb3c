/* SPDX-License-Identifier: MIT */
/*
 * The host build of mgmt's API: the real HTTP, TLS and API code over sockets and a session layer
 * that runs commands on the host. Threads are pthreads under one big lock, which makes them
 * cooperative: whoever is about to block in the kernel lets go of it.
 */
#ifndef BH_MGMT_HOST_H
#define BH_MGMT_HOST_H

#include <stdint.h>

void host_init(int argc, char **argv); /* key=value arguments become options; takes the lock */
void host_block(void);                 /* let go of the lock before a system call that may wait */
void host_unblock(void);
/* poll() timeout in ms until a deadline on rt_now()'s scale. */
int host_timeout_ms(uint64_t deadline);

#endif
