/* SPDX-License-Identifier: MIT */
/*
 * Grant mappings: a domain's table of what it has mapped of others (handles) and the two calls.
 * Guests are auto-translated: a mapping stands in the p2m at the guest frame that host_addr names.
 *
 * A mapping that is being made or undone is MAPPING_CHANGING, so no lock is held over the steps.
 * As long as it exists the granter has a use counted and cannot go away.
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/grant.h>
#include <hv/lib.h>
#include <hv/p2m.h>
#include <hv/vcpu.h>
#include <xen/grant_table.h>

#include "grant_table.h"

static struct grant_mapping *mapping_of(const struct grant_table *gt, uint32_t handle)
{
    if (handle >= gt->nr_mapping_pages * MAPPINGS_PER_PAGE)
        return NULL;
    return &gt->mappings[handle / MAPPINGS_PER_PAGE][handle % MAPPINGS_PER_PAGE];
}

static void put_handle(struct grant_table *gt, uint32_t handle)
{
    *mapping_of(gt, handle) = (struct grant_mapping){.gfn = gt->free_mapping};
    gt->free_mapping = handle;
}

static int grow_mappings(struct domain *d)
{
    struct grant_table *gt = d->grant;
    uint32_t limit = d->id < BH_DOMID_FIRST_SANDBOX ? MAPPING_PAGES_MAX : MAPPING_PAGES_SANDBOX;
    uint32_t first = gt->nr_mapping_pages * MAPPINGS_PER_PAGE;

    if (gt->nr_mapping_pages >= limit)
        return -ENOSPC;
    gt->mappings[gt->nr_mapping_pages] = domain_alloc_struct(d, 0);
    if (!gt->mappings[gt->nr_mapping_pages])
        return -ENOMEM;
    gt->nr_mapping_pages++;
    for (uint32_t i = MAPPINGS_PER_PAGE; i-- > 0;)
        put_handle(gt, first + i);
    return 0;
}

static int take_handle(struct domain *d, uint32_t *handle)
{
    struct grant_table *gt = d->grant;
    int rc = 0;

    spin_lock(&d->grant_lock);
    if (gt->free_mapping == MAPPING_NONE)
        rc = grow_mappings(d);
    if (!rc) {
        struct grant_mapping *m = mapping_of(gt, gt->free_mapping);

        *handle = gt->free_mapping;
        gt->free_mapping = (uint32_t)m->gfn;
        m->state = MAPPING_CHANGING;
    }
    spin_unlock(&d->grant_lock);
    return rc;
}

static void finish_handle(struct domain *d, uint32_t handle, const struct grant_mapping *made)
{
    spin_lock(&d->grant_lock);
    if (made)
        *mapping_of(d->grant, handle) = *made;
    else
        put_handle(d->grant, handle);
    spin_unlock(&d->grant_lock);
}

static int set_p2m(struct domain *d, gfn_t gfn, mfn_t mfn, bool write)
{
    int rc;

    spin_lock(&d->p2m.lock);
    rc = p2m_set(&d->p2m, gfn, mfn, 0, write ? P2M_GRANT : P2M_GRANT_RO);
    spin_unlock(&d->p2m.lock);
    return rc;
}

/* The handle is taken; on success it is live. */
static int16_t map_at(struct domain *ld, struct domain *rd, const struct gnttab_map_grant_ref *op,
                      uint32_t handle)
{
    struct grant_mapping made = {.gfn = op->host_addr >> PAGE_SHIFT,
                                 .ref = op->ref,
                                 .domid = rd->id,
                                 .state = MAPPING_LIVE,
                                 .write = !(op->flags & GNTMAP_readonly)};
    mfn_t mfn;
    int16_t status = grant_acquire(rd, op->ref, ld->id, made.write, &mfn);

    if (status)
        return status;
    if (set_p2m(ld, GFN(made.gfn), mfn, made.write)) {
        grant_release(rd, op->ref, made.write);
        return GNTST_general_error;
    }
    finish_handle(ld, handle, &made);
    return GNTST_okay;
}

