/* SPDX-License-Identifier: MIT */
/*
 * Memory of the program: page allocation over the RAM that start_info reports (above 1 MB, without
 * image and modules), and the window: frames that no RAM backs, where shared pages, grants and BARs
 * are mapped. The identity map makes both visible at their own address.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

#include "pagealloc.h"

#define LOW_MEMORY UINT64_C(0x100000) /* start_info, ACPI tables: left alone */
#define WINDOW_MIN (UINT64_C(8) << 30)
#define WINDOW_ALIGN (UINT64_C(1) << 30)
#define WINDOW_PAGES (UINT64_C(1) << 20) /* 4 GB */

static struct pagealloc ram, window;
static uint64_t window_bitmap[WINDOW_PAGES / 64];

static uint64_t page_up(uint64_t address)
{
    return (address + RT_PAGE - 1) & ~(uint64_t)(RT_PAGE - 1);
}

/* Is [address, address + size) clear of image and modules? */
static bool is_unused(uint64_t address, uint64_t size)
{
    uint64_t base, len;

    if (address < (uintptr_t)rt_image_end && address + size > (uintptr_t)rt_text_start)
        return false;
    for (uint32_t i = 0; startinfo_module_range(i, &base, &len); i++) {
        if (address < base + len && address + size > base)
            return false;
    }
    return true;
}

/* The bitmap needs memory before there is an allocator: first page-aligned place that is unused. */
static uint64_t find_bitmap_place(const struct ram_range *ranges, uint32_t n, uint64_t size)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t end = ranges[i].base + ranges[i].size;
        uint64_t at = page_up(ranges[i].base > LOW_MEMORY ? ranges[i].base : LOW_MEMORY);

        for (; at + size <= end; at += RT_PAGE) {
            if (is_unused(at, size))
                return at;
        }
    }
    rt_panic("rt: no RAM for the page bitmap\n");
}

static void exclude(uint64_t base, uint64_t size)
{
    uint64_t first = base / RT_PAGE;

    pagealloc_exclude(&ram, first, page_up(base + size) / RT_PAGE - first);
}

void memory_init(void)
{
    const struct ram_range *ranges;
    uint32_t n = startinfo_ram(&ranges);
    uint64_t top = LOW_MEMORY, base, size, place, bytes, first = LOW_MEMORY / RT_PAGE;

    for (uint32_t i = 0; i < n; i++) {
        if (ranges[i].base + ranges[i].size > top)
            top = ranges[i].base + ranges[i].size;
    }
    bytes = page_up(pagealloc_bitmap_bytes(top / RT_PAGE - first));
    place = find_bitmap_place(ranges, n, bytes);
    pagealloc_init(&ram, (uint64_t *)place, first, top / RT_PAGE - first);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t start = page_up(ranges[i].base > LOW_MEMORY ? ranges[i].base : LOW_MEMORY);
        uint64_t end = (ranges[i].base + ranges[i].size) & ~(uint64_t)(RT_PAGE - 1);

        if (end > start && pagealloc_give(&ram, start / RT_PAGE, (end - start) / RT_PAGE) != 0)
            rt_panic("rt: RAM ranges overlap at 0x%lx\n", start);
    }
    exclude((uintptr_t)rt_text_start, (uint64_t)(rt_image_end - rt_text_start));
    exclude(place, bytes);
    for (uint32_t i = 0; startinfo_module_range(i, &base, &size); i++) {
        exclude(base, size);
        if (base + size > top)
            top = base + size;
    }
    top = (top + WINDOW_ALIGN - 1) & ~(WINDOW_ALIGN - 1);
    if (top < WINDOW_MIN)
        top = WINDOW_MIN;
    if (top + WINDOW_PAGES * RT_PAGE > ADDRESS_LIMIT)
        rt_panic("rt: RAM up to 0x%lx leaves no window\n", top);
    pagealloc_init(&window, window_bitmap, top / RT_PAGE, WINDOW_PAGES);
    if (pagealloc_give(&window, top / RT_PAGE, WINDOW_PAGES) != 0)
        rt_panic("rt: window\n");
}

void *rt_pages_alloc(size_t pages)
{
    uint64_t frame;
    void *p;

    if (pagealloc_take(&ram, pages, &frame) != 0)
        return NULL;
    p = (void *)(frame * RT_PAGE);
    memset(p, 0, pages * RT_PAGE);
    return p;
}

void rt_pages_free(void *p, size_t pages)
{
    if ((uintptr_t)p % RT_PAGE != 0 || pagealloc_give(&ram, (uintptr_t)p / RT_PAGE, pages) != 0)
        rt_panic("rt: bad free of %zu pages at %p\n", pages, p);
}

size_t rt_pages_available(void)
{
    return ram.free;
}

bool memory_next_free(uint64_t *address, size_t *pages)
{
    uint64_t frame = *address / RT_PAGE;

    if (!pagealloc_next_run(&ram, &frame, pages))
        return false;
    *address = frame * RT_PAGE;
    return true;
}

int window_take(size_t pages, uint64_t *address)
{
    uint64_t frame;
    int r = pagealloc_take(&window, pages, &frame);

    if (r == 0)
        *address = frame * RT_PAGE;
    return r;
}

void window_give(uint64_t address, size_t pages)
{
    if (pagealloc_give(&window, address / RT_PAGE, pages) != 0)
        rt_panic("rt: bad free of window 0x%lx\n", address);
}

void *rt_window_reserve(size_t pages)
{
    uint64_t address;

    return window_take(pages, &address) == 0 ? (void *)address : NULL;
}
