/* SPDX-License-Identifier: MIT */
/* ChaCha20 and the random generator on it: see chacha.h. */
#include "chacha.h"

#include <string.h>

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}

static uint32_t rotate(uint32_t v, int n)
{
    return v << n | v >> (32 - n);
}

static void quarter_round(uint32_t *s, int a, int b, int c, int d)
{
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 7);
}

void chacha_block(const uint8_t key[CHACHA_KEY], uint32_t counter, const uint8_t nonce[12],
                  uint8_t out[CHACHA_BLOCK])
{
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, s[16];

    for (int i = 0; i < 8; i++)
        start[4 + i] = load32(key + 4 * i);
    start[12] = counter;
    for (int i = 0; i < 3; i++)
        start[13 + i] = load32(nonce + 4 * i);
    memcpy(s, start, sizeof(s));
    for (int i = 0; i < 10; i++) {
        quarter_round(s, 0, 4, 8, 12);
        quarter_round(s, 1, 5, 9, 13);
        quarter_round(s, 2, 6, 10, 14);
        quarter_round(s, 3, 7, 11, 15);
        quarter_round(s, 0, 5, 10, 15);
        quarter_round(s, 1, 6, 11, 12);
        quarter_round(s, 2, 7, 8, 13);
        quarter_round(s, 3, 4, 9, 14);
    }
    for (int i = 0; i < 16; i++)
        store32(out + 4 * i, s[i] + start[i]);
}

void chacha_rng_mix(struct chacha_rng *rng, const void *data, size_t len)
{
    static const uint8_t nonce[12] = "bulkheadmix";
    const uint8_t *p = data;
    uint8_t block[CHACHA_BLOCK];

    while (len > 0) {
        size_t n = len < CHACHA_KEY ? len : CHACHA_KEY;

        for (size_t i = 0; i < n; i++)
            rng->key[i] ^= p[i];
        chacha_block(rng->key, (uint32_t)n, nonce, block);
        memcpy(rng->key, block, CHACHA_KEY);
        p += n;
        len -= n;
    }
    explicit_bzero(block, sizeof(block));
    rng->left = 0;
}

static void refill(struct chacha_rng *rng)
{
    static const uint8_t nonce[12] = "bulkheadrng";

    for (uint32_t i = 0; i < sizeof(rng->buffer) / CHACHA_BLOCK; i++)
        chacha_block(rng->key, i, nonce, rng->buffer + i * CHACHA_BLOCK);
    memcpy(rng->key, rng->buffer, CHACHA_KEY);
    explicit_bzero(rng->buffer, CHACHA_KEY);
    rng->left = sizeof(rng->buffer) - CHACHA_KEY;
}

void chacha_rng_get(struct chacha_rng *rng, void *out, size_t len)
{
    uint8_t *p = out;

    while (len > 0) {
        size_t n;
        uint8_t *from;

        if (rng->left == 0)
            refill(rng);
        n = len < rng->left ? len : rng->left;
        from = rng->buffer + sizeof(rng->buffer) - rng->left;
        memcpy(p, from, n);
        explicit_bzero(from, n);
        rng->left -= n;
        p += n;
        len -= n;
    }
}
