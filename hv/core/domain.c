/* SPDX-License-Identifier: MIT */
/*
 * The domain table and the life of a domain from creation to shutdown; its end is in
 * domain_destroy.c. domain_table_lock guards the table and all reference counts.
 */
#include <hv/control.h>
#include <hv/device.h>
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/grant.h>
#include <hv/hvm.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/time.h>
#include <hv/vcpu.h>
#include <xen/xen.h>

#include "domain_internal.h"

_Static_assert(sizeof(struct domain) <= PAGE_SIZE, "a domain is one frame");

static struct spinlock domain_table_lock;
static struct domain *table[MAX_DOMAINS];
static uint32_t last_id = BH_DOMID_FIRST_SANDBOX - 1;

struct domain *domain_get(uint32_t domid)
{
    struct domain *d;

    if (domid >= MAX_DOMAINS)
        return NULL;
    spin_lock(&domain_table_lock);
    d = table[domid];
    if (d)
        d->refs++;
    spin_unlock(&domain_table_lock);
    return d;
}

void domain_put(struct domain *d)
{
    bool last;

    spin_lock(&domain_table_lock);
    last = --d->refs == 0;
    spin_unlock(&domain_table_lock);
    if (last)
        domain_release(d);
}

void domain_unlist(struct domain *d)
{
    spin_lock(&domain_table_lock);
    table[d->id] = NULL;
    spin_unlock(&domain_table_lock);
    domain_put(d);
}

uint32_t domain_next(uint32_t domid)
{
    uint32_t found = ~0U;

    spin_lock(&domain_table_lock);
    for (uint32_t i = domid + 1; i < MAX_DOMAINS && found == ~0U; i++)
        if (table[i])
            found = i;
    spin_unlock(&domain_table_lock);
    return found;
}

uint32_t domain_count(void)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < MAX_DOMAINS; i++)
        n += READ_ONCE(table[i]) != NULL;
    return n;
}

/* The next id after the one given out last, so that an id comes back as late as possible. */
static uint32_t free_id(void)
{
    for (uint32_t n = 0; n < MAX_DOMAINS; n++) {
        uint32_t id = last_id + 1 + n;

        if (id >= MAX_DOMAINS)
            id = id - MAX_DOMAINS + BH_DOMID_FIRST_SANDBOX;
        if (id < MAX_DOMAINS && id >= BH_DOMID_FIRST_SANDBOX && !table[id]) {
            last_id = id;
            return id;
        }
    }
    return ~0U;
}

void *domain_alloc_struct(struct domain *d, unsigned int order)
{
    mfn_t m = frame_alloc(order, d->id);

    if (mfn_eq(m, MFN_NONE))
        return NULL;
    __atomic_add_fetch(&d->struct_frames, 1ULL << order, __ATOMIC_RELAXED);
    return frame_map(m);
}

void domain_free_struct(struct domain *d, void *p, unsigned int order)
{
    frame_free(frame_of(p), order, d->id);
    __atomic_sub_fetch(&d->struct_frames, 1ULL << order, __ATOMIC_RELAXED);
}

int domain_alloc_ram(struct domain *d, unsigned int order, mfn_t *out)
{
    uint64_t count = 1ULL << order;
    mfn_t m;

    spin_lock(&d->lock);
    if (d->ram_frames + count > d->max_frames) {
        spin_unlock(&d->lock);
        return -ENOMEM;
    }
    d->ram_frames += count;
    spin_unlock(&d->lock);
    m = frame_alloc(order, d->id);
    if (mfn_eq(m, MFN_NONE)) {
        spin_lock(&d->lock);
        d->ram_frames -= count;
        spin_unlock(&d->lock);
        return -ENOMEM;
    }
    *out = m;
    return 0;
}

void domain_free_ram(struct domain *d, mfn_t mfn, unsigned int order)
{
    frame_free(mfn, order, d->id);
    spin_lock(&d->lock);
    d->ram_frames -= 1ULL << order;
    spin_unlock(&d->lock);
}

