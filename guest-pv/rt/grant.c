/* SPDX-License-Identifier: MIT */
/*
 * Grant table v1 (Xen public/grant_table.h): own grants, maps of others' pages in the window, and
 * copies. The table grows a frame at a time as references are used up. GNTMAP handles and window
 * frames belong to one struct gnt_mapping.
 */
#include "internal.h"

#include <errno.h>

#include <xen/grant_table.h>
#include <xen/memory.h>

#include "refpool.h"
#include "rt/grant.h"

#define MAX_FRAMES 32U
#define FRAME_ENTRIES ((uint32_t)(RT_PAGE / sizeof(struct grant_entry_v1)))
#define FIRST_REF GNTTAB_NR_RESERVED_ENTRIES
#define MAX_MAP 64U
#define COPY_BATCH 256U

static struct grant_entry_v1 *table;
static uint32_t frames;
static struct refpool refs;
static uint32_t next_ref[MAX_FRAMES * FRAME_ENTRIES];

/* Asks for one more frame of the table and puts its references into the pool. */
static int grow(void)
{
    uint64_t address;
    int r;

    if (table == NULL) {
        if (window_take(MAX_FRAMES, &address) != 0)
            return -ENOMEM;
        table = (struct grant_entry_v1 *)address;
        refpool_init(&refs, next_ref, MAX_FRAMES * FRAME_ENTRIES);
    }
    if (frames == MAX_FRAMES)
        return -ENOSPC;
    r = xen_add_to_physmap(XENMAPSPACE_grant_table, frames,
                           (uintptr_t)table + (uint64_t)frames * RT_PAGE);
    if (r != 0)
        return r;
    for (uint32_t i = FRAME_ENTRIES; i-- > 0;) {
        uint32_t ref = frames * FRAME_ENTRIES + i;

        if (ref >= FIRST_REF)
            refpool_give(&refs, ref);
    }
    frames++;
    return 0;
}

int gnt_grant(uint16_t dom, const void *page, bool readonly, grant_ref *ref)
{
    uint16_t flags = GTF_permit_access | (readonly ? GTF_readonly : 0);
    grant_ref got;

    if ((uintptr_t)page % RT_PAGE != 0)
        return -EINVAL;
    if (refs.free == 0) {
        int r = grow();

        if (r != 0)
            return r;
    }
    if (refpool_take(&refs, &got) != 0)
        return -ENOSPC;
    table[got].domid = dom;
    table[got].frame = (uint32_t)((uintptr_t)page / RT_PAGE);
    /* The flags make the entry valid, so they come last. */
    __atomic_store_n(&table[got].flags, flags, __ATOMIC_RELEASE);
    *ref = got;
    return 0;
}

int gnt_end(grant_ref ref)
{
    uint16_t flags;

    if (table == NULL || ref < FIRST_REF || !refpool_is_taken(&refs, ref) ||
        ref >= frames * FRAME_ENTRIES)
        return -EINVAL;
    flags = __atomic_load_n(&table[ref].flags, __ATOMIC_ACQUIRE);
    do {
        if ((flags & (GTF_reading | GTF_writing)) != 0)
            return -EBUSY;
    } while (!__atomic_compare_exchange_n(&table[ref].flags, &flags, 0, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_ACQUIRE));
    return refpool_give(&refs, ref);
}

static int status_to_errno(int16_t status)
{
    switch (status) {
    case GNTST_okay:
        return 0;
    case GNTST_bad_domain:
        return -ESRCH;
    case GNTST_bad_gntref:
    case GNTST_bad_handle:
    case GNTST_bad_virt_addr:
    case GNTST_bad_dev_addr:
    case GNTST_bad_copy_arg:
        return -EINVAL;
    case GNTST_no_device_space:
        return -ENOSPC;
    case GNTST_permission_denied:
        return -EPERM;
    case GNTST_eagain:
        return -EAGAIN;
    default:
        return -EIO;
    }
}

