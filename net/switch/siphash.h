/* SPDX-License-Identifier: MIT */
/*
 * SipHash-1-3 of two 64-bit words under a secret key: sandboxes choose what is hashed, so the flow
 * table must not be one they can fill a bucket of. Also the source of unpredictable port numbers.
 */
#ifndef NET_SIPHASH_H
#define NET_SIPHASH_H

#include <stdint.h>

struct sip_key {
    uint64_t k0, k1;
};

static inline uint64_t sip_rotl(uint64_t x, unsigned int b)
{
    return x << b | x >> (64U - b);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = sip_rotl(v[1], 13) ^ v[0];
    v[0] = sip_rotl(v[0], 32);
    v[2] += v[3];
    v[3] = sip_rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = sip_rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = sip_rotl(v[1], 17) ^ v[2];
    v[2] = sip_rotl(v[2], 32);
}

static inline uint64_t siphash13(const struct sip_key *key, uint64_t a, uint64_t b)
{
    uint64_t v[4] = {key->k0 ^ 0x736f6d6570736575U, key->k1 ^ 0x646f72616e646f6dU,
                     key->k0 ^ 0x6c7967656e657261U, key->k1 ^ 0x7465646279746573U};
    const uint64_t words[3] = {a, b, (uint64_t)16 << 56};

    for (unsigned int i = 0; i < 3; i++) {
        v[3] ^= words[i];
        sip_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
