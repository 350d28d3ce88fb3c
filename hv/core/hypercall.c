/* SPDX-License-Identifier: MIT */
/*
 * Hypercall dispatch. x86/vmexit.c has made sure that the caller is 64-bit code at CPL 0. Numbers
 * are Xen's (xen/xen.h) and ours (public/bulkhead.h); one that is not listed answers -ENOSYS.
 */
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/grant.h>
#include <hv/hypercall.h>
#include <hv/sched.h>
#include <hv/vcpu.h>
#include <public/bulkhead.h>
#include <xen/xen.h>

_Static_assert(__HYPERVISOR_bh_device < sizeof(((struct vcpu *)0)->hypercalls) / sizeof(uint64_t),
               "every call has a counter");

long hypercall_dispatch(struct vcpu *v)
{
    const struct cpu_regs *r = &v->regs;
    uint32_t number = (uint32_t)r->rax;

    if (number < ARRAY_SIZE(v->hypercalls))
        v->hypercalls[number]++;
    switch (number) {
    case __HYPERVISOR_memory_op:
        return do_memory_op(v, r->rdi, r->rsi);
    case __HYPERVISOR_xen_version:
        return do_xen_version(v, r->rdi, r->rsi);
    case __HYPERVISOR_console_io:
        return do_console_io(v, r->rdi, r->rsi, r->rdx);
    case __HYPERVISOR_grant_table_op:
        return do_grant_table_op(v, r->rdi, r->rsi, r->rdx);
    case __HYPERVISOR_vcpu_op:
        return do_vcpu_op(v, r->rdi, r->rsi, r->rdx);
    case __HYPERVISOR_sched_op:
        return do_sched_op(v, r->rdi, r->rsi);
    case __HYPERVISOR_event_channel_op:
        return do_event_channel_op(v, r->rdi, r->rsi);
    case __HYPERVISOR_hvm_op:
        return do_hvm_op(v, r->rdi, r->rsi);
    case __HYPERVISOR_bh_control:
        return do_bh_control(v, r->rdi);
    case __HYPERVISOR_bh_device:
        return do_bh_device(v, r->rdi);
    default:
        return -ENOSYS;
    }
}
