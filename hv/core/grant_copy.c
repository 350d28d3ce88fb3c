/* SPDX-License-Identifier: MIT */
/*
 * GNTTABOP_copy: up to a page between two frames, each the caller's own (by guest frame) or granted
 * to it. Both ends are pinned for the time of the copy; no lock is held over it.
 */
#include <hv/domain.h>
#include <hv/grant.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/p2m.h>
#include <hv/vcpu.h>
#include <xen/grant_table.h>

#include "grant_table.h"

struct end {
    struct domain *granter; /* referenced; NULL: the caller's own frame */
    uint32_t ref;
    bool write;
    mfn_t mfn;
};

static int16_t claim_own(struct domain *d, const struct gnttab_copy_ptr *ptr, struct end *e)
{
    struct p2m_entry entry;
    int16_t status = GNTST_bad_page;

    if (ptr->domid != DOMID_SELF && ptr->domid != d->id)
        return GNTST_permission_denied;
    spin_lock(&d->p2m.lock);
    if (!p2m_lookup(&d->p2m, GFN(ptr->u.gmfn), e->write ? P2M_WRITE : P2M_READ, &entry) &&
        (entry.type == P2M_RAM || (entry.type == P2M_RAM_RO && !e->write)) &&
        !frame_pin(entry.mfn, d->id)) {
        e->mfn = entry.mfn;
        status = GNTST_okay;
    }
    spin_unlock(&d->p2m.lock);
    return status;
}

static int16_t claim_granted(struct domain *d, const struct gnttab_copy_ptr *ptr, struct end *e)
{
    int16_t status;

    e->granter = grant_domain(d, ptr->domid, &status);
    if (!e->granter)
        return status;
    e->ref = ptr->u.ref;
    status = grant_acquire(e->granter, e->ref, d->id, e->write, &e->mfn);
    if (status)
        domain_put(e->granter);
    return status;
}

static int16_t claim(struct domain *d, const struct gnttab_copy_ptr *ptr, bool granted,
                     struct end *e)
{
    return granted ? claim_granted(d, ptr, e) : claim_own(d, ptr, e);
}

static void release(struct end *e)
{
    if (e->granter) {
        grant_release(e->granter, e->ref, e->write);
        domain_put(e->granter);
    } else {
        frame_unpin(e->mfn);
    }
}

static void copy_bytes(const struct end *from, const struct end *to, const struct gnttab_copy *op)
{
    const uint8_t *src = frame_map(from->mfn);
    uint8_t *dst = frame_map(to->mfn);

    memmove(dst + op->dest.offset, src + op->source.offset, op->len);
    frame_unmap(dst);
    frame_unmap(src);
}

static int16_t copy_one(struct domain *d, const struct gnttab_copy *op)
{
    struct end from = {.write = false}, to = {.write = true};
    int16_t status;

    if (op->source.offset + op->len > (int)PAGE_SIZE || op->dest.offset + op->len > (int)PAGE_SIZE)
        return GNTST_bad_copy_arg;
    status = claim(d, &op->source, op->flags & GNTCOPY_source_gref, &from);
    if (status)
        return status;
    status = claim(d, &op->dest, op->flags & GNTCOPY_dest_gref, &to);
    if (!status) {
        copy_bytes(&from, &to, op);
        release(&to);
    }
    release(&from);
    return status;
}

void grant_copy_batch(struct vcpu *v, void *ops, uint32_t n)
{
    struct gnttab_copy *op = ops;

    for (uint32_t i = 0; i < n; i++)
        op[i].status = copy_one(v->d, &op[i]);
}
