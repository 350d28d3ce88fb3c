/* SPDX-License-Identifier: MIT */
/*
 * Turns the firmware's memory map and our own claims into the handoff's range list. The list is
 * kept sorted, disjoint and merged after every addition, so there is no finishing step that could
 * fail after ExitBootServices.
 */
#include <string.h>
#include "loader.h"

/* UEFI specification, section 7.2 "Memory Allocation Services", EFI_MEMORY_TYPE. */
uint32_t ranges_type_of_efi(uint32_t efi_type)
{
    switch (efi_type) {
    case 1: /* EfiLoaderCode */
    case 2: /* EfiLoaderData */
    case 3: /* EfiBootServicesCode */
    case 4: /* EfiBootServicesData */
    case 7: /* EfiConventionalMemory */
        return BH_RANGE_RAM;
    case 5: /* EfiRuntimeServicesCode */
    case 6: /* EfiRuntimeServicesData */
        return BH_RANGE_RUNTIME;
    case 9:  /* EfiACPIReclaimMemory */
    case 10: /* EfiACPIMemoryNVS */
        return BH_RANGE_ACPI;
    case 11: /* EfiMemoryMappedIO */
    case 12: /* EfiMemoryMappedIOPortSpace */
        return BH_RANGE_MMIO;
    default:
        return BH_RANGE_RESERVED;
    }
}

static void remove_at(struct range_list *list, uint32_t i)
{
    list->count--;
    memmove(&list->ranges[i], &list->ranges[i + 1], (list->count - i) * sizeof(list->ranges[0]));
}

static void insert_at(struct range_list *list, uint32_t i, uint64_t base, uint64_t end,
                      uint32_t type)
{
    memmove(&list->ranges[i + 1], &list->ranges[i], (list->count - i) * sizeof(list->ranges[0]));
    list->ranges[i] = (struct bh_range){.base = base, .size = end - base, .type = type};
    list->count++;
}

static uint64_t end_of(const struct bh_range *range)
{
    return range->base + range->size;
}

/* Joins entry i to the one before it when they touch and agree. */
static void merge_at(struct range_list *list, uint32_t i)
{
    if (i == 0 || i >= list->count)
        return;
    struct bh_range *before = &list->ranges[i - 1];
    if (end_of(before) == list->ranges[i].base && before->type == list->ranges[i].type) {
        before->size += list->ranges[i].size;
        remove_at(list, i);
    }
}

void ranges_set(struct range_list *list, uint64_t base, uint64_t size, uint32_t type)
{
    uint64_t end = base + size;
    uint32_t i = 0;

    if (size == 0 || end < base)
        return;
    /* An addition splits at most one entry into two and adds itself. */
    if (list->count + 2 > list->capacity) {
        list->lost++;
        return;
    }

    while (i < list->count && end_of(&list->ranges[i]) <= base)
        i++;
    if (i < list->count && list->ranges[i].base < base) {
        struct bh_range cut = list->ranges[i];
        list->ranges[i].size = base - cut.base;
        i++;
        if (end_of(&cut) > end)
            insert_at(list, i, end, end_of(&cut), cut.type);
    }
    while (i < list->count && end_of(&list->ranges[i]) <= end)
        remove_at(list, i);
    if (i < list->count && list->ranges[i].base < end) {
        list->ranges[i].size = end_of(&list->ranges[i]) - end;
        list->ranges[i].base = end;
    }
    insert_at(list, i, base, end, type);
    merge_at(list, i + 1);
    merge_at(list, i);
}
