/* SPDX-License-Identifier: MIT */
/*
 * Page tables in which hv is entered (handoff.h): everything identity-mapped, hv at its link
 * address, all writable and executable. Below 4 GB always by 2 MB pages, because device windows lie
 * there and a 1 GB page must not span memory types (SDM vol. 3, 12.11.9 "Large Page Size
 * Considerations").
 */
#include "loader.h"

#define PTE_PRESENT_RW 3ULL
#define PTE_LARGE 0x80ULL
#define ENTRIES 512U

static uint64_t *take_page(struct page_pool *pool)
{
    if (pool->next >= pool->end)
        return NULL;
    uint64_t *page = (uint64_t *)(uintptr_t)pool->next;
    pool->next += PAGE_BYTES;
    for (unsigned int i = 0; i < ENTRIES; i++)
        page[i] = 0;
    return page;
}

/* The table below `table[index]`, made when absent. */
static uint64_t *descend(struct page_pool *pool, uint64_t *table, unsigned int index)
{
    if (table[index] == 0) {
        uint64_t *page = take_page(pool);
        if (page == NULL)
            return NULL;
        table[index] = (uint64_t)(uintptr_t)page | PTE_PRESENT_RW;
    }
    return (uint64_t *)(uintptr_t)align_down(table[index], PAGE_BYTES);
}

static unsigned int index_of(uint64_t va, unsigned int level)
{
    return (unsigned int)(va >> (12 + 9 * level)) % ENTRIES;
}

/* level 1: a 2 MB page, level 2: a 1 GB page. */
static bool map_large(struct page_pool *pool, uint64_t *pml4, uint64_t va, uint64_t pa,
                      unsigned int level)
{
    uint64_t *table = pml4;

    for (unsigned int l = 3; l > level; l--) {
        table = descend(pool, table, index_of(va, l));
        if (table == NULL)
            return false;
    }
    table[index_of(va, level)] = pa | PTE_LARGE | PTE_PRESENT_RW;
    return true;
}

uint64_t paging_pages_needed(uint64_t top, bool huge)
{
    uint64_t gigabytes = align_up(top, HUGE_PAGE_BYTES) / HUGE_PAGE_BYTES;
    uint64_t pdpts = align_up(gigabytes, ENTRIES) / ENTRIES;
    uint64_t pds = huge ? 4 : gigabytes;

    return 1 + pdpts + pds + 3; /* hv: a PDPT and up to two PDs, at the top 2 GB */
}

uint64_t paging_build(struct page_pool *pool, uint64_t top, bool huge, const struct hv_plan *plan,
                      uint64_t hv_phys)
{
    uint64_t *pml4 = take_page(pool);
    if (pml4 == NULL)
        return 0;

    for (uint64_t pa = 0; pa < top;) {
        bool big = huge && pa >= FOUR_GB;
        if (!map_large(pool, pml4, pa, pa, big ? 2 : 1))
            return 0;
        pa += big ? HUGE_PAGE_BYTES : BIG_PAGE_BYTES;
    }
    for (uint64_t off = 0; off < plan->size; off += BIG_PAGE_BYTES) {
        if (!map_large(pool, pml4, plan->link_base + off, hv_phys + off, 1))
            return 0;
    }
    return (uint64_t)(uintptr_t)pml4;
}
