/* SPDX-License-Identifier: MIT */
/*
 * Permissions in the identity map that entry.S made of 1 GB pages. Larger pages are split when a
 * part of them needs other permissions; nothing is ever merged. Every page is either writable or
 * executable, never both.
 */
#include "internal.h"

#include <errno.h>

#define PTE_PRESENT UINT64_C(1)
#define PTE_WRITE UINT64_C(2)
#define PTE_LARGE UINT64_C(0x80)
#define PTE_NX (UINT64_C(1) << 63)
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)
#define PTE_PERMISSIONS (PTE_PRESENT | PTE_WRITE | PTE_NX)

#define SHIFT_4K 12
#define SHIFT_1G 30

static const uint64_t permissions[] = {
    [PAGE_NONE] = 0,
    [PAGE_RO] = PTE_PRESENT | PTE_NX,
    [PAGE_RW] = PTE_PRESENT | PTE_WRITE | PTE_NX,
    [PAGE_RX] = PTE_PRESENT,
};

/* Replaces a large page by a table of 512 smaller ones with the same permissions. A large page
 * without PRESENT keeps its LARGE bit, which tells it from a table. */
static int split(uint64_t *entry, int shift)
{
    uint64_t *table = rt_pages_alloc(1), part = *entry;
    int small = shift - 9;

    if (table == NULL)
        return -ENOMEM;
    if (small == SHIFT_4K)
        part &= ~PTE_LARGE;
    for (uint64_t i = 0; i < 512; i++)
        table[i] = part + (i << small);
    *entry = (uintptr_t)table | PTE_PRESENT | PTE_WRITE;
    return 0;
}

int paging_protect(uint64_t address, uint64_t size, enum page_access access)
{
    uint64_t end = address + size;

    if (end > ADDRESS_LIMIT || end < address)
        return -EINVAL;
    while (address < end) {
        uint64_t *entry = &rt_pdpt[address >> SHIFT_1G];
        int shift = SHIFT_1G;

        /* Down to the level whose page lies within the range. */
        while (shift > SHIFT_4K) {
            uint64_t page = UINT64_C(1) << shift;

            if ((*entry & PTE_LARGE) != 0) {
                if (address % page == 0 && end - address >= page)
                    break;
                if (split(entry, shift) != 0)
                    return -ENOMEM;
            }
            shift -= 9;
            entry = (uint64_t *)(*entry & PTE_ADDRESS) + (address >> shift) % 512;
        }
        *entry = (*entry & ~PTE_PERMISSIONS) | permissions[access];
        __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
        address += UINT64_C(1) << shift;
    }
    return 0;
}

void paging_init(void)
{
    static const struct {
        const char *start, *end;
        enum page_access access;
    } parts[] = {
        {(const char *)0, (const char *)RT_PAGE, PAGE_NONE}, /* null pointers */
        {(const char *)RT_PAGE, rt_text_start, PAGE_RW},
        {rt_text_start, rt_text_end, PAGE_RX},
        {rt_text_end, rt_rodata_end, PAGE_RO},
        {rt_rodata_end, (const char *)(UINT64_C(1) << SHIFT_1G), PAGE_RW},
        {rt_entry_guard, rt_entry_guard + RT_PAGE, PAGE_NONE},
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (paging_protect((uintptr_t)parts[i].start, (uint64_t)(parts[i].end - parts[i].start),
                           parts[i].access) != 0)
            rt_panic("rt: no memory for page tables\n");
    }
    __asm__ volatile("mov %0, %%cr3" : : "r"((uintptr_t)rt_pml4) : "memory");
}
