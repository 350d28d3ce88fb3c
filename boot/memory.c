/* SPDX-License-Identifier: MIT */
/*
 * Memory from the firmware, its memory map, and the end of boot services.
 */
#include "efi_env.h"

#define PAGES(bytes) ((UINTN)(align_up(bytes, PAGE_BYTES) / PAGE_BYTES))
#define EXIT_ATTEMPTS 8U

uint64_t memory_alloc(uint64_t size, uint64_t limit)
{
    EFI_PHYSICAL_ADDRESS at = limit - 1;
    EFI_ALLOCATE_TYPE how = limit != 0 ? AllocateMaxAddress : AllocateAnyPages;

    if (efi_bs->AllocatePages(how, EfiLoaderData, PAGES(size), &at) != EFI_SUCCESS)
        return 0;
    return at;
}

uint64_t memory_alloc_big(uint64_t size)
{
    uint64_t wanted = align_up(size, BIG_PAGE_BYTES);
    uint64_t got = wanted + BIG_PAGE_BYTES;
    uint64_t raw = memory_alloc(got, FOUR_GB);
    if (raw == 0)
        return 0;

    uint64_t base = align_up(raw, BIG_PAGE_BYTES);
    if (base > raw)
        efi_bs->FreePages(raw, PAGES(base - raw));
    if (raw + got > base + wanted)
        efi_bs->FreePages(base + wanted, PAGES(raw + got - base - wanted));
    return base;
}

static EFI_STATUS read_map(struct memory_map *map)
{
    UINT32 version;

    map->size = map->capacity;
    return efi_bs->GetMemoryMap(&map->size, (EFI_MEMORY_DESCRIPTOR *)map->entries, &map->key,
                                &map->stride, &version);
}

bool memory_map_prepare(struct memory_map *map)
{
    map->capacity = 0;
    read_map(map); /* fails, and says the size */
    map->capacity = align_up(map->size * 2, PAGE_BYTES);
    map->entries = (uint8_t *)(uintptr_t)memory_alloc(map->capacity, FOUR_GB);
    if (map->entries == NULL || read_map(map) != EFI_SUCCESS)
        return console_fail("memory map", "the firmware does not tell it");
    return true;
}

uint64_t memory_top(void)
{
    struct memory_map map;
    uint64_t top = 0;

    if (!memory_map_prepare(&map))
        return 0;
    for (UINTN at = 0; at + map.stride <= map.size; at += map.stride) {
        const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map.entries + at);
        uint32_t type = ranges_type_of_efi(d->Type);
        uint64_t end = d->PhysicalStart + d->NumberOfPages * PAGE_BYTES;
        if (type != BH_RANGE_MMIO && type != BH_RANGE_RESERVED && end > top)
            top = end;
    }
    efi_bs->FreePages((uintptr_t)map.entries, PAGES(map.capacity));
    return top;
}

/*
 * The map's key is stale whenever an event of the firmware has allocated in between; then read
 * again and retry. After the first attempt only GetMemoryMap may be called (UEFI, 7.4.6
 * EFI_BOOT_SERVICES.ExitBootServices), which is why nothing is allocated or printed here.
 */
bool memory_exit_boot_services(EFI_HANDLE image, struct memory_map *map)
{
    for (unsigned int i = 0; i < EXIT_ATTEMPTS; i++) {
        if (read_map(map) == EFI_SUCCESS &&
            efi_bs->ExitBootServices(image, map->key) == EFI_SUCCESS)
            return true;
    }
    return console_fail("boot services", "the firmware does not end them");
}
