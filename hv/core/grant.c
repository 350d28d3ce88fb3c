/* SPDX-License-Identifier: MIT */
/*
 * Grant tables v1: the table and its entries, the handshake that begins and ends a use of an entry,
 * and the hypercall. Mapping is in grant_map.c, copying in grant_copy.c.
 *
 * The guest writes the shared entries at any time. hv reads flags and domid as one word and sets
 * GTF_reading and GTF_writing by compare-and-exchange; from then on it trusts only grant_active.
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/grant.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/p2m.h>
#include <hv/vcpu.h>
#include <xen/grant_table.h>
#include <xen/xen.h>

#include "grant_table.h"

#define STATUS_RETRIES 5U /* as Xen: a guest may not keep hv in the loop */
#define GFN_NOWHERE (~0ULL)

/* grant_lock held. */
static int grow(struct domain *d, uint32_t nr_frames)
{
    struct grant_table *gt = d->grant;

    if (nr_frames > GRANT_FRAMES_MAX)
        return -EINVAL;
    while (gt->nr_frames < nr_frames) {
        uint32_t i = gt->nr_frames;

        gt->shared[i] = domain_alloc_struct(d, 0);
        gt->active[i] = gt->shared[i] ? domain_alloc_struct(d, ACTIVE_ORDER) : NULL;
        if (!gt->active[i]) {
            if (gt->shared[i])
                domain_free_struct(d, gt->shared[i], 0);
            gt->shared[i] = NULL;
            return -ENOMEM;
        }
        gt->gfn[i] = GFN_NOWHERE;
        gt->nr_frames++;
    }
    return 0;
}

int grant_init(struct domain *d)
{
    int rc;

    spin_init(&d->grant_lock);
    d->grant = domain_alloc_struct(d, 0);
    if (!d->grant)
        return -ENOMEM;
    d->grant->free_mapping = MAPPING_NONE;
    rc = grow(d, 1);
    if (rc)
        grant_free(d);
    return rc;
}

void grant_free(struct domain *d)
{
    struct grant_table *gt = d->grant;

    if (!gt)
        return;
    for (uint32_t i = 0; i < gt->nr_mapping_pages; i++)
        domain_free_struct(d, gt->mappings[i], 0);
    for (uint32_t i = 0; i < gt->nr_frames; i++) {
        domain_free_struct(d, gt->shared[i], 0);
        domain_free_struct(d, gt->active[i], ACTIVE_ORDER);
    }
    domain_free_struct(d, gt, 0);
    d->grant = NULL;
}

int grant_destroy(struct domain *d)
{
    int rc = grant_unmap_all(d);

    if (rc)
        return rc;
    spin_lock(&d->grant_lock);
    rc = d->grant->in_use ? -EBUSY : 0;
    spin_unlock(&d->grant_lock);
    return rc;
}

int grant_table_frame(struct domain *d, uint32_t idx, mfn_t *out)
{
    int rc;

    if (idx >= GRANT_FRAMES_MAX)
        return -EINVAL;
    spin_lock(&d->grant_lock);
    rc = grow(d, idx + 1);
    if (!rc)
        *out = frame_of(d->grant->shared[idx]);
    spin_unlock(&d->grant_lock);
    return rc;
}

void grant_table_note_gfn(struct domain *d, uint32_t idx, gfn_t gfn)
{
    spin_lock(&d->grant_lock);
    if (idx < d->grant->nr_frames)
        d->grant->gfn[idx] = gfn.n;
    spin_unlock(&d->grant_lock);
}

int grant_seed(struct domain *d, uint32_t ref, uint16_t to, uint16_t flags, gfn_t gfn)
{
    struct grant_entry_v1 *entry;
    int rc;

    if (ref >= GRANT_FRAMES_MAX * GRANTS_PER_FRAME || gfn.n > UINT32_MAX ||
        (flags & ~GTF_readonly) != GTF_permit_access)
        return -EINVAL;
    spin_lock(&d->grant_lock);
    rc = grow(d, ref / GRANTS_PER_FRAME + 1);
    if (!rc) {
        entry = &d->grant->shared[ref / GRANTS_PER_FRAME][ref % GRANTS_PER_FRAME];
        entry->domid = to;
        entry->frame = (uint32_t)gfn.n;
        __atomic_store_n(&entry->flags, flags, __ATOMIC_RELEASE);
    }
    spin_unlock(&d->grant_lock);
    return rc;
}

