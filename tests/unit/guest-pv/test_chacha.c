/* SPDX-License-Identifier: MIT */
/* ChaCha20 against RFC 8439, and what the generator on it must guarantee. */
#include "chacha.h"

#include <string.h>

#include "test.h"

/* RFC 8439, 2.3.2 "Test Vector for the ChaCha20 Block Function" */
TEST(rfc8439_block)
{
    static const uint8_t nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0};
    static const uint8_t expected[64] = {
        0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
        0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
        0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
        0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
        0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
    uint8_t key[32], out[64];

    for (uint8_t i = 0; i < 32; i++)
        key[i] = i;
    chacha_block(key, 1, nonce, out);
    CHECK(memcmp(out, expected, sizeof(out)) == 0);
}

static struct chacha_rng seeded(const char *seed)
{
    struct chacha_rng rng = {.left = 0};

    chacha_rng_mix(&rng, seed, strlen(seed));
    return rng;
}

TEST(deterministic_by_seed)
{
    struct chacha_rng a = seeded("one"), b = seeded("one"), c = seeded("two");
    uint8_t x[1000], y[1000], z[1000];

    chacha_rng_get(&a, x, sizeof(x));
    for (size_t at = 0; at < sizeof(y);) { /* the same bytes whatever the pieces */
        size_t n = at % 37 + 1 < sizeof(y) - at ? at % 37 + 1 : sizeof(y) - at;

        chacha_rng_get(&b, y + at, n);
        at += n;
    }
    chacha_rng_get(&c, z, sizeof(z));
    CHECK(memcmp(x, y, sizeof(x)) == 0);
    CHECK(memcmp(x, z, sizeof(x)) != 0);
}

TEST(all_sources_count)
{
    struct chacha_rng a = seeded("cpu"), b = seeded("cpu"), c = seeded("CPU");
    uint8_t x[32], y[32], z[32];

    chacha_rng_mix(&a, "option", 6);
    chacha_rng_mix(&b, "Option", 6);
    chacha_rng_mix(&c, "option", 6);
    chacha_rng_get(&a, x, sizeof(x));
    chacha_rng_get(&b, y, sizeof(y));
    chacha_rng_get(&c, z, sizeof(z));
    CHECK(memcmp(x, y, sizeof(x)) != 0);
    CHECK(memcmp(x, z, sizeof(x)) != 0);
}

TEST(used_output_is_erased)
{
    struct chacha_rng rng = seeded("seed");
    uint8_t out[24];

    chacha_rng_get(&rng, out, sizeof(out));
    for (size_t i = 0; i + sizeof(out) <= sizeof(rng); i++)
        CHECK(memcmp((const uint8_t *)&rng + i, out, sizeof(out)) != 0);
}
