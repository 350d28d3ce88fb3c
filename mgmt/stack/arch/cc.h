/* SPDX-License-Identifier: MIT */
/* lwIP's compiler and platform description for mgmt: musl has the C headers, rt the rest. */
#ifndef BH_LWIP_CC_H
#define BH_LWIP_CC_H

#include <stdint.h>
#include <stdio.h>

#include <rt/rt.h>

#define BYTE_ORDER LITTLE_ENDIAN

#define LWIP_PLATFORM_DIAG(x)                                                                      \
    do {                                                                                           \
    } while (0)
#define LWIP_PLATFORM_ASSERT(x) rt_panic("lwip: %s", x)

static inline uint32_t lwip_random(void)
{
    uint32_t r;

    rt_random(&r, sizeof r);
    return r;
}
#define LWIP_RAND() lwip_random()

#endif
