/* SPDX-License-Identifier: MIT */
/*
 * The end of a domain, in steps that can each be left and taken up again: connections, devices,
 * foreign mappings, RAM, tables, structures. Every frame is scrubbed as it is freed.
 */
#include <hv/device.h>
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/grant.h>
#include <hv/hvm.h>
#include <hv/hypercall.h>
#include <hv/mm.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/time.h>
#include <hv/vcpu.h>

#include "domain_internal.h"

static void begin(struct domain *d)
{
    spin_lock(&d->lock);
    d->dying = true;
    d->state = BH_STATE_DYING;
    spin_unlock(&d->lock);
    for (uint32_t i = 0; i < d->nr_vcpus; i++) {
        vcpu_pause(d->vcpus[i]);
        vcpu_timers_stop(d->vcpus[i]);
        vcpu_op_release(d->vcpus[i]);
    }
}

static bool any_pinned(const struct p2m_entry *e)
{
    for (uint64_t i = 0; i < 1ULL << e->order; i++)
        if (frame_pins(mfn_add(e->mfn, i)))
            return true;
    return false;
}

/* The next mapping goes, with its frames if they are RAM of d. -ENOENT: that was all. */
static int free_one(struct domain *d)
{
    struct p2m_entry e;
    int r;

    spin_lock(&d->p2m.lock);
    r = p2m_next(&d->p2m, &d->destroy_cursor, &e);
    if (!r && (e.type == P2M_RAM || e.type == P2M_RAM_RO) && any_pinned(&e))
        r = -EBUSY;
    if (!r)
        r = p2m_take(&d->p2m, d->destroy_cursor, &e);
    spin_unlock(&d->p2m.lock);
    if (!r && (e.type == P2M_RAM || e.type == P2M_RAM_RO))
        domain_free_ram(d, e.mfn, e.order);
    return r;
}

static int free_ram(struct domain *d)
{
    unsigned int steps = 0;
    int r;

    while (!(r = free_one(d)))
        if (++steps % PREEMPT_BATCH == 0 && hypercall_preempt_check())
            return -EAGAIN;
    return r == -ENOENT ? 0 : r;
}

int domain_destroy(struct domain *d)
{
    int r;

    if (!d->dying)
        begin(d);
    if ((r = evtchn_destroy(d)) || (r = device_destroy(d)) || (r = grant_destroy(d)))
        return r;
    if ((r = free_ram(d)))
        return r;
    domain_unlist(d);
    return 0;
}

static void free_vcpu(struct vcpu *v)
{
    struct domain *d = v->d;

    vcpu_timers_stop(v);
    sched_vcpu_destroy(v);
    hvm->vcpu_destroy(v);
    fpu_vcpu_destroy(v);
    domain_free_struct(d, v, 0);
}

void domain_release(struct domain *d)
{
    uint16_t id = d->id;

    grant_free(d);
    evtchn_free(d);
    for (uint32_t i = 0; i < d->nr_vcpus; i++)
        if (d->vcpus[i])
            free_vcpu(d->vcpus[i]);
    p2m_destroy(&d->p2m);
    if (d->io_bitmap && d->io_bitmap != ioport_default_bitmap)
        domain_free_struct(d, d->io_bitmap, IO_BITMAP_ORDER);
    if (d->shared_info)
        domain_free_struct(d, d->shared_info, 0);
    if (d->struct_frames != 1 || d->ram_frames)
        printk("domain %u: %lu structure and %lu RAM frames are not accounted for", id,
               d->struct_frames - 1, d->ram_frames);
    frame_free(frame_of(d), 0, id);
}