/* Flags of PV mappings into page tables mean nothing here and are refused. */
static int16_t map_one(struct domain *ld, struct gnttab_map_grant_ref *op)
{
    struct domain *rd;
    uint32_t handle;
    int16_t status;

    if (!(op->flags & GNTMAP_host_map) ||
        (op->flags & (GNTMAP_application_map | GNTMAP_contains_pte)))
        return GNTST_general_error;
    if (op->host_addr & (PAGE_SIZE - 1))
        return GNTST_bad_virt_addr;
    rd = grant_domain(ld, op->dom, &status);
    if (!rd)
        return status;
    status = take_handle(ld, &handle) ? GNTST_no_space : GNTST_okay;
    if (!status) {
        status = map_at(ld, rd, op, handle);
        if (status)
            finish_handle(ld, handle, NULL);
        else
            op->handle = handle;
    }
    domain_put(rd);
    return status;
}

void grant_map_batch(struct vcpu *v, void *ops, uint32_t n)
{
    struct gnttab_map_grant_ref *op = ops;

    for (uint32_t i = 0; i < n; i++) {
        op[i].dev_bus_addr = 0;
        op[i].status = map_one(v->d, &op[i]);
    }
}

/* First half of undoing a mapping: out of the p2m. The handle stays taken. */
static int16_t unmap_begin(struct domain *d, uint32_t handle, const uint64_t *host_addr,
                           struct grant_mapping *out)
{
    struct grant_mapping *m;
    int16_t status = GNTST_bad_handle;

    spin_lock(&d->grant_lock);
    m = mapping_of(d->grant, handle);
    if (m && m->state == MAPPING_LIVE) {
        *out = *m;
        status = host_addr && *host_addr != m->gfn << PAGE_SHIFT ? GNTST_bad_virt_addr : GNTST_okay;
        if (!status) {
            m->state = MAPPING_CHANGING;
            spin_lock(&d->p2m.lock);
            if (p2m_clear(&d->p2m, GFN(m->gfn), NULL)) {
                m->state = MAPPING_LIVE;
                status = GNTST_general_error;
            }
            spin_unlock(&d->p2m.lock);
        }
    }
    spin_unlock(&d->grant_lock);
    return status;
}

/* Second half, when no CPU can use the translation any more. */
static void unmap_finish(struct domain *d, uint32_t handle, const struct grant_mapping *m)
{
    struct domain *rd = domain_get(m->domid);

    if (rd) {
        grant_release(rd, m->ref, m->write);
        domain_put(rd);
    }
    finish_handle(d, handle, NULL);
}

void grant_unmap_batch(struct vcpu *v, void *ops, uint32_t n)
{
    struct gnttab_unmap_grant_ref *op = ops;
    struct grant_mapping undone[GRANT_BATCH];
    bool any = false;

    for (uint32_t i = 0; i < n; i++) {
        op[i].status = unmap_begin(v->d, op[i].handle, &op[i].host_addr, &undone[i]);
        any |= !op[i].status;
    }
    if (any)
        p2m_flush(&v->d->p2m);
    for (uint32_t i = 0; i < n; i++)
        if (!op[i].status)
            unmap_finish(v->d, op[i].handle, &undone[i]);
}

int grant_unmap_all(struct domain *d)
{
    struct grant_table *gt = d->grant;
    uint32_t end = gt->nr_mapping_pages * MAPPINGS_PER_PAGE;

    for (unsigned int n = 0; gt->destroy_cursor < end; n++) {
        struct grant_mapping undone;
        uint32_t handle = gt->destroy_cursor;

        if (n == PREEMPT_BATCH)
            return -EAGAIN;
        if (!unmap_begin(d, handle, NULL, &undone)) {
            p2m_flush(&d->p2m);
            unmap_finish(d, handle, &undone);
        }
        gt->destroy_cursor++;
    }
    return 0;
}