static void unmap(uint64_t address, const uint32_t *handles, uint32_t n)
{
    struct gnttab_unmap_grant_ref ops[MAX_MAP];
    long r;

    for (uint32_t i = 0; i < n; i++)
        ops[i] = (struct gnttab_unmap_grant_ref){.host_addr = address + (uint64_t)i * RT_PAGE,
                                                 .handle = handles[i]};
    r = rt_hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, (uintptr_t)ops, n, 0,
                     0);
    for (uint32_t i = 0; i < n; i++) {
        if (r != 0 || ops[i].status != GNTST_okay)
            rt_panic("rt: grant unmap of handle %u: %ld, status %d\n", handles[i], r,
                     ops[i].status);
    }
}

int gnt_map(uint16_t dom, const grant_ref *grants, uint32_t n, bool readonly, struct gnt_mapping *m)
{
    struct gnttab_map_grant_ref ops[MAX_MAP];
    uint64_t address;
    uint32_t done = 0;
    int r;

    if (n == 0 || n > MAX_MAP)
        return -EINVAL;
    if (window_take(n, &address) != 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        ops[i] = (struct gnttab_map_grant_ref){.host_addr = address + (uint64_t)i * RT_PAGE,
                                               .flags = GNTMAP_host_map |
                                                        (readonly ? GNTMAP_readonly : 0),
                                               .ref = grants[i],
                                               .dom = dom};
    r = (int)rt_hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, (uintptr_t)ops, n, 0,
                          0);
    if (r != 0) {
        window_give(address, n);
        return r;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (ops[i].status != GNTST_okay && r == 0)
            r = status_to_errno(ops[i].status);
    }
    if (r == 0) {
        m->addr = (void *)address;
        m->n = n;
        for (uint32_t i = 0; i < n; i++)
            m->handles[i] = ops[i].handle;
        return 0;
    }
    for (; done < n; done++) {
        if (ops[done].status == GNTST_okay)
            unmap(address + (uint64_t)done * RT_PAGE, &ops[done].handle, 1);
    }
    window_give(address, n);
    return r;
}

void gnt_unmap(struct gnt_mapping *m)
{
    if (m->addr == NULL)
        return;
    unmap((uintptr_t)m->addr, m->handles, m->n);
    window_give((uintptr_t)m->addr, m->n);
    m->addr = NULL;
    m->n = 0;
}

static void fill_copy(struct gnttab_copy *to, const struct gnt_copy *op)
{
    uint64_t address = (uintptr_t)op->local;
    uint16_t offset = (uint16_t)(address % RT_PAGE);

    *to = (struct gnttab_copy){.len = op->length};
    if (op->to_foreign) {
        to->source.u.gmfn = address / RT_PAGE;
        to->source.domid = DOMID_SELF;
        to->source.offset = offset;
        to->dest.u.ref = op->ref;
        to->dest.domid = op->dom;
        to->dest.offset = op->offset;
        to->flags = GNTCOPY_dest_gref;
    } else {
        to->source.u.ref = op->ref;
        to->source.domid = op->dom;
        to->source.offset = op->offset;
        to->dest.u.gmfn = address / RT_PAGE;
        to->dest.domid = DOMID_SELF;
        to->dest.offset = offset;
        to->flags = GNTCOPY_source_gref;
    }
}

/* The batch is static: nothing else runs between filling it and reading the results. */
int gnt_copy(struct gnt_copy *ops, size_t n)
{
    static struct gnttab_copy batch[COPY_BATCH];
    int failed = 0;

    while (n > 0) {
        size_t count = n < COPY_BATCH ? n : COPY_BATCH;
        long r;

        for (size_t i = 0; i < count; i++)
            fill_copy(&batch[i], &ops[i]);
        r = rt_hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_copy, (uintptr_t)batch, count, 0, 0);
        if (r != 0)
            return (int)r;
        for (size_t i = 0; i < count; i++) {
            ops[i].status = batch[i].status;
            failed += batch[i].status != GNTST_okay;
        }
        ops += count;
        n -= count;
    }
    return failed;
}
