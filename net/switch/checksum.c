/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum and its incremental update; see checksum.h. Pure functions, called by the
 * packet, NAT and DHCP code.
 */
#include "checksum.h"

#include "wire.h"

static uint16_t fold(uint32_t sum)
{
    sum = (sum & 0xffffU) + (sum >> 16);
    sum = (sum & 0xffffU) + (sum >> 16);
    return (uint16_t)sum;
}

uint32_t csum_add(uint32_t sum, const uint8_t *p, size_t len)
{
    for (; len >= 2; len -= 2, p += 2)
        sum += wire_get16(p);
    if (len != 0)
        sum += (uint32_t)p[0] << 8;
    return sum;
}

uint32_t csum_pseudo(uint32_t src, uint32_t dst, uint8_t proto, uint16_t len)
{
    return (src >> 16) + (src & 0xffffU) + (dst >> 16) + (dst & 0xffffU) + proto + len;
}

uint16_t csum_finish(uint32_t sum)
{
    return (uint16_t)~fold(sum);
}

/* RFC 1624, equation 3: HC' = ~(~HC + ~m + m'). */
void csum_update16(uint8_t *p, uint16_t from, uint16_t to)
{
    uint32_t sum = (uint32_t)(uint16_t)~wire_get16(p) + (uint16_t)~from + to;

    wire_put16(p, csum_finish(sum));
}

void csum_update32(uint8_t *p, uint32_t from, uint32_t to)
{
    csum_update16(p, (uint16_t)(from >> 16), (uint16_t)(to >> 16));
    csum_update16(p, (uint16_t)from, (uint16_t)to);
}
