/* SPDX-License-Identifier: MIT */
/*
 * What lwIP wants to know of the compiler and the platform.
 */
#ifndef NET_LWIP_CC_H
#define NET_LWIP_CC_H

#include <stdint.h>

uint32_t uplink_random(void);

#define LWIP_RAND() uplink_random()
#define LWIP_PLATFORM_DIAG(x)
_Noreturn void uplink_assert(const char *what);
#define LWIP_PLATFORM_ASSERT(x) uplink_assert(x)

#endif
