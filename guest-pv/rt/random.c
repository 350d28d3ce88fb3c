/* SPDX-License-Identifier: MIT */
/*
 * Randomness: a ChaCha20 generator keyed from the CPU's generator (RDSEED, else RDRAND) and the
 * option "seed" (hexadecimal, from the firmware). No source at all is a reason not to start.
 * The generator is fed again from the CPU now and then.
 */
#include "internal.h"

#include <string.h>

#include "chacha.h"
#include "option.h"

#define SEED_WORDS 8U
#define SEED_MIN 32U /* bytes of option seed that count as a source */
#define TRIES 100U
#define RESEED_BYTES (1024U * 1024U)

static struct chacha_rng rng;
static bool has_rdrand, has_rdseed;
static size_t since_reseed;

static void cpuid(uint32_t leaf, uint32_t *eax, uint32_t *ebx, uint32_t *ecx)
{
    uint32_t edx;

    __asm__ volatile("cpuid" : "=a"(*eax), "=b"(*ebx), "=c"(*ecx), "=d"(edx) : "0"(leaf), "2"(0));
}

static bool read_cpu_once(uint64_t *word)
{
    uint8_t ok;

    if (has_rdseed)
        __asm__ volatile("rdseed %0; setc %1" : "=r"(*word), "=qm"(ok) : : "cc");
    else
        __asm__ volatile("rdrand %0; setc %1" : "=r"(*word), "=qm"(ok) : : "cc");
    return ok != 0;
}

/* A broken generator that returns the same word each time is no source. */
static bool mix_cpu(void)
{
    uint64_t words[SEED_WORDS] = {0};
    bool differ = false;

    if (!has_rdrand && !has_rdseed)
        return false;
    for (unsigned int i = 0; i < SEED_WORDS; i++) {
        unsigned int tries = 0;

        while (!read_cpu_once(&words[i])) {
            if (++tries == TRIES)
                return false;
            __asm__ volatile("pause");
        }
        differ |= words[i] != words[0];
    }
    if (differ)
        chacha_rng_mix(&rng, words, sizeof(words));
    explicit_bzero(words, sizeof(words));
    return differ;
}

static bool mix_option(void)
{
    char text[257];
    uint8_t seed[128];
    size_t n;

    if (rt_option("seed", text, sizeof(text)) != 0)
        return false;
    n = option_parse_hex(text, seed, sizeof(seed));
    chacha_rng_mix(&rng, seed, n);
    explicit_bzero(text, sizeof(text));
    explicit_bzero(seed, sizeof(seed));
    return n >= SEED_MIN;
}

void random_init(void)
{
    uint32_t max, eax, ebx, ecx;
    uint64_t tsc = rt_now();
    bool from_cpu, from_option;

    cpuid(0, &max, &ebx, &ecx);
    cpuid(1, &eax, &ebx, &ecx);
    has_rdrand = (ecx >> 30 & 1) != 0;
    if (max >= 7) {
        cpuid(7, &eax, &ebx, &ecx);
        has_rdseed = (ebx >> 18 & 1) != 0;
    }
    from_cpu = mix_cpu();
    if (!from_cpu && has_rdseed && has_rdrand) {
        has_rdseed = false;
        from_cpu = mix_cpu();
    }
    from_option = mix_option();
    chacha_rng_mix(&rng, &tsc, sizeof(tsc));
    if (!from_cpu && !from_option)
        rt_panic("rt: no source of entropy: neither RDSEED nor RDRAND nor option seed\n");
}

void rt_random(void *buf, size_t len)
{
    if (since_reseed > RESEED_BYTES) {
        mix_cpu();
        since_reseed = 0;
    }
    since_reseed += len;
    chacha_rng_get(&rng, buf, len);
}
