/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624). Sums are 32-bit
 * accumulators over at most 64 KB, folded at the end.
 */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Adds len bytes to an accumulator that covers an even number of bytes so far. */
uint32_t csum_add(uint32_t sum, const uint8_t *p, size_t len);
/* The pseudo header of TCP and UDP. */
uint32_t csum_pseudo(uint32_t src, uint32_t dst, uint8_t proto, uint16_t len);
/* One's complement of the folded sum: what goes into a header; 0 over data that holds a right one.
 */
uint16_t csum_finish(uint32_t sum);
/* The checksum field at p, after a 16- or 32-bit word it covers changed. */
void csum_update16(uint8_t *p, uint16_t from, uint16_t to);
void csum_update32(uint8_t *p, uint32_t from, uint32_t to);

#endif
