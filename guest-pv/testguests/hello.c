/* SPDX-License-Identifier: MIT */
/* Smallest check of a PV program: console, options, memory, malloc, randomness, time, threads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "rt/thread.h"

static void test_options(void)
{
    char value[32] = "";

    if (rt_option("greeting", value, sizeof(value)) != 0) {
        SKIP("options", "no greeting=hi on the command line");
        return;
    }
    EXPECT("options", strcmp(value, "hi") == 0, value[0]);
}

static void test_pages(void)
{
    size_t before = rt_pages_available(), sum = 0;
    uint8_t *p = rt_pages_alloc(16);

    if (p == NULL) {
        ERROR("pages", "no memory");
        return;
    }
    for (size_t i = 0; i < 16 * RT_PAGE; i++)
        sum += p[i];
    EXPECT("pages are zeroed", sum == 0, sum);
    memset(p, 0x5a, 16 * RT_PAGE);
    rt_pages_free(p, 16);
    EXPECT("pages come back", rt_pages_available() == before, rt_pages_available());
    EXPECT("memory map", before > 256 && before < (1UL << 24), before);
}

static void test_malloc(void)
{
    enum { BLOCKS = 200 };
    static uint8_t *blocks[BLOCKS];
    bool good = true;

    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(i * 97 + 1);
        if (blocks[i] == NULL) {
            ERROR("malloc", "no memory");
            return;
        }
        memset(blocks[i], (int)i, i * 97 + 1);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        for (size_t k = 0; k < i * 97 + 1; k++)
            good &= blocks[i][k] == (uint8_t)i;
        free(blocks[i]);
    }
    EXPECT("malloc", good, 0);
}

static void test_random(void)
{
    uint64_t a[4], b[4];

    rt_random(a, sizeof(a));
    rt_random(b, sizeof(b));
    EXPECT("random", memcmp(a, b, sizeof(a)) != 0, a[0]);
}

static void count(void *arg)
{
    ++*(int *)arg;
    thread_yield();
    ++*(int *)arg;
}

static void test_threads(void)
{
    int n = 0;

    for (int i = 0; i < 50; i++) {
        if (thread_create(count, &n, "count", 0) != 0) {
            ERROR("threads", "no memory");
            return;
        }
    }
    thread_yield();
    EXPECT("threads run once for a yield", n == 50, n);
    thread_yield();
    EXPECT("threads end", n == 100, n);
}

int rt_main(void)
{
    rt_log("hello from domain %u, %zu pages free, at %lu ns\n", rt_domid(), rt_pages_available(),
           rt_now());
    printf("PASS %s\n", "printf");
    test_options();
    test_pages();
    test_malloc();
    test_random();
    test_threads();
    return REPORT_RESULT();
}
