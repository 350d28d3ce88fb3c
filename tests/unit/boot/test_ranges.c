/* SPDX-License-Identifier: MIT */
/* The range list against a page-by-page model, and its limits. */
#include <stdlib.h>
#include <string.h>
#include "loader.h"
#include "test.h"

static struct bh_range room[BH_MAX_RANGES];

static struct range_list make_list(uint32_t capacity)
{
    return (struct range_list){.ranges = room, .capacity = capacity};
}

TEST(ranges_merge_neighbours_of_one_type)
{
    struct range_list l = make_list(8);

    ranges_set(&l, 0x3000, 0x1000, BH_RANGE_RAM);
    ranges_set(&l, 0x1000, 0x1000, BH_RANGE_RAM);
    ranges_set(&l, 0x2000, 0x1000, BH_RANGE_RAM);
    CHECK_EQ(l.count, 1);
    CHECK_EQ(room[0].base, 0x1000);
    CHECK_EQ(room[0].size, 0x3000);
}

TEST(ranges_split_around_a_claim)
{
    struct range_list l = make_list(8);

    ranges_set(&l, 0, 0x10000, BH_RANGE_RAM);
    ranges_set(&l, 0x4000, 0x2000, BH_RANGE_MODULE);
    CHECK_EQ(l.count, 3);
    CHECK_EQ(room[1].base, 0x4000);
    CHECK_EQ(room[1].type, BH_RANGE_MODULE);
    CHECK_EQ(room[2].base, 0x6000);
    CHECK_EQ(room[2].size, 0xa000);
}

TEST(ranges_ignore_empty_and_wrapping_additions)
{
    struct range_list l = make_list(8);

    ranges_set(&l, 0x1000, 0, BH_RANGE_RAM);
    ranges_set(&l, UINT64_MAX - 0xfff, 0x2000, BH_RANGE_RAM);
    CHECK_EQ(l.count, 0);
    CHECK_EQ(l.lost, 0);
}

TEST(ranges_count_what_finds_no_room)
{
    struct range_list l = make_list(4);

    for (uint64_t i = 0; i < 5; i++)
        ranges_set(&l, i * 0x2000, 0x1000, BH_RANGE_RAM);
    CHECK_EQ(l.count, 3);
    CHECK_EQ(l.lost, 2);
}

TEST(ranges_agree_with_a_page_model)
{
    uint8_t model[64];

    srand(1);
    for (unsigned int round = 0; round < 300; round++) {
        struct range_list l = make_list(BH_MAX_RANGES);
        memset(model, 0, sizeof(model));
        for (unsigned int n = 0; n < 40; n++) {
            unsigned int first = (unsigned int)rand() % 64;
            unsigned int pages = 1 + (unsigned int)rand() % (64 - first);
            unsigned int type = 1 + (unsigned int)rand() % 7;
            ranges_set(&l, first * PAGE_BYTES, pages * PAGE_BYTES, type);
            memset(model + first, (int)type, pages);

            uint8_t seen[64] = {0};
            for (uint32_t i = 0; i < l.count; i++) {
                CHECK(i == 0 || room[i - 1].base + room[i - 1].size <= room[i].base);
                CHECK(i == 0 || room[i - 1].base + room[i - 1].size != room[i].base ||
                      room[i - 1].type != room[i].type);
                memset(seen + room[i].base / PAGE_BYTES, (int)room[i].type,
                       room[i].size / PAGE_BYTES);
            }
            CHECK(memcmp(seen, model, sizeof(model)) == 0);
        }
    }
}

TEST(ranges_know_efi_types)
{
    CHECK_EQ(ranges_type_of_efi(7), BH_RANGE_RAM);
    CHECK_EQ(ranges_type_of_efi(4), BH_RANGE_RAM);
    CHECK_EQ(ranges_type_of_efi(6), BH_RANGE_RUNTIME);
    CHECK_EQ(ranges_type_of_efi(9), BH_RANGE_ACPI);
    CHECK_EQ(ranges_type_of_efi(11), BH_RANGE_MMIO);
    CHECK_EQ(ranges_type_of_efi(0), BH_RANGE_RESERVED);
    CHECK_EQ(ranges_type_of_efi(14), BH_RANGE_RESERVED); /* persistent memory is not ours */
    CHECK_EQ(ranges_type_of_efi(0x80000000U), BH_RANGE_RESERVED);
}