static int populate_step(struct domain *d, gfn_t gfn, unsigned int order)
{
    mfn_t mfn = MFN_NONE;
    int r = domain_alloc_ram(d, order, &mfn);

    if (r)
        return r;
    spin_lock(&d->p2m.lock);
    r = p2m_set(&d->p2m, gfn, mfn, order, P2M_RAM);
    spin_unlock(&d->p2m.lock);
    if (r)
        domain_free_ram(d, mfn, order);
    return r;
}

int domain_populate(struct domain *d, gfn_t gfn, uint64_t count, uint64_t *done)
{
    uint64_t n = 0;
    unsigned int steps = 0;
    int r = 0;

    if (count > 1ULL << (MAX_GPA_BITS - PAGE_SHIFT))
        return -EINVAL;
    while (n < count && !r) {
        gfn_t at = gfn_add(gfn, n);
        unsigned int order = !(at.n % LARGE_FRAMES) && count - n >= LARGE_FRAMES ? LARGE_ORDER : 0;

        r = populate_step(d, at, order);
        if (r == -ENOMEM && order) { /* no 2 MB block left: small frames will do */
            order = 0;
            r = populate_step(d, at, order);
        }
        if (r)
            break;
        n += 1ULL << order;
        if ((order || !(++steps % PREEMPT_BATCH)) && n < count && hypercall_preempt_check())
            r = -EAGAIN;
    }
    *done = n;
    return r;
}

static int make_vcpu(struct domain *d, uint32_t id)
{
    struct vcpu *v = domain_alloc_struct(d, 0);
    int r;

    if (!v)
        return -ENOMEM;
    d->vcpus[id] = v;
    v->d = d;
    v->id = id;
    v->vcpu_info = &d->shared_info->vcpu_info[id];
    v->pause_count = 1;
    sched_vcpu_init(v);
    vcpu_timers_init(v);
    vlapic_init(v);
    r = fpu_vcpu_init(v);
    return r ? r : hvm->vcpu_init(v);
}

static int make_parts(struct domain *d)
{
    int r = p2m_init(&d->p2m, d, hvm->p2m_format);

    if (r)
        return r;
    d->shared_info = domain_alloc_struct(d, 0);
    if (!d->shared_info)
        return -ENOMEM;
    d->shared_info_mfn = frame_of(d->shared_info);
    d->io_bitmap = ioport_default_bitmap;
    if (d->flags & DOMAIN_IO) {
        d->io_bitmap = domain_alloc_struct(d, IO_BITMAP_ORDER);
        if (!d->io_bitmap)
            return -ENOMEM;
        ioport_deny_all(d);
    }
    for (uint32_t i = 0; i < d->nr_vcpus; i++)
        if ((r = make_vcpu(d, i)))
            return r;
    if ((r = evtchn_init(d)))
        return r;
    return grant_init(d);
}

static struct domain *make_domain(uint32_t id, uint32_t nr_vcpus, uint64_t max, uint32_t flags)
{
    mfn_t m = frame_alloc(0, (uint16_t)id);
    struct domain *d;

    if (mfn_eq(m, MFN_NONE))
        return NULL;
    d = frame_map(m);
    d->id = (uint16_t)id;
    d->flags = flags;
    d->nr_vcpus = nr_vcpus;
    d->max_frames = max;
    d->struct_frames = 1;
    d->refs = 1;
    d->state = BH_STATE_BUILDING;
    d->pause_count = 1;
    d->weight = WEIGHT_DEFAULT;
    d->p2m.root = MFN_NONE;
    return d;
}

int domain_create(uint32_t domid, uint32_t nr_vcpus, uint64_t max_frames, uint32_t flags,
                  struct domain **out)
{
    struct domain *d;
    int r;

