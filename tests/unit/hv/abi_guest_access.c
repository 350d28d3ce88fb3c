/* SPDX-License-Identifier: MIT */
/*
 * The guest page-table walk and the copies on top of it: all page sizes, permissions, malformed and
 * self-referencing tables, page crossings, ends of the address space.
 */
#include "abi_machine.h"

#include <string.h>

#include <hv/guest_access.h>

#include "test.h"

#define P 1ULL
#define W 2ULL
#define L 0x80ULL

static struct domain *guest;

/* Tables at gfn 16: PML4, 17: PDPT, 18: PD, 19: PT. */
static void entry(unsigned int table, unsigned int index, uint64_t value)
{
    sim_put(guest, (16 + table) * PAGE_SIZE + index * 8ULL, &value, 8);
}

static void start(void)
{
    sim_start();
    guest = sim_domain(~0U, 1, 1024);
    for (uint32_t i = 0; i < 1024; i++)
        memset(sim_page(guest, i), (int)(i & 0xff), i >= 32 ? PAGE_SIZE : 0);
    sim_paging = (struct guest_paging){
        .cr0 = 1U << 31 | 1U << 16 | 1, .cr3 = 16 * PAGE_SIZE, .efer = 1U << 10};
    entry(0, 0, 17 * PAGE_SIZE | P | W);
    entry(1, 0, 18 * PAGE_SIZE | P | W);
    entry(2, 0, 19 * PAGE_SIZE | P | W);
    entry(3, 1, 33 * PAGE_SIZE | P | W);
    entry(3, 2, 40 * PAGE_SIZE | P);
}

static int get(uint64_t gva, size_t len)
{
    uint8_t buffer[16384];

    return guest_copy_from(guest->vcpus[0], buffer, gva, len);
}

static int put(uint64_t gva, size_t len)
{
    static const uint8_t buffer[16384];

    return guest_copy_to(guest->vcpus[0], gva, buffer, len);
}

TEST(walk_follows_4k_pages_and_crosses_them)
{
    uint8_t two[2];

    start();
    CHECK(guest_copy_from(guest->vcpus[0], two, 0x1fff, 2) == 0);
    CHECK(two[0] == 33 && two[1] == 40);
    CHECK(get(0x1000, 8192) == 0);
    CHECK(get(0x1000, 8193) != 0);
    CHECK(get(0x0fff, 1) != 0);
    CHECK(get(0x3000, 1) != 0);
    CHECK(get(0x3000, 0) == 0);
    CHECK(sim_end());
}

TEST(walk_follows_2m_and_1g_pages)
{
    uint8_t byte;

    start();
    entry(2, 1, 0x200000 | P | W | L);
    CHECK(guest_copy_from(guest->vcpus[0], &byte, 0x200000 + 100 * PAGE_SIZE + 5, 1) == 0);
    CHECK(byte == ((512 + 100) & 0xff));
    entry(2, 2, 0x200000 | 0x1000 | P | L); /* PAT bit */
    CHECK(get(0x400000, 16384) == 0);
    CHECK(put(0x400000, 1) != 0);
    entry(2, 3, 0x202000 | P | L); /* misaligned */
    CHECK(get(0x600000, 1) != 0);
    entry(1, 1, P | W | L);
    CHECK(guest_copy_from(guest->vcpus[0], &byte, (1ULL << 30) + 50 * PAGE_SIZE, 1) == 0);
    CHECK(byte == 50);
    CHECK(get((1ULL << 30) + 1024 * PAGE_SIZE, 1) != 0); /* beyond its RAM */
    entry(1, 2, 0x200000 | P | W | L);
    CHECK(get(2ULL << 30, 1) != 0);
    entry(0, 1, P | W | L); /* a large page at the top is reserved */
    CHECK(get(1ULL << 39, 1) != 0);
    CHECK(sim_end());
}