struct domain *grant_domain(const struct domain *caller, domid_t dom, int16_t *status)
{
    uint32_t domid = dom == DOMID_SELF ? caller->id : dom;
    struct domain *rd;

    *status = GNTST_permission_denied;
    if (!domains_may_share(caller->id, domid))
        return NULL;
    rd = domain_get(domid);
    *status = rd ? GNTST_okay : GNTST_bad_domain;
    return rd;
}

union entry_head {
    struct {
        uint16_t flags;
        domid_t domid;
    } s;
    uint32_t raw;
};

_Static_assert(offsetof(struct grant_entry_v1, flags) == 0 &&
                   offsetof(struct grant_entry_v1, domid) == 2,
               "flags and domid are one word");

/* Set GTF_reading (and GTF_writing). first: nobody uses the entry yet, so it must permit user. */
static int16_t set_status(struct grant_entry_v1 *entry, uint16_t user, bool write, bool first)
{
    uint32_t *word = (uint32_t *)(void *)entry;
    union entry_head seen = {.raw = READ_ONCE(*word)};

    for (unsigned int i = 0; i < STATUS_RETRIES; i++) {
        union entry_head next = seen;

        if (first && ((seen.s.flags & (GTF_type_mask | GTF_sub_page)) != GTF_permit_access ||
                      seen.s.domid != user))
            return GNTST_general_error;
        if (write && (seen.s.flags & GTF_readonly))
            return GNTST_general_error;
        next.s.flags = (uint16_t)(next.s.flags | GTF_reading | (write ? GTF_writing : 0));
        if (__atomic_compare_exchange_n(word, &seen.raw, next.raw, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return GNTST_okay;
    }
    return GNTST_general_error;
}

static void clear_status(struct grant_entry_v1 *entry, uint16_t flags)
{
    __atomic_fetch_and(&entry->flags, (uint16_t)~flags, __ATOMIC_SEQ_CST);
}

/* Only a page of the granter's own RAM, so grants of grants or of special frames do not exist. */
static int16_t pin_frame(struct domain *rd, gfn_t gfn, mfn_t *mfn)
{
    struct p2m_entry e;
    int16_t status = GNTST_bad_page;

    spin_lock(&rd->p2m.lock);
    if (!p2m_lookup(&rd->p2m, gfn, P2M_WRITE, &e) && e.type == P2M_RAM &&
        !frame_pin(e.mfn, rd->id)) {
        *mfn = e.mfn;
        status = GNTST_okay;
    }
    spin_unlock(&rd->p2m.lock);
    return status;
}

/* grant_lock of rd held; act is that of entry. */
static int16_t begin_use(struct domain *rd, struct grant_entry_v1 *entry, struct grant_active *act,
                         uint16_t user, bool write)
{
    bool first = !act->uses;
    int16_t status;

    if (!first && (act->domid != user || act->uses == UINT16_MAX))
        return GNTST_general_error;
    if (first || (write && !act->writers)) {
        status = set_status(entry, user, write, first);
        if (status)
            return status;
    }
    if (first) {
        status = pin_frame(rd, GFN(READ_ONCE(entry->frame)), &act->mfn);
        if (status) {
            clear_status(entry, GTF_reading | GTF_writing);
            return status;
        }
        act->domid = user;
    }
    act->uses++;
    act->writers = (uint16_t)(act->writers + write);
    rd->grant->in_use++;
    return GNTST_okay;
}

int16_t grant_acquire(struct domain *rd, uint32_t ref, uint16_t user, bool write, mfn_t *mfn)
{
    uint32_t frame = ref / GRANTS_PER_FRAME, slot = ref % GRANTS_PER_FRAME;
    struct grant_table *gt = rd->grant;
    int16_t status = GNTST_bad_gntref;

    spin_lock(&rd->grant_lock);
    if (READ_ONCE(rd->dying)) {
        status = GNTST_bad_domain;
    } else if (frame < gt->nr_frames) {
        status = begin_use(rd, &gt->shared[frame][slot], &gt->active[frame][slot], user, write);
        *mfn = gt->active[frame][slot].mfn;
    }
    spin_unlock(&rd->grant_lock);
    return status;
}

void grant_release(struct domain *rd, uint32_t ref, bool write)
{
    uint32_t frame = ref / GRANTS_PER_FRAME, slot = ref % GRANTS_PER_FRAME;
    struct grant_active *act;

    spin_lock(&rd->grant_lock);
    act = &rd->grant->active[frame][slot];
    act->uses--;
    act->writers = (uint16_t)(act->writers - write);
    rd->grant->in_use--;
    if (!act->uses)
        frame_unpin(act->mfn);
    if (write && !act->writers)
        clear_status(&rd->grant->shared[frame][slot], GTF_writing);
    if (!act->uses)
        clear_status(&rd->grant->shared[frame][slot], GTF_reading);
    spin_unlock(&rd->grant_lock);
}

static bool is_self(const struct domain *d, domid_t dom)
{
    return dom == DOMID_SELF || dom == d->id;
}

static long setup_table(struct vcpu *v, uint64_t arg)
{
    struct gnttab_setup_table op;
    struct domain *d = v->d;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    op.status = is_self(d, op.dom) ? GNTST_okay : GNTST_permission_denied;
    if (!op.status) {
        spin_lock(&d->grant_lock);
        op.status = grow(d, op.nr_frames) ? GNTST_general_error : GNTST_okay;
        spin_unlock(&d->grant_lock);
    }
    for (uint32_t i = 0; !op.status && i < op.nr_frames; i++) {
        uint64_t gfn = READ_ONCE(d->grant->gfn[i]);

        if (guest_copy_to(v, (uint64_t)(uintptr_t)op.frame_list.p + i * sizeof(gfn), &gfn,
                          sizeof(gfn)))
            op.status = GNTST_bad_virt_addr;
    }
    return guest_copy_to(v, arg, &op, sizeof(op));
}

static long query_size(struct vcpu *v, uint64_t arg)
{
    struct gnttab_query_size op;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    op.status = GNTST_permission_denied;
    if (is_self(v->d, op.dom)) {
        op.nr_frames = READ_ONCE(v->d->grant->nr_frames);
        op.max_nr_frames = GRANT_FRAMES_MAX;
        op.status = GNTST_okay;
    }
    return guest_copy_to(v, arg, &op, sizeof(op));
}

/* There is version 1 only; asking for 2 must look as if the call had never heard of it. */
static long set_version(struct vcpu *v, uint64_t arg)
{
    struct gnttab_set_version op;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    if (op.version != 1)
        return op.version == 2 ? -ENOSYS : -EINVAL;
    return guest_copy_to(v, arg, &op, sizeof(op));
}

static long get_version(struct vcpu *v, uint64_t arg)
{
    struct gnttab_get_version op;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    if (!is_self(v->d, op.dom))
        return -EPERM;
    op.version = 1;
    return guest_copy_to(v, arg, &op, sizeof(op));
}

/* Operations come in batches: one walk of the guest's page tables and one flush for several. */
static long run_batches(struct vcpu *v, uint64_t arg, uint64_t count, size_t size,
                        void (*run)(struct vcpu *v, void *ops, uint32_t n))
{
    uint64_t ops[GRANT_BATCH * sizeof(struct gnttab_copy) / sizeof(uint64_t)];

    if (count > INT32_MAX)
        return -EINVAL;
    while (count) {
        uint32_t n = (uint32_t)MIN(count, GRANT_BATCH);

        if (guest_copy_from(v, ops, arg, n * size))
            return -EFAULT;
        run(v, ops, n);
        if (guest_copy_to(v, arg, ops, n * size))
            return -EFAULT;
        arg += n * size;
        count -= n;
        if (count && hypercall_preempt_check()) {
            v->regs.rsi = arg;
            v->regs.rdx = count;
            return HYPERCALL_AGAIN;
        }
    }
    return 0;
}

long do_grant_table_op(struct vcpu *v, uint64_t cmd, uint64_t arg, uint64_t count)
{
    switch (cmd) {
    case GNTTABOP_map_grant_ref:
        return run_batches(v, arg, count, sizeof(struct gnttab_map_grant_ref), grant_map_batch);
    case GNTTABOP_unmap_grant_ref:
        return run_batches(v, arg, count, sizeof(struct gnttab_unmap_grant_ref), grant_unmap_batch);
    case GNTTABOP_copy:
        return run_batches(v, arg, count, sizeof(struct gnttab_copy), grant_copy_batch);
    default:
        break;
    }
    if (cmd != GNTTABOP_setup_table && cmd != GNTTABOP_query_size && cmd != GNTTABOP_set_version &&
        cmd != GNTTABOP_get_version)
        return -ENOSYS;
    if (count != 1)
        return -EINVAL;
    switch (cmd) {
    case GNTTABOP_setup_table:
        return setup_table(v, arg);
    case GNTTABOP_query_size:
        return query_size(v, arg);
    case GNTTABOP_set_version:
        return set_version(v, arg);
    default:
        return get_version(v, arg);
    }
}
