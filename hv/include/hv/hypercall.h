/* SPDX-License-Identifier: MIT */
/*
 * Hypercall dispatch: core/hypercall.c. vmexit.c has checked CPL 0 and 64-bit mode (others get
 * -EPERM, -ENOSYS), then calls hypercall_dispatch() with number and arguments in v->regs (RAX; RDI,
 * RSI, RDX, R10, R8, R9).
 *
 * A long hypercall looks at hypercall_preempt_check() every PREEMPT_BATCH steps, without locks;
 * when it says true the call stores its progress in the argument registers (or the guest's
 * structure) and returns HYPERCALL_AGAIN: RIP is not moved, so the guest issues it again when it
 * next runs.
 */
#ifndef HV_HYPERCALL_H
#define HV_HYPERCALL_H

#include <hv/types.h>

struct domain;
struct vcpu;

/* Not an errno: the call is to be issued again. */
#define HYPERCALL_AGAIN (-0x7fffffffL)

/* Counts the call in v->hypercalls. Returns the value for RAX, or HYPERCALL_AGAIN. */
long hypercall_dispatch(struct vcpu *v);

/* Opens the interrupt window; true if this CPU has something better to do. No locks held. */
bool hypercall_preempt_check(void);

/* The calls, each in the file of its name. Addresses are guest-virtual. */
long do_memory_op(struct vcpu *v, uint64_t cmd, uint64_t arg);
long do_vcpu_op(struct vcpu *v, uint64_t cmd, uint64_t vcpuid, uint64_t arg);
long do_hvm_op(struct vcpu *v, uint64_t cmd, uint64_t arg);
long do_xen_version(struct vcpu *v, uint64_t cmd, uint64_t arg);
long do_console_io(struct vcpu *v, uint64_t cmd, uint64_t count, uint64_t arg); /* core/console.c */
long do_bh_control(struct vcpu *v, uint64_t arg);
long do_bh_device(struct vcpu *v, uint64_t arg);

/* HVM_PARAM_* of d, for the hypercall, BH_CTL_SET_PARAM and the boot builder; takes d->lock. Sets
   d->callback_vector for CALLBACK_IRQ. by_guest: only what a guest may set. core/hvm_op.c. */
int hvm_param_set(struct domain *d, uint32_t index, uint64_t value, bool by_guest) MUST_CHECK;
int hvm_param_get(struct domain *d, uint32_t index, uint64_t *value) MUST_CHECK;

/* Undo registered areas (vcpu_info, runstate, time) when a vcpu or its domain goes: vcpu_op.c. */
void vcpu_op_release(struct vcpu *v);

#endif