TEST(walk_respects_write_permission_at_every_level)
{
    start();
    CHECK(put(0x1000, 4096) == 0);
    CHECK(put(0x1fff, 2) != 0);
    CHECK(get(0x2000, 1) == 0);
    sim_paging.cr0 &= ~(1ULL << 16); /* WP off: a supervisor write passes */
    CHECK(put(0x2000, 1) == 0);
    sim_paging.cr0 |= 1U << 16;
    for (unsigned int level = 0; level < 3; level++) {
        entry(level, 0, (17 + level) * PAGE_SIZE | P);
        CHECK(put(0x1000, 1) != 0);
        CHECK(get(0x1000, 1) == 0);
        entry(level, 0, (17 + level) * PAGE_SIZE | P | W);
    }
    CHECK(sim_end());
}

TEST(walk_refuses_addresses_that_are_not_canonical_or_wrap)
{
    start();
    CHECK(get(0x0000800000000000, 1) != 0);
    CHECK(get(0xffff7fffffffffff, 1) != 0);
    CHECK(get(~0ULL, 1) != 0);
    entry(0, 511, 17 * PAGE_SIZE | P | W);
    entry(1, 511, 18 * PAGE_SIZE | P | W);
    entry(2, 511, 19 * PAGE_SIZE | P | W);
    entry(3, 511, 41 * PAGE_SIZE | P | W);
    CHECK(get(~0ULL, 1) == 0);
    CHECK(get(~0ULL, 2) != 0); /* goes on at address 0, which is not mapped */
    CHECK(sim_end());
}

TEST(walk_ends_in_tables_that_point_at_themselves_or_nowhere)
{
    start();
    entry(0, 7, 16 * PAGE_SIZE | P | W); /* recursive: legal, and one walk of four reads */
    CHECK(get(7ULL << 39 | 7ULL << 30 | 7ULL << 21 | 7ULL << 12, 4096) == 0);
    entry(0, 3, 0x000ffffffffff000 | P | W);
    CHECK(get(3ULL << 39, 1) != 0);
    entry(0, 4, 2000 * PAGE_SIZE | P | W); /* no RAM there */
    CHECK(get(4ULL << 39, 1) != 0);
    entry(3, 5, 0x000fffffff000000 | P | W);
    CHECK(get(0x5000, 1) != 0);
    sim_paging.cr3 = ~0ULL;
    CHECK(get(0x1000, 1) != 0);
    sim_paging.cr3 = 16 * PAGE_SIZE;
    sim_paging.efer = 0; /* paging without long mode is not followed */
    CHECK(get(0x1000, 1) != 0);
    CHECK(sim_end());
}

TEST(copies_without_paging_stay_below_4_gb_and_inside_ram)
{
    start();
    sim_paging = (struct guest_paging){0};
    CHECK(get(40 * PAGE_SIZE + 5, 4096) == 0);
    CHECK(get(1023 * PAGE_SIZE, 4096) == 0);
    CHECK(get(1023 * PAGE_SIZE, 4097) != 0);
    CHECK(get(1ULL << 32, 1) != 0);
    CHECK(sim_end());
}

TEST(physical_copies_check_their_bounds)
{
    uint8_t byte = 0;

    start();
    CHECK(guest_copy_from_gpa(guest, &byte, ~0ULL, 1) != 0);
    CHECK(guest_copy_from_gpa(guest, &byte, 1ULL << MAX_GPA_BITS, 1) != 0);
    CHECK(guest_copy_to_gpa(guest, 1024 * PAGE_SIZE - 1, NULL, 2) != 0);
    CHECK(guest_copy_to_gpa(guest, 40 * PAGE_SIZE - 1, NULL, 2) == 0);
    sim_get(guest, 40 * PAGE_SIZE, &byte, 1);
    CHECK(byte == 0);
    CHECK(sim_end());
}

TEST(pins_want_ram_of_the_domain)
{
    void *page;

    start();
    CHECK(guest_pin_page(guest, GFN(33), &page) == 0);
    CHECK(page == sim_page(guest, 33));
    guest_unpin_page(page);
    CHECK(guest_pin_page(guest, GFN(5000), &page) != 0);
    CHECK(guest_pin_page(guest, GFN(~0ULL), &page) != 0);
    CHECK(sim_end());
}
