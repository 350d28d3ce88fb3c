/* SPDX-License-Identifier: MIT */
/*
 * Time. The TSC is the one clock (invariant, in step on all CPUs). A domain's system time is its
 * own TSC (host TSC + d->tsc_offset) scaled by one constant multiplier, so a guest's pvclock record
 * is written once and never updated. core/timer.c, x86/clock.c.
 */
#ifndef HV_TIME_H
#define HV_TIME_H

#include <hv/types.h>

struct domain;
struct vcpu;
struct timer;
struct vcpu_time_info; /* xen/xen.h */

extern uint64_t tsc_khz;
extern uint32_t tsc_mul; /* pvclock: ns = ((ticks << shift, or >> -shift) * mul) >> 32 */
extern int8_t tsc_shift;

uint64_t tsc_to_ns(uint64_t ticks);
uint64_t ns_to_tsc(uint64_t ns); /* saturates */
uint64_t time_now_ns(void);      /* since hv's entry */

/* System time of d as its guest sees it, in ns. */
uint64_t domain_time_ns(const struct domain *d);

/* Fill a guest's pvclock record (in vcpu_info, or a registered area). */
void time_fill_pvclock(const struct domain *d, struct vcpu_time_info *info);
/* Fill wc_version, wc_sec, wc_nsec, wc_sec_hi of d->shared_info: at first unpause. */
void time_fill_wallclock(struct domain *d);

/* VIRQ_TIMER of v at a domain time; one that is past fires at once. The timer belongs to v. */
void vcpu_set_singleshot(struct vcpu *v, uint64_t deadline_ns);
void vcpu_stop_singleshot(struct vcpu *v);

/* Timers proper: deadlines in TSC ticks, on the list of the CPU that arms them; core/sched.c and
   the above are the users. timer_stop() returns when it neither waits nor fires (unless called by
   its own fire function). timer_run() fires what is due on this CPU; timer_program() sets the APIC
   for the first of its timers, or limit if that is earlier. */
void timer_init(struct timer *t, void (*fire)(struct timer *t));
void timer_arm(struct timer *t, uint64_t deadline_tsc);
void timer_stop(struct timer *t);
void timer_run(void);
void timer_program(uint64_t limit_tsc);

/* x86/apic.c: one-shot of this CPU at a TSC deadline (~0: off); may fire early, never late. */
void apic_timer_set(uint64_t deadline_tsc);
void vcpu_timers_init(struct vcpu *v);
void vcpu_timers_stop(struct vcpu *v);
/* Absolute domain time to host TSC. */
uint64_t domain_deadline_tsc(const struct domain *d, uint64_t deadline_ns);

#endif
