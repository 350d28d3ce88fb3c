/* SPDX-License-Identifier: MIT */
/*
 * The event channel table as event.c (ports, delivery) and event_op.c (hypercalls) share it.
 * Everything is guarded by the domain's evtchn_lock; functions want it held unless said otherwise.
 */
#ifndef HV_CORE_EVENT_TABLE_H
#define HV_CORE_EVENT_TABLE_H

#include <hv/config.h>
#include <hv/domain.h>
#include <hv/types.h>
#include <xen/event_channel.h>
#include <xen/xen.h>

enum evtchn_state {
    EVTCHN_FREE = 0,
    EVTCHN_RESERVED, /* port 0 */
    EVTCHN_UNBOUND,  /* remote_domid may bind it */
    EVTCHN_INTERDOMAIN,
    EVTCHN_VIRQ, /* remote_port is the VIRQ */
    EVTCHN_IPI,
    EVTCHN_HV, /* remote_port: index of evtchn_table.notify */
};

struct evtchn {
    uint8_t state; /* enum evtchn_state */
    uint8_t vcpu;  /* who is told */
    uint16_t remote_domid;
    uint16_t remote_port;
    uint16_t pad;
};

#define PORTS_PER_BUCKET ((uint32_t)(PAGE_SIZE / sizeof(struct evtchn)))
#define HV_PORTS 4U

struct evtchn_table {
    struct evtchn *buckets[MAX_EVTCHNS / (PAGE_SIZE / sizeof(struct evtchn))];
    uint32_t nr_buckets; /* only grows */
    uint32_t first_free; /* no port below it is free */
    uint32_t destroy_cursor;
    uint32_t nr_notify;
    void (*notify[HV_PORTS])(struct domain *d, uint32_t port);
    uint16_t virq_port[MAX_VCPUS][NR_VIRQS]; /* 0: not bound; global VIRQs at vcpu 0 */
};

_Static_assert(sizeof(struct evtchn) == 8, "a bucket is 512 ports");
_Static_assert(sizeof(struct evtchn_table) <= PAGE_SIZE, "the table is one frame");

/* NULL if there is no such port. The pointer stays good as long as the domain; no lock wanted. */
struct evtchn *evtchn_port(const struct domain *d, uint32_t port);

/* A free port of d. -ENOSPC, -ENOMEM, -ESRCH when d is dying. */
int evtchn_find_free(struct domain *d, uint32_t *port) MUST_CHECK;

/* Make a port free, whatever it was; its other end is the caller's business. */
void evtchn_release(struct domain *d, uint32_t port);

/* Raise a port that is in use. */
void evtchn_set_pending(struct domain *d, uint32_t port);

/* The second half of delivery: selector bit and upcall. */
void evtchn_select(struct vcpu *v, uint32_t port);

/* Takes the locks. -EINVAL: nothing there that could be closed. */
int evtchn_close(struct domain *d, uint32_t port, bool by_guest) MUST_CHECK;

static inline bool virq_is_per_vcpu(uint32_t virq)
{
    return virq == VIRQ_TIMER || virq == VIRQ_DEBUG || virq == VIRQ_XENOPROF || virq == VIRQ_XENPMU;
}

/* The same domain twice is locked once. */
static inline void evtchn_lock_two(struct domain *a, struct domain *b)
{
    spin_lock_two(a->id < b->id ? &a->evtchn_lock : &b->evtchn_lock,
                  a->id < b->id ? &b->evtchn_lock : &a->evtchn_lock);
}

static inline void evtchn_unlock_two(struct domain *a, struct domain *b)
{
    spin_unlock(&a->evtchn_lock);
    if (a != b)
        spin_unlock(&b->evtchn_lock);
}

#endif
