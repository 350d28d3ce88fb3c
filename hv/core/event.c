/* SPDX-License-Identifier: MIT */
/*
 * Event channels, 2-level ABI (xen/event_channel.h): the table of a domain's ports and delivery
 * through shared_info and vcpu_info. The hypercalls on top are in event_op.c.
 *
 * A domain's table is guarded by its evtchn_lock; a connection is changed under both ends' locks,
 * lower domid first. A port names its remote by domid and port, never by pointer. Ports come in
 * buckets of one frame each, made as they are needed, so delivery never allocates.
 */
#include <hv/bitmap.h>
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/lib.h>
#include <hv/sched.h>
#include <hv/vcpu.h>
#include <xen/xen.h>

#include "event_table.h"

struct evtchn *evtchn_port(const struct domain *d, uint32_t port)
{
    const struct evtchn_table *t = d->evtchn;

    if (port >= __atomic_load_n(&t->nr_buckets, __ATOMIC_ACQUIRE) * PORTS_PER_BUCKET)
        return NULL;
    return &t->buckets[port / PORTS_PER_BUCKET][port % PORTS_PER_BUCKET];
}

static int grow(struct domain *d)
{
    struct evtchn_table *t = d->evtchn;

    if (t->nr_buckets == ARRAY_SIZE(t->buckets))
        return -ENOSPC;
    t->buckets[t->nr_buckets] = domain_alloc_struct(d, 0);
    if (!t->buckets[t->nr_buckets])
        return -ENOMEM;
    __atomic_store_n(&t->nr_buckets, t->nr_buckets + 1, __ATOMIC_RELEASE);
    return 0;
}

int evtchn_init(struct domain *d)
{
    int rc;

    spin_init(&d->evtchn_lock);
    d->evtchn = domain_alloc_struct(d, 0);
    if (!d->evtchn)
        return -ENOMEM;
    rc = grow(d);
    if (rc) {
        evtchn_free(d);
        return rc;
    }
    evtchn_port(d, 0)->state = EVTCHN_RESERVED;
    d->evtchn->first_free = 1;
    return 0;
}

void evtchn_free(struct domain *d)
{
    struct evtchn_table *t = d->evtchn;

    if (!t)
        return;
    for (uint32_t i = 0; i < t->nr_buckets; i++)
        domain_free_struct(d, t->buckets[i], 0);
    domain_free_struct(d, t, 0);
    d->evtchn = NULL;
}

int evtchn_find_free(struct domain *d, uint32_t *port)
{
    struct evtchn_table *t = d->evtchn;
    int rc;

    if (READ_ONCE(d->dying))
        return -ESRCH;
    for (uint32_t p = t->first_free;; p++) {
        struct evtchn *chn = evtchn_port(d, p);

        if (!chn) {
            rc = grow(d);
            if (rc)
                return rc;
            chn = evtchn_port(d, p);
        }
        if (chn->state == EVTCHN_FREE) {
            t->first_free = p;
            *port = p;
            return 0;
        }
    }
}

void evtchn_release(struct domain *d, uint32_t port)
{
    struct evtchn *chn = evtchn_port(d, port);

    if (chn->state == EVTCHN_VIRQ)
        d->evtchn->virq_port[virq_is_per_vcpu(chn->remote_port) ? chn->vcpu : 0][chn->remote_port] =
            0;
    atomic_bit_clear(d->shared_info->evtchn_pending, port);
    *chn = (struct evtchn){.state = EVTCHN_FREE};
    d->evtchn->first_free = MIN(d->evtchn->first_free, port);
}

