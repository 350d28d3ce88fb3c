/* SPDX-License-Identifier: MIT */
/*
 * memory_op: a domain's own physical map. Ballooning (populate, decrease), the special frames
 * (shared_info, grant table), figures. All of it is about the caller only.
 *
 * A frame is taken out of the p2m, translations are flushed, and only then is it freed. A frame
 * that something has pinned (a grant, a registered area) stays where it is: -EBUSY.
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/grant.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/p2m.h>
#include <hv/vcpu.h>
#include <xen/memory.h>
#include <xen/xen.h>

#define CMD_BITS 6U /* above: the extent to go on with, as in Xen */
#define CMD_MASK ((1ULL << CMD_BITS) - 1)
#define RELEASE_BATCH 32U
#define LAST_GFN ((1ULL << (MAX_GPA_BITS - PAGE_SHIFT)) - 1)

static bool is_self(const struct vcpu *v, domid_t dom)
{
    return dom == DOMID_SELF || dom == v->d->id;
}

/* p2m.lock held. Unmaps a page of d's RAM, or a special frame; *ram: to be freed after a flush. */
static int unmap_page(struct domain *d, gfn_t gfn, mfn_t *ram)
{
    struct p2m_entry e;
    int rc = p2m_lookup(&d->p2m, gfn, P2M_READ, &e);

    *ram = MFN_NONE;
    if (rc)
        return rc;
    if (e.type != P2M_RAM && e.type != P2M_RAM_RO && e.type != P2M_SHARED)
        return -EINVAL;
    if (e.type != P2M_SHARED && frame_pins(e.mfn))
        return -EBUSY;
    rc = p2m_clear(&d->p2m, gfn, &e);
    if (!rc && e.type != P2M_SHARED)
        *ram = e.mfn;
    return rc;
}

/* Unmap and free up to RELEASE_BATCH pages, with one flush. */
static int release_pages(struct domain *d, gfn_t gfn, uint64_t count)
{
    mfn_t ram[RELEASE_BATCH];
    uint64_t n = 0;
    int rc = 0;

    spin_lock(&d->p2m.lock);
    while (n < count && !(rc = unmap_page(d, gfn_add(gfn, n), &ram[n])))
        n++;
    spin_unlock(&d->p2m.lock);
    if (n)
        p2m_flush(&d->p2m);
    while (n-- > 0)
        if (!mfn_eq(ram[n], MFN_NONE))
            domain_free_ram(d, ram[n], 0);
    return rc;
}

/* Map a frame of hv's at gfn, in place of the RAM that may be there. */
static int map_special(struct domain *d, gfn_t gfn, mfn_t mfn)
{
    mfn_t ram;
    int rc;

    spin_lock(&d->p2m.lock);
    rc = unmap_page(d, gfn, &ram);
    if (!rc || rc == -ENOENT)
        rc = p2m_set(&d->p2m, gfn, mfn, 0, P2M_SHARED);
    spin_unlock(&d->p2m.lock);
    p2m_flush(&d->p2m);
    if (!mfn_eq(ram, MFN_NONE))
        domain_free_ram(d, ram, 0);
    return rc;
}

static long add_to_physmap(struct vcpu *v, uint64_t arg)
{
    struct xen_add_to_physmap op;
    mfn_t mfn;
    int rc;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    if (!is_self(v, op.domid))
        return -EPERM;
    if (op.space == XENMAPSPACE_shared_info)
        return op.idx ? -EINVAL : map_special(v->d, GFN(op.gpfn), v->d->shared_info_mfn);
    if (op.space != XENMAPSPACE_grant_table || op.idx > UINT32_MAX)
        return -EINVAL;
    rc = grant_table_frame(v->d, (uint32_t)op.idx, &mfn);
    if (!rc)
        rc = map_special(v->d, GFN(op.gpfn), mfn);
    if (!rc)
        grant_table_note_gfn(v->d, (uint32_t)op.idx, GFN(op.gpfn));
    return rc;
}

static long remove_from_physmap(struct vcpu *v, uint64_t arg)
{
    struct xen_remove_from_physmap op;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    return is_self(v, op.domid) ? release_pages(v->d, GFN(op.gpfn), 1) : -EPERM;
}

