/* SPDX-License-Identifier: MIT */
/*
 * Inside the scheduler: what sched.c shares with x86/fpu.c and its test.
 */
#ifndef HV_CORE_SCHED_H
#define HV_CORE_SCHED_H

#include <hv/sched.h>

/* What pc runs from now on: pc->current, or another one switched in, or NULL. */
struct vcpu *sched_pick(struct pcpu *pc);

/* sched_lock held: first of the queue that no cap holds back; *capped: one was passed over. */
struct vcpu *sched_first(uint64_t now, bool *capped);

/* x86/fpu.c: move a vcpu's state into and out of this CPU. */
void vcpu_switch_in(struct vcpu *v);
void vcpu_switch_out(struct vcpu *v);

#endif