void vcpu_mark_events_pending(struct vcpu *v)
{
    if (!__atomic_exchange_n(&v->vcpu_info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
        vcpu_notify(v);
}

void evtchn_set_pending(struct domain *d, uint32_t port)
{
    struct vcpu *v = d->vcpus[evtchn_port(d, port)->vcpu];

    if (atomic_bit_set(d->shared_info->evtchn_pending, port))
        return;
    if (!bitmap_test(d->shared_info->evtchn_mask, port))
        evtchn_select(v, port);
    if (d->poll_count)
        sched_poll_wake(d, port);
}

void evtchn_select(struct vcpu *v, uint32_t port)
{
    if (!atomic_bit_set(&v->vcpu_info->evtchn_pending_sel, port / 64))
        vcpu_mark_events_pending(v);
}

void evtchn_send_virq(struct vcpu *v, uint32_t virq)
{
    struct domain *d = v->d;
    uint32_t port;

    spin_lock(&d->evtchn_lock);
    port = d->evtchn->virq_port[virq_is_per_vcpu(virq) ? v->id : 0][virq];
    if (port)
        evtchn_set_pending(d, port);
    spin_unlock(&d->evtchn_lock);
}

bool evtchn_is_pending(const struct domain *d, uint32_t port)
{
    return port < MAX_EVTCHNS && bitmap_test(d->shared_info->evtchn_pending, port);
}

int evtchn_alloc_unbound(struct domain *d, uint16_t remote, uint32_t *port)
{
    int rc;

    if (!domains_may_share(d->id, remote))
        return -EPERM;
    spin_lock(&d->evtchn_lock);
    rc = evtchn_find_free(d, port);
    if (!rc)
        *evtchn_port(d, *port) = (struct evtchn){.state = EVTCHN_UNBOUND, .remote_domid = remote};
    spin_unlock(&d->evtchn_lock);
    return rc;
}

int evtchn_alloc_hv(struct domain *d, void (*notify)(struct domain *d, uint32_t port),
                    uint32_t *port)
{
    struct evtchn_table *t = d->evtchn;
    int rc = -ENOSPC;

    spin_lock(&d->evtchn_lock);
    if (t->nr_notify < ARRAY_SIZE(t->notify))
        rc = evtchn_find_free(d, port);
    if (!rc) {
        *evtchn_port(d, *port) =
            (struct evtchn){.state = EVTCHN_HV, .remote_port = (uint16_t)t->nr_notify};
        t->notify[t->nr_notify++] = notify;
    }
    spin_unlock(&d->evtchn_lock);
    return rc;
}

void evtchn_raise_hv(struct domain *d, uint32_t port)
{
    const struct evtchn *chn;

    spin_lock(&d->evtchn_lock);
    chn = evtchn_port(d, port);
    if (chn && chn->state == EVTCHN_HV)
        evtchn_set_pending(d, port);
    spin_unlock(&d->evtchn_lock);
}

/*
 * Lock d and, if port is connected, the domain at its other end too (*peer, referenced; else NULL).
 * What the port says is read before the locks can be taken in their order, so it is read again.
 */
static void lock_both_ends(struct domain *d, uint32_t port, struct domain **peer)
{
    struct evtchn seen;

    for (;;) {
        const struct evtchn *chn = evtchn_port(d, port);
        struct domain *other;

        spin_lock(&d->evtchn_lock);
        seen = *chn;
        if (seen.state != EVTCHN_INTERDOMAIN || seen.remote_domid == d->id) {
            *peer = NULL;
            return;
        }
        spin_unlock(&d->evtchn_lock);
        other = domain_get(seen.remote_domid);
        if (!other)
            continue; /* it went, and has closed this connection before */
        evtchn_lock_two(d, other);
        if (chn->state == EVTCHN_INTERDOMAIN && chn->remote_domid == other->id) {
            *peer = other;
            return;
        }
        evtchn_unlock_two(d, other);
        domain_put(other);
    }
}

int evtchn_close(struct domain *d, uint32_t port, bool by_guest)
{
    struct evtchn *chn = evtchn_port(d, port);
    struct domain *peer;
    int rc = 0;

    if (!chn)
        return -EINVAL;
    lock_both_ends(d, port, &peer);
    if (chn->state == EVTCHN_FREE || chn->state == EVTCHN_RESERVED ||
        (chn->state == EVTCHN_HV && by_guest)) {
        rc = -EINVAL;
    } else {
        if (chn->state == EVTCHN_INTERDOMAIN) {
            struct evtchn *far = evtchn_port(peer ? peer : d, chn->remote_port);

            /* A domid is used again: the port must not wait for the next one of that number. */
            far->state = EVTCHN_UNBOUND;
            far->remote_domid = d->dying ? DOMID_INVALID : d->id;
            far->remote_port = 0;
        }
        evtchn_release(d, port);
    }
    spin_unlock(&d->evtchn_lock);
    if (peer) {
        spin_unlock(&peer->evtchn_lock);
        domain_put(peer);
    }
    return rc;
}

/* Vcpus are stopped and d->dying keeps others from making new ports, so a scan sees them all. */
int evtchn_destroy(struct domain *d)
{
    struct evtchn_table *t = d->evtchn;

    for (unsigned int n = 0; t->destroy_cursor < t->nr_buckets * PORTS_PER_BUCKET; n++) {
        if (n == PREEMPT_BATCH * 8)
            return -EAGAIN;
        (void)!evtchn_close(d, t->destroy_cursor++, false);
    }
    return 0;
}