/* 2^order frames at gfn, all or nothing. */
static int populate_extent(struct domain *d, gfn_t gfn, unsigned int order)
{
    mfn_t mfn;
    int rc = domain_alloc_ram(d, order, &mfn);

    if (rc)
        return rc;
    spin_lock(&d->p2m.lock);
    rc = p2m_set(&d->p2m, gfn, mfn, order, P2M_RAM);
    spin_unlock(&d->p2m.lock);
    if (rc)
        domain_free_ram(d, mfn, order);
    return rc;
}

static int decrease_extent(struct domain *d, gfn_t gfn, unsigned int order)
{
    uint64_t count = 1ULL << order;
    int rc = 0;

    if (gfn.n > LAST_GFN)
        return -EINVAL;
    for (uint64_t i = 0; i < count && !rc; i += RELEASE_BATCH)
        rc = release_pages(d, gfn_add(gfn, i), MIN(count - i, RELEASE_BATCH));
    return rc;
}

/* The answer is the number of extents done: 0 for a call that cannot begin, as in Xen. */
static long change_reservation(struct vcpu *v, uint64_t cmd, uint64_t start, uint64_t arg)
{
    struct xen_memory_reservation op;
    bool populate = cmd == XENMEM_populate_physmap;

    if (guest_copy_from(v, &op, arg, sizeof(op)) || start > op.nr_extents ||
        op.nr_extents > UINT64_MAX >> CMD_BITS ||
        (op.extent_order && op.extent_order != LARGE_ORDER) || !is_self(v, op.domid))
        return (long)start;
    for (uint64_t i = start; i < op.nr_extents; i++) {
        uint64_t gfn;

        if (i != start && (op.extent_order || i % PREEMPT_BATCH == 0) &&
            hypercall_preempt_check()) {
            v->regs.rdi = cmd | i << CMD_BITS;
            return HYPERCALL_AGAIN;
        }
        if (guest_copy_from(v, &gfn, (uint64_t)(uintptr_t)op.extent_start.p + i * sizeof(gfn),
                            sizeof(gfn)) ||
            (populate ? populate_extent(v->d, GFN(gfn), op.extent_order)
                      : decrease_extent(v->d, GFN(gfn), op.extent_order)))
            return (long)i;
    }
    return (long)op.nr_extents;
}

/* Binary search: is there a mapping at or after a frame? */
static long maximum_gpfn(struct domain *d)
{
    uint64_t low = 0, high = LAST_GFN;

    spin_lock(&d->p2m.lock);
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        struct p2m_entry e;
        gfn_t gfn = GFN(middle);

        if (p2m_next(&d->p2m, &gfn, &e))
            high = middle - 1;
        else
            low = middle;
    }
    spin_unlock(&d->p2m.lock);
    return (long)low;
}

static long figure(struct vcpu *v, uint64_t cmd, uint64_t arg)
{
    domid_t dom;

    if (guest_copy_from(v, &dom, arg, sizeof(dom)))
        return -EFAULT;
    if (!is_self(v, dom))
        return -EPERM;
    if (cmd == XENMEM_maximum_gpfn)
        return maximum_gpfn(v->d);
    return (long)(cmd == XENMEM_current_reservation ? READ_ONCE(v->d->ram_frames)
                                                    : READ_ONCE(v->d->max_frames));
}

long do_memory_op(struct vcpu *v, uint64_t cmd, uint64_t arg)
{
    uint64_t start = cmd >> CMD_BITS;

    cmd &= CMD_MASK;
    switch (cmd) {
    case XENMEM_populate_physmap:
    case XENMEM_decrease_reservation:
        return change_reservation(v, cmd, start, arg);
    default:
        break;
    }
    if (start)
        return -ENOSYS;
    switch (cmd) {
    case XENMEM_add_to_physmap:
        return add_to_physmap(v, arg);
    case XENMEM_remove_from_physmap:
        return remove_from_physmap(v, arg);
    case XENMEM_current_reservation:
    case XENMEM_maximum_reservation:
    case XENMEM_maximum_gpfn:
        return figure(v, cmd, arg);
    default: /* also XENMEM_memory_map: the start info has the map */
        return -ENOSYS;
    }
}
