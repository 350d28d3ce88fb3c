/* SPDX-License-Identifier: MIT */
/*
 * Nested page tables: one 4-level walker for EPT and NPT, whose differences are data in struct
 * p2m_format. p2m.lock is the caller's, see p2m.h.
 *
 * An entry keeps the logical type of its mapping in software bits 52-54 beside the hardware
 * permission; entries that point to tables have type 0 and full permission.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/p2m.h>
#include <hv/percpu.h>
#include <hv/vcpu.h>

/* Intel SDM vol. 3, 29.3.2 "EPT Translation Mechanism". A/D stay off (no bit 8, 9). */
const struct p2m_format p2m_format_ept = {
    .name = "ept",
    .present_any = 7,
    .perm_r = 1,
    .perm_w = 2,
    .perm_x = 4,
    .large_bit = 1U << 7,
    .memtype_wb = 6U << 3,
};

/* AMD APM vol. 2, 15.25.5 "Nested Table Walk": guest accesses count as user accesses; A and D are
   set at creation so that the CPU never writes a table. */
const struct p2m_format p2m_format_npt = {
    .name = "npt",
    .present_any = 1,
    .perm_r = 1,
    .perm_w = 2,
    .perm_nx = 1ULL << 63,
    .table_bits = 0x24, /* U, A */
    .leaf_bits = 0x64,  /* U, A, D */
    .large_bit = 1U << 7,
    .memtype_uc = 0x18, /* PCD, PWT */
};

static unsigned int index_at(gfn_t gfn, unsigned int level)
{
    return (unsigned int)(gfn.n >> (9 * level)) & 511;
}

static bool is_present(const struct p2m *p2m, uint64_t e)
{
    return e & p2m->format->present_any;
}

static bool is_leaf(const struct p2m *p2m, uint64_t e, unsigned int level)
{
    return level == 0 || (e & p2m->format->large_bit);
}

static mfn_t entry_mfn(uint64_t e)
{
    return MFN((e & P2M_ADDR_MASK) >> PAGE_SHIFT);
}

static enum p2m_type entry_type(uint64_t e)
{
    return (enum p2m_type)((e & P2M_TYPE_MASK) >> P2M_TYPE_SHIFT);
}

static uint64_t perm_bits(const struct p2m_format *f, unsigned int perm)
{
    return (perm & P2M_R ? f->perm_r : 0) | (perm & P2M_W ? f->perm_w : 0) |
           (perm & P2M_X ? f->perm_x : f->perm_nx);
}

static unsigned int entry_perm(const struct p2m_format *f, uint64_t e)
{
    bool x = f->perm_nx ? !(e & f->perm_nx) : (e & f->perm_x) != 0;

    return (e & f->perm_r ? P2M_R : 0) | (e & f->perm_w ? P2M_W : 0) | (x ? P2M_X : 0);
}

static unsigned int type_perm(enum p2m_type type)
{
    switch (type) {
    case P2M_RAM:
        return P2M_R | P2M_W | P2M_X;
    case P2M_RAM_RO:
        return P2M_R | P2M_X;
    case P2M_GRANT:
    case P2M_SHARED:
    case P2M_MMIO:
        return P2M_R | P2M_W;
    case P2M_GRANT_RO:
        return P2M_R;
    case P2M_NONE:
        break;
    }
    return 0;
}

static uint64_t make_leaf(const struct p2m_format *f, mfn_t mfn, unsigned int level,
                          enum p2m_type type)
{
    return mfn.n << PAGE_SHIFT | f->leaf_bits | (level ? f->large_bit : 0) |
           (type == P2M_MMIO ? f->memtype_uc : f->memtype_wb) | perm_bits(f, type_perm(type)) |
           (uint64_t)type << P2M_TYPE_SHIFT;
}

static uint64_t make_table(const struct p2m_format *f, mfn_t mfn)
{
    return mfn.n << PAGE_SHIFT | f->table_bits | perm_bits(f, P2M_R | P2M_W | P2M_X);
}

