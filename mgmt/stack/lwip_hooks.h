/* SPDX-License-Identifier: MIT */
/* lwIP hooks of mgmt: initial sequence numbers come from the random source (RFC 6528). */
#ifndef BH_LWIP_HOOKS_H
#define BH_LWIP_HOOKS_H

#define LWIP_HOOK_TCP_ISN(local_ip, local_port, remote_ip, remote_port) lwip_random()

#endif
