/* SPDX-License-Identifier: MIT */
/*
 * Scheduler of all vcpus over all CPUs: core/sched.c. One run queue by weighted virtual runtime;
 * a woken vcpu may preempt. Functions take sched_lock inside; callable with any outer lock.
 */
#ifndef HV_SCHED_H
#define HV_SCHED_H

#include <hv/types.h>
#include <hv/vcpu.h>

void sched_init(void);
void sched_vcpu_init(struct vcpu *v);
void sched_vcpu_destroy(struct vcpu *v); /* not running, not queued any more */
NORETURN void sched_loop(void);          /* what a CPU does for the rest of its life */

/*
 * The current vcpu stops until vcpu_wake(). Safe against the race with a wake-up: an event that
 * arrives in between ends it at once (vcpu_has_event is checked after the state is set). The caller
 * has advanced RIP and set the return value; the switch happens when its exit handler returns.
 */
void vcpu_block(struct vcpu *v);

/* As vcpu_block, but no event ends it (HLT with interrupts off): only the end of the domain. */
void vcpu_block_forever(struct vcpu *v);

/* The current vcpu lets others go first. */
void vcpu_yield(struct vcpu *v);

/* Blocked -> runnable; nothing otherwise. Any CPU. */
void vcpu_wake(struct vcpu *v);

/* Something to inject or look at: wake it if it is blocked, force an exit if it runs elsewhere. Set
   what it is to see before. This is what event delivery calls. */
void vcpu_notify(struct vcpu *v);

/* Nested. vcpu_pause waits until v is off its CPU (never call for the current vcpu). */
void vcpu_pause(struct vcpu *v);
void vcpu_pause_nosync(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);

/* Would vcpu_block() return at once? Upcall pending (masked or not: see SCHEDOP_block) or an APIC
   interrupt. */
bool vcpu_has_event(struct vcpu *v);

/* sched_op of public/sched.h (core/sched_op.c): yield, block, poll, shutdown, remote_shutdown. */
long do_sched_op(struct vcpu *v, uint64_t cmd, uint64_t arg);

/*
 * SCHEDOP_poll: under d->evtchn_lock sched_op sets v->poll_active and v->poll_port and raises
 * d->poll_count. Who sets a port pending (masked or not) with d->poll_count != 0 calls this with
 * evtchn_lock held; it wakes the vcpus that wait for that port.
 */
void sched_poll_wake(struct domain *d, uint32_t port);

#endif
