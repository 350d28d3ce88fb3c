/* SPDX-License-Identifier: MIT */
/*
 * Memory residue: all RAM that is free here must read zero at the start (nothing of a former owner
 * shows); then it is filled with the pattern that BH_CTL_SCAN_FREE looks for after our end.
 * Options: pattern=HEX (64 bit), check=0 to skip the check, fill=0 to leave memory alone.
 */
#include <stddef.h>

#include "report.h"

/* Runtime internal: free runs of RAM. */
bool memory_next_free(uint64_t *address, size_t *pages);

#define DEFAULT_PATTERN UINT64_C(0xb0a7dec0de5eed11)
#define WORDS (RT_PAGE / sizeof(uint64_t))

static void check(void)
{
    uint64_t address = 0, dirty = 0, first = 0, total = 0;
    size_t pages;

    for (; memory_next_free(&address, &pages); address += pages * RT_PAGE) {
        for (size_t i = 0; i < pages; i++) {
            const uint64_t *p = (const uint64_t *)(address + i * RT_PAGE);
            uint64_t bits = 0;

            for (size_t w = 0; w < WORDS; w++)
                bits |= p[w];
            if (bits != 0 && dirty++ == 0)
                first = (uintptr_t)p;
        }
        total += pages;
    }
    rt_log("%lu pages looked at\n", total);
    if (dirty == 0 && total > 0)
        PASS("fresh memory is zero");
    else
        FAIL("fresh memory is zero", "%lu of %lu pages are not, the first at 0x%lx", dirty, total,
             first);
}

static void fill(uint64_t pattern)
{
    uint64_t address = 0, total = 0;
    size_t pages;

    for (; memory_next_free(&address, &pages); address += pages * RT_PAGE) {
        for (size_t i = 0; i < pages * WORDS; i++)
            ((volatile uint64_t *)address)[i] = pattern;
        total += pages;
    }
    rt_log("%lu pages filled with 0x%lx\n", total, pattern);
}

int rt_main(void)
{
    if (rt_option_u64("check", 1) != 0)
        check();
    if (rt_option_u64("fill", 1) != 0)
        fill(rt_option_u64("pattern", DEFAULT_PATTERN));
    return REPORT_RESULT();
}
