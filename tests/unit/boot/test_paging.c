/* SPDX-License-Identifier: MIT */
/* The entry page tables, walked as the CPU would. */
#include <stdlib.h>
#include "loader.h"
#include "test.h"

#define HV_PHYS 0x7e000000ULL

static const struct hv_plan plan = {
    .link_base = 0xffffffff80200000ULL, .size = 0x401000, .entry = 0xffffffff80201000ULL};

/* Physical address va maps to, or UINT64_MAX. */
static uint64_t walk(uint64_t cr3, uint64_t va)
{
    uint64_t table = cr3;

    for (unsigned int shift = 39; shift >= 21; shift -= 9) {
        uint64_t pte = ((uint64_t *)(uintptr_t)table)[va >> shift & 511];
        if ((pte & 3) != 3)
            return UINT64_MAX;
        if ((pte & 0x80) != 0)
            return (pte & ~0xfffULL) + (va & ((1ULL << shift) - 1));
        table = pte & ~0xfffULL;
    }
    return UINT64_MAX;
}

static void check_tables(uint64_t top, bool huge)
{
    uint64_t bytes = paging_pages_needed(top, huge) * PAGE_BYTES;
    uint8_t *memory = aligned_alloc(PAGE_BYTES, bytes);
    struct page_pool pool = {(uintptr_t)memory, (uintptr_t)memory + bytes};
    uint64_t cr3 = paging_build(&pool, top, huge, &plan, HV_PHYS);

    CHECK(cr3 != 0);
    for (uint64_t pa = 0; pa < top; pa += BIG_PAGE_BYTES)
        CHECK_EQ(walk(cr3, pa + 0x1234), pa + 0x1234);
    CHECK_EQ(walk(cr3, align_up(top, HUGE_PAGE_BYTES)), UINT64_MAX);
    CHECK_EQ(walk(cr3, plan.link_base - 1), UINT64_MAX);
    CHECK_EQ(walk(cr3, plan.entry), HV_PHYS + 0x1000);
    CHECK_EQ(walk(cr3, plan.link_base + 0x400fff), HV_PHYS + 0x400fff);
    CHECK_EQ(walk(cr3, plan.link_base + 0x600000), UINT64_MAX);
    free(memory);
}

TEST(paging_maps_all_of_ram_and_hv)
{
    check_tables(FOUR_GB, true);
    check_tables(FOUR_GB, false);
    check_tables(FOUR_GB + 0x40200000ULL, true);
    check_tables(FOUR_GB + 0x40200000ULL, false);
    check_tables(600ULL << 30, true); /* more than one PDPT */
}

TEST(paging_says_when_the_pool_is_short)
{
    uint8_t *memory = aligned_alloc(PAGE_BYTES, 4 * PAGE_BYTES);
    struct page_pool pool = {(uintptr_t)memory, (uintptr_t)memory + 4 * PAGE_BYTES};

    CHECK_EQ(paging_build(&pool, FOUR_GB, true, &plan, HV_PHYS), 0);
    free(memory);
}