    if (!nr_vcpus || nr_vcpus > MAX_VCPUS || (domid != ~0U && domid >= MAX_DOMAINS))
        return -EINVAL;
    if (domid == ~0U)
        domid = free_id();
    if (domid == ~0U)
        return -ENOSPC;
    if (table[domid])
        return -EEXIST;
    d = make_domain(domid, nr_vcpus, max_frames, flags);
    if (!d)
        return -ENOMEM;
    r = make_parts(d);
    if (r) {
        domain_release(d);
        return r;
    }
    spin_lock(&domain_table_lock);
    table[domid] = d;
    spin_unlock(&domain_table_lock);
    *out = d;
    return 0;
}

int domain_pause(struct domain *d)
{
    bool first;

    spin_lock(&d->lock);
    if (d->pause_count >= 255) {
        spin_unlock(&d->lock);
        return -EOVERFLOW;
    }
    first = d->pause_count++ == 0;
    spin_unlock(&d->lock);
    if (first)
        for (uint32_t i = 0; i < d->nr_vcpus; i++)
            vcpu_pause(d->vcpus[i]);
    return 0;
}

/* The guest's clock starts: TSC and system time are 0 here. */
static void first_run(struct domain *d)
{
    d->sealed = true;
    d->state = BH_STATE_RUNNING;
    d->first_run_tsc = arch_tsc();
    d->tsc_offset = 0 - d->first_run_tsc;
    for (uint32_t i = 0; i < d->nr_vcpus; i++) {
        hvm->set_tsc_offset(d->vcpus[i], d->tsc_offset);
        time_fill_pvclock(d, &d->vcpus[i]->vcpu_info->time);
    }
    time_fill_wallclock(d);
}

int domain_unpause(struct domain *d)
{
    bool go;

    spin_lock(&d->lock);
    if (!d->pause_count || d->dying) {
        spin_unlock(&d->lock);
        return -EINVAL;
    }
    if (d->state == BH_STATE_BUILDING)
        first_run(d);
    go = --d->pause_count == 0;
    spin_unlock(&d->lock);
    if (go)
        for (uint32_t i = 0; i < d->nr_vcpus; i++)
            vcpu_unpause(d->vcpus[i]);
    return 0;
}

void domain_shutdown(struct domain *d, uint32_t reason)
{
    struct domain *mgmt;
    bool first;

    spin_lock(&d->lock);
    first = d->state == BH_STATE_RUNNING || d->state == BH_STATE_BUILDING;
    if (first) {
        d->reason = reason;
        d->state = BH_STATE_SHUTDOWN;
    }
    spin_unlock(&d->lock);
    if (!first)
        return;
    for (uint32_t i = 0; i < d->nr_vcpus; i++)
        vcpu_pause_nosync(d->vcpus[i]);
    if (d->flags & DOMAIN_BOOT)
        boot_domain_ended(d, reason);
    mgmt = domain_get(BH_DOMID_MGMT);
    if (mgmt) {
        if (mgmt != d)
            evtchn_send_virq(mgmt->vcpus[0], VIRQ_DOM_EXC);
        domain_put(mgmt);
    }
}

uint64_t domain_cpu_ns(struct domain *d)
{
    uint64_t ticks = 0;

    for (uint32_t i = 0; i < d->nr_vcpus; i++)
        ticks += READ_ONCE(d->vcpus[i]->cpu_tsc);
    return tsc_to_ns(ticks);
}

void domain_count_exits(struct domain *d, struct bh_ctl_exits *out)
{
    memset(out, 0, sizeof(*out));
    for (uint32_t i = 0; i < d->nr_vcpus; i++) {
        for (size_t n = 0; n < ARRAY_SIZE(out->count); n++)
            out->count[n] += READ_ONCE(d->vcpus[i]->exits[n]);
        for (size_t n = 0; n < ARRAY_SIZE(out->hypercall); n++)
            out->hypercall[n] += READ_ONCE(d->vcpus[i]->hypercalls[n]);
    }
}
