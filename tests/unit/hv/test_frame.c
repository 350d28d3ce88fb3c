/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: buddies, scrubbing, owners and pins, stray frees.
 */
#include <hv/errno.h>
#include <hv/lib.h>
#include <hv/mm.h>

#include "host.h"
#include "test.h"

#define FRAMES 4096U
#define OWNER 5U

static bool is_zero(mfn_t m, uint64_t frames)
{
    const uint8_t *p = frame_map(m);

    for (size_t i = 0; i < frames * PAGE_SIZE; i++)
        if (p[i])
            return false;
    return true;
}

TEST(frames_come_zeroed_and_aligned)
{
    host_memory(FRAMES);
    CHECK_EQ(frames_free(), FRAMES - 1);
    for (unsigned int order = 0; order <= 10; order++) {
        mfn_t m = frame_alloc(order, OWNER);

        CHECK(m.n != ~0ULL);
        CHECK_EQ(m.n & ((1ULL << order) - 1), 0);
        CHECK(is_zero(m, 1ULL << order));
        CHECK_EQ(frame_owner(m), OWNER);
        memset(frame_map(m), 0x77, PAGE_SIZE << order);
        frame_free(m, order, OWNER);
    }
    CHECK_EQ(frames_free(), FRAMES - 1);
}

TEST(freed_frames_are_scrubbed)
{
    mfn_t m;

    host_memory(FRAMES);
    m = frame_alloc(3, OWNER);
    memset(frame_map(m), 0x77, PAGE_SIZE * 8);
    frame_free(m, 3, OWNER);
    CHECK(is_zero(m, 8));
    CHECK_EQ(frame_owner(m), FRAME_OWNER_NONE);
}

TEST(all_memory_goes_out_and_comes_back)
{
    static mfn_t got[FRAMES];
    unsigned int n = 0;

    host_memory(FRAMES);
    for (;;) {
        mfn_t m = frame_alloc(0, OWNER);

        if (m.n == ~0ULL)
            break;
        CHECK(n < FRAMES);
        got[n++] = m;
    }
    CHECK_EQ(n, FRAMES - 1);
    CHECK_EQ(frames_free(), 0);
    CHECK_EQ(frame_alloc(5, OWNER).n, ~0ULL);
    for (unsigned int i = 0; i < n; i++) /* an order that is neither up nor down */
        frame_free(got[(i * 1231U) % n], 0, OWNER);
    CHECK_EQ(frames_free(), FRAMES - 1);
    CHECK(frame_alloc(11, OWNER).n != ~0ULL); /* the buddies found each other */
}

TEST(too_large_an_order_fails)
{
    host_memory(64);
    CHECK_EQ(frame_alloc(6, OWNER).n, ~0ULL);
    CHECK_EQ(frame_alloc(MAX_ORDER + 1, OWNER).n, ~0ULL);
    CHECK(frame_alloc(5, OWNER).n != ~0ULL);
}

TEST(parts_of_a_block_can_be_freed)
{
    mfn_t m;

    host_memory(FRAMES);
    m = frame_alloc(9, OWNER);
    for (unsigned int i = 0; i < 512; i++)
        frame_free(mfn_add(m, i), 0, OWNER);
    CHECK_EQ(frames_free(), FRAMES - 1);
    CHECK_EQ(frame_alloc(9, OWNER).n, m.n); /* clean blocks go first, joined again */
}

TEST(stray_frees_are_caught)
{
    mfn_t m;

    host_memory(FRAMES);
    m = frame_alloc(2, OWNER);
    CHECK(PANICS(frame_free(m, 2, OWNER + 1)));
    CHECK(PANICS(frame_free(mfn_add(m, 1), 1, OWNER)));
    CHECK(PANICS(frame_free(MFN(FRAMES), 0, OWNER)));
    CHECK(PANICS(frame_free(m, 3, OWNER)));
    frame_free(m, 2, OWNER);
    CHECK(PANICS(frame_free(m, 2, OWNER)));
    CHECK(PANICS(frame_free(mfn_add(m, 1), 0, OWNER)));
}

TEST(pins_hold_a_frame)
{
    mfn_t m;

    host_memory(FRAMES);
    m = frame_alloc(0, OWNER);
    CHECK_EQ(frame_pin(m, OWNER + 1), -EINVAL);
    CHECK_EQ(frame_pin(MFN(FRAMES + 7), OWNER), -EINVAL);
    CHECK_EQ(frame_pin(m, OWNER), 0);
    CHECK_EQ(frame_pin(m, OWNER), 0);
    CHECK_EQ(frame_pins(m), 2);
    CHECK(PANICS(frame_free(m, 0, OWNER)));
    frame_unpin(m);
    frame_unpin(m);
    CHECK(PANICS(frame_unpin(m)));
    frame_free(m, 0, OWNER);
    CHECK_EQ(frame_pin(m, OWNER), -EINVAL);
}

TEST(modules_are_claimed_and_given_away)
{
    static uint64_t table[256];

    host_memory(256);
    memset(table, 0, sizeof(table));
    frame_init(table, 256);
    frame_add_range(MFN(1), 99);
    frame_claim(MFN(100), 50, 0);
    CHECK_EQ(frames_total(), 149);
    CHECK_EQ(frames_free(), 99);
    CHECK_EQ(frame_owner(MFN(149)), 0);
    CHECK_EQ(frame_owner(MFN(150)), FRAME_OWNER_NONE);
    CHECK(PANICS(frame_claim(MFN(149), 1, 3)));
    frame_set_owner(MFN(100), 0, 7);
    CHECK_EQ(frame_owner(MFN(100)), 7);
}

static uint64_t count_pattern(uint64_t pattern)
{
    uint64_t cursor = 0, found = 0;

    while (frame_scan_free(pattern, &cursor, &found) == -EAGAIN)
        ;
    return found;
}

TEST(the_scan_sees_clean_free_frames_only)
{
    mfn_t m;

    host_memory(FRAMES);
    CHECK_EQ(count_pattern(0xa5a5a5a5a5a5a5a5ULL), 0); /* dirty ones were never anybody's */
    m = frame_alloc(4, OWNER);
    *(uint64_t *)frame_map(m) = 0x1122334455667788ULL;
    CHECK_EQ(count_pattern(0x1122334455667788ULL), 0);
    frame_free(m, 4, OWNER);
    CHECK_EQ(count_pattern(0x1122334455667788ULL), 0);
    ((uint64_t *)frame_map(mfn_add(m, 3)))[511] = 0x1122334455667788ULL; /* a scrub that failed */
    CHECK_EQ(count_pattern(0x1122334455667788ULL), 1);
}
