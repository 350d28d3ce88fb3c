/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps of 64-bit words. The plain functions are for data under a lock, the atomic_ ones also for
 * memory shared with guests and other CPUs (they are full barriers). Bit numbers are the caller's
 * to bound.
 */
#ifndef HV_BITMAP_H
#define HV_BITMAP_H

#include <hv/types.h>

#define BITMAP_WORDS(bits) (((bits) + 63U) / 64U)

static inline bool bitmap_test(const uint64_t *map, unsigned int bit)
{
    return (READ_ONCE(map[bit / 64]) >> (bit % 64)) & 1;
}

static inline void bitmap_set(uint64_t *map, unsigned int bit)
{
    map[bit / 64] |= 1ULL << (bit % 64);
}

static inline void bitmap_clear(uint64_t *map, unsigned int bit)
{
    map[bit / 64] &= ~(1ULL << (bit % 64));
}

/* Sets the bit; returns what it was. */
static inline bool atomic_bit_set(uint64_t *map, unsigned int bit)
{
    uint64_t mask = 1ULL << (bit % 64);

    return __atomic_fetch_or(&map[bit / 64], mask, __ATOMIC_SEQ_CST) & mask;
}

/* Clears the bit; returns what it was. */
static inline bool atomic_bit_clear(uint64_t *map, unsigned int bit)
{
    uint64_t mask = 1ULL << (bit % 64);

    return __atomic_fetch_and(&map[bit / 64], ~mask, __ATOMIC_SEQ_CST) & mask;
}

/* First set bit at or after from, or bits if there is none. */
static inline unsigned int bitmap_next_set(const uint64_t *map, unsigned int bits,
                                           unsigned int from)
{
    while (from < bits) {
        uint64_t word = map[from / 64] >> (from % 64);

        if (word) {
            from += (unsigned int)__builtin_ctzll(word);
            return from < bits ? from : bits;
        }
        from = (from / 64 + 1) * 64;
    }
    return bits;
}

#endif
