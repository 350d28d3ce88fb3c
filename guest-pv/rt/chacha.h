/* SPDX-License-Identifier: MIT */
/*
 * ChaCha20 (RFC 8439, 2.3 "The ChaCha20 Block Function") and a random generator with fast key
 * erasure on it: each refill replaces the key first, so that old output cannot be computed back.
 */
#ifndef RT_CHACHA_H
#define RT_CHACHA_H

#include <stddef.h>
#include <stdint.h>

#define CHACHA_BLOCK 64U
#define CHACHA_KEY 32U

void chacha_block(const uint8_t key[CHACHA_KEY], uint32_t counter, const uint8_t nonce[12],
                  uint8_t out[CHACHA_BLOCK]);

struct chacha_rng {
    uint8_t key[CHACHA_KEY];
    uint8_t buffer[CHACHA_BLOCK * 8];
    size_t left; /* unused bytes at the end of buffer */
};

/* Mixes len bytes into the key. Any input with enough entropy is enough; the others do no harm.
 * A zeroed structure is a valid start. */
void chacha_rng_mix(struct chacha_rng *rng, const void *data, size_t len);
void chacha_rng_get(struct chacha_rng *rng, void *out, size_t len);

#endif