static mfn_t table_alloc(struct p2m *p2m)
{
    mfn_t m = frame_alloc(0, p2m->d->id);

    if (!mfn_eq(m, MFN_NONE))
        p2m->table_frames++;
    return m;
}

static bool gfn_ok(gfn_t gfn)
{
    return gfn.n < 1ULL << (MAX_GPA_BITS - PAGE_SHIFT);
}

int p2m_init(struct p2m *p2m, struct domain *d, const struct p2m_format *format)
{
    spin_init(&p2m->lock);
    p2m->format = format;
    p2m->d = d;
    p2m->table_frames = 0;
    p2m->flush_gen = 1;
    p2m->root = table_alloc(p2m);
    return mfn_eq(p2m->root, MFN_NONE) ? -ENOMEM : 0;
}

static void free_tables(struct p2m *p2m, mfn_t table, unsigned int level)
{
    uint64_t *t = frame_map(table);

    for (unsigned int i = 0; level && i < 512; i++)
        if (is_present(p2m, t[i]) && !is_leaf(p2m, t[i], level))
            free_tables(p2m, entry_mfn(t[i]), level - 1);
    frame_unmap(t);
    frame_free(table, 0, p2m->d->id);
    p2m->table_frames--;
}

void p2m_destroy(struct p2m *p2m)
{
    if (!mfn_eq(p2m->root, MFN_NONE))
        free_tables(p2m, p2m->root, P2M_LEVELS - 1);
    p2m->root = MFN_NONE;
}

/* Replace the large mapping *e at level by a table of mappings one level below. */
static int split(struct p2m *p2m, uint64_t *e, unsigned int level)
{
    const struct p2m_format *f = p2m->format;
    mfn_t table = table_alloc(p2m);
    uint64_t *t, base = *e, step = 1ULL << (PAGE_SHIFT + 9 * (level - 1));

    if (mfn_eq(table, MFN_NONE))
        return -ENOMEM;
    if (level == 1)
        base &= ~f->large_bit;
    t = frame_map(table);
    for (unsigned int i = 0; i < 512; i++)
        t[i] = base + i * step;
    frame_unmap(t);
    WRITE_ONCE(*e, make_table(f, table));
    return 0;
}

/* The entry for gfn at level, making tables on the way; splits what is larger. NULL: no memory. */
static uint64_t *walk_alloc(struct p2m *p2m, gfn_t gfn, unsigned int level)
{
    mfn_t table = p2m->root;

    for (unsigned int l = P2M_LEVELS - 1;; l--) {
        uint64_t *e = (uint64_t *)frame_map(table) + index_at(gfn, l);

        if (l == level)
            return e;
        if (!is_present(p2m, *e)) {
            mfn_t below = table_alloc(p2m);

            if (mfn_eq(below, MFN_NONE))
                return NULL;
            WRITE_ONCE(*e, make_table(p2m->format, below));
        } else if (is_leaf(p2m, *e, l) && split(p2m, e, l)) {
            return NULL;
        }
        table = entry_mfn(*e);
    }
}

/* The entry that maps gfn, or the one that is missing; *level says where. */
static uint64_t *walk(const struct p2m *p2m, gfn_t gfn, unsigned int *level)
{
    mfn_t table = p2m->root;

    for (unsigned int l = P2M_LEVELS - 1;; l--) {
        uint64_t *e = (uint64_t *)frame_map(table) + index_at(gfn, l);

        if (!is_present(p2m, *e) || is_leaf(p2m, *e, l)) {
            *level = l;
            return e;
        }
        table = entry_mfn(*e);
    }
}

/* A large mapping where a table of small ones was: the table stays, it must be empty. */
static int fill_table(struct p2m *p2m, mfn_t table, mfn_t mfn, enum p2m_type type)
{
    uint64_t *t = frame_map(table);

    for (unsigned int i = 0; i < 512; i++)
        if (is_present(p2m, t[i])) {
            frame_unmap(t);
            return -EEXIST;
        }
    for (unsigned int i = 0; i < 512; i++)
        WRITE_ONCE(t[i], make_leaf(p2m->format, mfn_add(mfn, i), 0, type));
    frame_unmap(t);
    return 0;
}

