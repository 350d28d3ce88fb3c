/* SPDX-License-Identifier: MIT */
/*
 * The p2m walker on both table formats: set, get, split, clear, limits, and no frame lost.
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/p2m.h>

#include "host.h"
#include "test.h"

static struct domain dom = {.id = 9, .nr_vcpus = 0};
static const struct p2m_format *const formats[] = {&p2m_format_ept, &p2m_format_npt};

static struct p2m *fresh(const struct p2m_format *f)
{
    host_memory(2048);
    dom.p2m = (struct p2m){0};
    if (p2m_init(&dom.p2m, &dom, f))
        test_fail(__FILE__, __LINE__, "p2m_init");
    return &dom.p2m;
}

#define FOR_EACH_FORMAT(f)                                                                         \
    for (size_t fi_ = 0; fi_ < 2; fi_++)                                                           \
        for (const struct p2m_format *f = formats[fi_]; f; f = NULL)

/* Raw leaf of gfn, to look at the bits the hardware will see. */
static uint64_t raw(struct p2m *p, gfn_t g)
{
    mfn_t table = p->root;

    for (unsigned int level = 3;; level--) {
        uint64_t e = ((uint64_t *)frame_map(table))[g.n >> (9 * level) & 511];

        if (level == 0 || !(e & p->format->present_any) || (e & p->format->large_bit))
            return e;
        table = MFN((e & P2M_ADDR_MASK) >> PAGE_SHIFT);
    }
}

TEST(p2m_maps_and_finds_pages)
{
    FOR_EACH_FORMAT(f)
    {
        struct p2m *p = fresh(f);
        struct p2m_entry e;

        CHECK_EQ(p2m_lookup(p, GFN(5), P2M_READ, &e), -ENOENT);
        CHECK_EQ(p2m_set(p, GFN(5), MFN(0x1234), 0, P2M_RAM), 0);
        CHECK_EQ(p2m_set(p, GFN(5), MFN(0x1235), 0, P2M_RAM), -EEXIST);
        CHECK_EQ(p2m_lookup(p, GFN(5), P2M_WRITE, &e), 0);
        CHECK_EQ(e.mfn.n, 0x1234);
        CHECK_EQ(e.type, P2M_RAM);
        CHECK_EQ(e.order, 0);
        CHECK_EQ(e.perm, P2M_R | P2M_W | P2M_X);
        CHECK_EQ(p2m_lookup(p, GFN(6), P2M_READ, &e), -ENOENT);
        CHECK_EQ(p2m_set(p, GFN((1ULL << 28) - 1), MFN(7), 0, P2M_RAM), 0);
        CHECK_EQ(p2m_set(p, GFN(1ULL << 28), MFN(7), 0, P2M_RAM), -EINVAL);
        CHECK_EQ(p2m_lookup(p, GFN(1ULL << 40), P2M_READ, &e), -ENOENT);
        CHECK_EQ(p2m_set(p, GFN(8), MFN(7), 0, P2M_NONE), -EINVAL);
    }
}

TEST(p2m_large_mappings_split)
{
    FOR_EACH_FORMAT(f)
    {
        struct p2m *p = fresh(f);
        struct p2m_entry e;

        CHECK_EQ(p2m_set(p, GFN(512), MFN(1024), 9, P2M_RAM), 0);
        CHECK_EQ(p2m_set(p, GFN(513), MFN(1024), 9, P2M_RAM), -EINVAL);
        CHECK_EQ(p2m_set(p, GFN(1024), MFN(1025), 9, P2M_RAM), -EINVAL);
        CHECK_EQ(p2m_set(p, GFN(1024), MFN(1024), 4, P2M_RAM), -EINVAL);
        CHECK_EQ(p2m_set(p, GFN(700), MFN(1), 0, P2M_RAM), -EEXIST);
        CHECK_EQ(p2m_lookup(p, GFN(700), P2M_READ, &e), 0);
        CHECK_EQ(e.order, 9);
        CHECK_EQ(e.mfn.n, 1024 + 188);
        CHECK_EQ(p2m_clear(p, GFN(700), &e), 0);
        CHECK_EQ(e.mfn.n, 1024 + 188);
        CHECK_EQ(p2m_lookup(p, GFN(700), P2M_READ, &e), -ENOENT);
        CHECK_EQ(p2m_clear(p, GFN(700), &e), -ENOENT);
        for (uint64_t g = 512; g < 1024; g++) {
            if (g == 700)
                continue;
            CHECK_EQ(p2m_lookup(p, GFN(g), P2M_WRITE, &e), 0);
            CHECK_EQ(e.order, 0);
            CHECK_EQ(e.mfn.n, 1024 + g - 512);
            CHECK_EQ(e.perm, P2M_R | P2M_W | P2M_X);
            CHECK_EQ(e.type, P2M_RAM);
        }
    }
}

TEST(p2m_large_over_an_emptied_table)
{
    FOR_EACH_FORMAT(f)
    {
        struct p2m *p = fresh(f);
        struct p2m_entry e;

        CHECK_EQ(p2m_set(p, GFN(100), MFN(3), 0, P2M_RAM), 0);
        CHECK_EQ(p2m_set(p, GFN(0), MFN(512), 9, P2M_RAM), -EEXIST);
        CHECK_EQ(p2m_clear(p, GFN(100), NULL), 0);
        CHECK_EQ(p2m_set(p, GFN(0), MFN(512), 9, P2M_RAM), 0);
        CHECK_EQ(p2m_lookup(p, GFN(511), P2M_READ, &e), 0);
        CHECK_EQ(e.mfn.n, 1023);
    }
}

