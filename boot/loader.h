/* SPDX-License-Identifier: MIT */
/*
 * Internal contracts of the loader. pe.c, elf.c, ranges.c and paging.c are pure: they touch only
 * the memory they are given, so the host unit tests compile them unchanged. The rest talks to UEFI.
 */
#ifndef BOOT_LOADER_H
#define BOOT_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "public/handoff.h"

#define PAGE_BYTES 4096ULL
#define BIG_PAGE_BYTES (2ULL << 20)
#define HUGE_PAGE_BYTES (1ULL << 30)
#define FOUR_GB (4ULL << 30)

static inline uint64_t align_down(uint64_t value, uint64_t to)
{
    return value & ~(to - 1);
}

static inline uint64_t align_up(uint64_t value, uint64_t to)
{
    return align_down(value + to - 1, to);
}

/* ---- pe.c: sections of the running image ---- */

struct pe_section {
    uint64_t offset; /* from the image's base in memory */
    uint64_t size;
};

/*
 * Finds a section of an image the firmware has loaded at `image` (`image_size` bytes in memory).
 * 0, -ENOENT, or -EINVAL when headers or section reach outside the image.
 */
int pe_find_section(const uint8_t *image, uint64_t image_size, const char *name,
                    struct pe_section *out);

/* ---- elf.c: hv.elf ---- */

#define HV_MAX_SEGMENTS 8U
#define HV_MAX_BYTES (256ULL << 20)

struct hv_plan {
    uint64_t link_base; /* 2 MB aligned; becomes hv_phys */
    uint64_t size;      /* page-aligned, from link_base */
    uint64_t entry;
};

/* Checks the whole file and says what memory it wants. 0, or -ENOEXEC with *why set to a reason. */
int elf_plan_hv(const uint8_t *file, uint64_t size, struct hv_plan *plan, const char **why);

/* Fills plan->size zeroed bytes at `memory` from a file that elf_plan_hv() accepted. */
void elf_place_hv(const uint8_t *file, const struct hv_plan *plan, uint8_t *memory);

/* ---- ranges.c: memory map ---- */

/*
 * A list under construction: sorted, disjoint, neighbours of one type merged. What is added later
 * overrides what it overlaps. `lost` counts additions that found no room; they leave no trace.
 */
struct range_list {
    struct bh_range *ranges;
    uint32_t count;
    uint32_t capacity;
    uint32_t lost;
};

void ranges_set(struct range_list *list, uint64_t base, uint64_t size, uint32_t type);
uint32_t ranges_type_of_efi(uint32_t efi_type);

/* ---- paging.c: entry page tables ---- */

/* Zeroed pages, taken one after the other; physical address == pointer. */
struct page_pool {
    uint64_t next;
    uint64_t end;
};

/* How many pages paging_build() takes at most. */
uint64_t paging_pages_needed(uint64_t top, bool huge);

/* Identity map of [0, top) and hv at its link address; the value for CR3, or 0: the pool is short.
 */
uint64_t paging_build(struct page_pool *pool, uint64_t top, bool huge, const struct hv_plan *plan,
                      uint64_t hv_phys);

/* ---- enter.S ---- */

void enter_hv(uint64_t handoff, uint64_t cr3, uint64_t stack_top, uint64_t entry)
    __attribute__((noreturn));

#endif