int p2m_set(struct p2m *p2m, gfn_t gfn, mfn_t mfn, unsigned int order, enum p2m_type type)
{
    unsigned int at, level = order ? 1 : 0;
    uint64_t *e;

    if ((order && order != LARGE_ORDER) || ((gfn.n | mfn.n) & ((1ULL << order) - 1)) ||
        type == P2M_NONE || !gfn_ok(gfn))
        return -EINVAL;
    e = walk(p2m, gfn, &at);
    if (is_present(p2m, *e))
        return -EEXIST;
    e = walk_alloc(p2m, gfn, level);
    if (!e)
        return -ENOMEM;
    if (is_present(p2m, *e))
        return fill_table(p2m, entry_mfn(*e), mfn, type);
    WRITE_ONCE(*e, make_leaf(p2m->format, mfn, level, type));
    return 0;
}

static void describe(const struct p2m *p2m, uint64_t e, unsigned int level, gfn_t gfn,
                     struct p2m_entry *out)
{
    out->order = 9 * level;
    out->mfn = mfn_add(entry_mfn(e), gfn.n & ((1ULL << out->order) - 1));
    out->type = entry_type(e);
    out->perm = entry_perm(p2m->format, e);
}

int p2m_clear(struct p2m *p2m, gfn_t gfn, struct p2m_entry *old)
{
    unsigned int level;
    uint64_t *e;

    if (!gfn_ok(gfn))
        return -ENOENT;
    e = walk(p2m, gfn, &level);
    if (!is_present(p2m, *e))
        return -ENOENT;
    if (level) {
        e = walk_alloc(p2m, gfn, 0);
        if (!e)
            return -ENOMEM;
    }
    if (old)
        describe(p2m, *e, 0, gfn, old);
    WRITE_ONCE(*e, 0);
    return 0;
}

int p2m_take(struct p2m *p2m, gfn_t gfn, struct p2m_entry *old)
{
    unsigned int level;
    uint64_t *e;

    if (!gfn_ok(gfn))
        return -ENOENT;
    e = walk(p2m, gfn, &level);
    if (!is_present(p2m, *e))
        return -ENOENT;
    describe(p2m, *e, level, gfn, old);
    WRITE_ONCE(*e, 0);
    return 0;
}

int p2m_lookup(struct p2m *p2m, gfn_t gfn, enum p2m_access access, struct p2m_entry *out)
{
    struct p2m_entry found;
    unsigned int level;
    uint64_t e;

    if (!gfn_ok(gfn))
        return -ENOENT;
    e = *walk(p2m, gfn, &level);
    if (!is_present(p2m, e))
        return -ENOENT;
    describe(p2m, e, level, gfn, &found);
    if (found.type == P2M_MMIO || (access == P2M_WRITE && !(found.perm & P2M_W)))
        return -EACCES;
    *out = found;
    return 0;
}

int p2m_next(struct p2m *p2m, gfn_t *gfn, struct p2m_entry *out)
{
    gfn_t g = *gfn;

    while (gfn_ok(g)) {
        unsigned int level;
        uint64_t e = *walk(p2m, g, &level);

        if (is_present(p2m, e)) {
            describe(p2m, e, level, g, out);
            *gfn = g;
            return 0;
        }
        g.n = ((g.n >> (9 * level)) + 1) << (9 * level);
    }
    return -ENOENT;
}

void p2m_flush(struct p2m *p2m)
{
    struct domain *d = p2m->d;
    uint64_t gen = __atomic_add_fetch(&p2m->flush_gen, 1, __ATOMIC_SEQ_CST);

    for (unsigned int i = 0; i < d->nr_vcpus; i++) {
        struct vcpu *v = d->vcpus[i];
        struct pcpu *pc;

        if (!v || !READ_ONCE(v->in_guest))
            continue;
        pc = pcpus[READ_ONCE(v->pcpu)];
        if (pc == this_pcpu())
            continue;
        pcpu_kick(pc);
        while (READ_ONCE(v->in_guest) && READ_ONCE(v->flush_gen) < gen)
            arch_pause();
    }
}