TEST(p2m_types_decide_access)
{
    static const struct {
        enum p2m_type type;
        int read, write;
    } cases[] = {{P2M_RAM, 0, 0},    {P2M_RAM_RO, 0, -EACCES},
                 {P2M_GRANT, 0, 0},  {P2M_GRANT_RO, 0, -EACCES},
                 {P2M_SHARED, 0, 0}, {P2M_MMIO, -EACCES, -EACCES}};

    FOR_EACH_FORMAT(f)
    {
        struct p2m *p = fresh(f);
        struct p2m_entry e;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            CHECK_EQ(p2m_set(p, GFN(i), MFN(i + 1), 0, cases[i].type), 0);
            CHECK_EQ(p2m_lookup(p, GFN(i), P2M_READ, &e), cases[i].read);
            CHECK_EQ(p2m_lookup(p, GFN(i), P2M_WRITE, &e), cases[i].write);
        }
    }
}

TEST(p2m_bits_are_what_the_hardware_wants)
{
    struct p2m *p = fresh(&p2m_format_ept);

    CHECK_EQ(p2m_set(p, GFN(0), MFN(0x55), 0, P2M_RAM), 0);
    CHECK_EQ(p2m_set(p, GFN(1), MFN(0x56), 0, P2M_MMIO), 0);
    CHECK_EQ(p2m_set(p, GFN(2), MFN(0x57), 0, P2M_GRANT_RO), 0);
    CHECK_EQ(raw(p, GFN(0)) & ~P2M_TYPE_MASK, 0x55037); /* RWX, write-back */
    CHECK_EQ(raw(p, GFN(1)) & ~P2M_TYPE_MASK, 0x56003); /* RW, uncached */
    CHECK_EQ(raw(p, GFN(2)) & ~P2M_TYPE_MASK, 0x57031); /* R */
    p = fresh(&p2m_format_npt);
    CHECK_EQ(p2m_set(p, GFN(0), MFN(0x55), 0, P2M_RAM), 0);
    CHECK_EQ(p2m_set(p, GFN(1), MFN(0x56), 0, P2M_MMIO), 0);
    CHECK_EQ(p2m_set(p, GFN(2), MFN(0x57), 0, P2M_GRANT_RO), 0);
    CHECK_EQ(raw(p, GFN(0)) & ~P2M_TYPE_MASK, 0x55067); /* P RW US A D */
    CHECK_EQ(raw(p, GFN(1)) & ~P2M_TYPE_MASK, 0x800000000005607fULL);
    CHECK_EQ(raw(p, GFN(2)) & ~P2M_TYPE_MASK, 0x8000000000057065ULL);
}

TEST(p2m_next_visits_all_in_order)
{
    FOR_EACH_FORMAT(f)
    {
        struct p2m *p = fresh(f);
        struct p2m_entry e;
        gfn_t g = GFN(0);

        CHECK_EQ(p2m_next(p, &g, &e), -ENOENT);
        CHECK_EQ(p2m_set(p, GFN(3), MFN(1), 0, P2M_RAM), 0);
        CHECK_EQ(p2m_set(p, GFN(1024), MFN(512), 9, P2M_RAM), 0);
        CHECK_EQ(p2m_set(p, GFN(1ULL << 27), MFN(2), 0, P2M_RAM), 0);
        CHECK_EQ(p2m_next(p, &g, &e), 0);
        CHECK_EQ(g.n, 3);
        CHECK_EQ(p2m_take(p, g, &e), 0);
        CHECK_EQ(p2m_next(p, &g, &e), 0);
        CHECK_EQ(g.n, 1024);
        CHECK_EQ(e.order, 9);
        CHECK_EQ(p2m_take(p, g, &e), 0);
        CHECK_EQ(e.mfn.n, 512);
        CHECK_EQ(p2m_next(p, &g, &e), 0);
        CHECK_EQ(g.n, 1ULL << 27);
        CHECK_EQ(p2m_take(p, g, &e), 0);
        CHECK_EQ(p2m_next(p, &g, &e), -ENOENT);
        CHECK_EQ(p2m_take(p, GFN(3), &e), -ENOENT);
    }
}

TEST(p2m_gives_every_table_back)
{
    FOR_EACH_FORMAT(f)
    {
        struct p2m *p = fresh(f);

        for (uint64_t i = 0; i < 200; i++)
            CHECK_EQ(p2m_set(p, GFN(i * 0x12345 % (1ULL << 28)), MFN(i + 1), 0, P2M_RAM), 0);
        CHECK_EQ(p2m_set(p, GFN(0x200), MFN(0x400), 9, P2M_RAM), 0);
        CHECK_EQ(p2m_clear(p, GFN(0x201), NULL), 0);
        CHECK(p->table_frames > 100);
        CHECK_EQ(frames_free() + p->table_frames, 2047);
        p2m_destroy(p);
        CHECK_EQ(p->table_frames, 0);
        CHECK_EQ(frames_free(), 2047);
    }
}

TEST(p2m_without_memory_changes_nothing)
{
    FOR_EACH_FORMAT(f)
    {
        struct p2m *p = fresh(f);
        struct p2m_entry e;

        CHECK_EQ(p2m_set(p, GFN(512), MFN(512), 9, P2M_RAM), 0);
        while (frame_alloc(0, 1).n != ~0ULL)
            ;
        CHECK_EQ(p2m_set(p, GFN(1ULL << 20), MFN(5), 0, P2M_RAM), -ENOMEM);
        CHECK_EQ(p2m_clear(p, GFN(600), &e), -ENOMEM); /* no frame to split with */
        CHECK_EQ(p2m_lookup(p, GFN(600), P2M_READ, &e), 0);
        CHECK_EQ(e.order, 9);
    }
}
