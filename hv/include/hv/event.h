/* SPDX-License-Identifier: MIT */
/*
 * Event channels, 2-level ABI: core/event.c.
 */
#ifndef HV_EVENT_H
#define HV_EVENT_H

#include <hv/config.h>
#include <hv/types.h>

struct domain;
struct vcpu;

/* hv's policy for event channels and grants: a sandbox deals with mgmt and net, never with another
   sandbox. */
static inline bool domains_may_share(uint32_t a, uint32_t b)
{
    return a == b || a < BH_DOMID_FIRST_SANDBOX || b < BH_DOMID_FIRST_SANDBOX;
}

int evtchn_init(struct domain *d) MUST_CHECK; /* d->shared_info exists. -ENOMEM */
/* Close every port, peers included, preemptibly: -EAGAIN. Sets nothing pending in d. */
int evtchn_destroy(struct domain *d) MUST_CHECK;
/* Free what evtchn_init made: last, no one refers to d any more. */
void evtchn_free(struct domain *d);

long do_event_channel_op(struct vcpu *v, uint64_t cmd, uint64_t arg);

/* VIRQ to the port v has bound for it (global VIRQs: vcpu 0's); nothing if it has none. Takes
   evtchn_lock of v->d. Callable from the timer path and with outer locks held. */
void evtchn_send_virq(struct vcpu *v, uint32_t virq);

/* hv as one end: the boot builder's console and xenstore ports. Makes an unbound port of d for
   remote (as EVTCHNOP_alloc_unbound by d). */
int evtchn_alloc_unbound(struct domain *d, uint16_t remote, uint32_t *port) MUST_CHECK;
/* An unbound port of d whose other end is hv itself: a send by the guest calls notify(d, port). */
int evtchn_alloc_hv(struct domain *d, void (*notify)(struct domain *d, uint32_t port),
                    uint32_t *port) MUST_CHECK;
/* hv raises such a port. */
void evtchn_raise_hv(struct domain *d, uint32_t port);

/* Is port pending in d's shared_info? For SCHEDOP_poll. False for ports out of range. */
bool evtchn_is_pending(const struct domain *d, uint32_t port);

/* evtchn_upcall_pending = 1 (and the selector bit), then vcpu_notify(). */
void vcpu_mark_events_pending(struct vcpu *v);

#endif
