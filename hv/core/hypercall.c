/* SPDX-License-Identifier: MIT */
/*
 * Hypercall dispatch. x86/vmexit.c has made sure that the caller is 64-bit code at CPL 0. Numbers
 * are Xen's (xen/xen.h) and ours (public/bulkhead.h); one that is not in the table answers -ENOSYS.
 */
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/grant.h>
#include <hv/hypercall.h>
#include <hv/sched.h>
#include <hv/vcpu.h>
#include <public/bulkhead.h>
#include <xen/xen.h>

static long memory_op(struct vcpu *v)
{
    return do_memory_op(v, v->regs.rdi, v->regs.rsi);
}

static long xen_version(struct vcpu *v)
{
    return do_xen_version(v, v->regs.rdi, v->regs.rsi);
}

static long console_io(struct vcpu *v)
{
    return do_console_io(v, v->regs.rdi, v->regs.rsi, v->regs.rdx);
}

static long grant_table_op(struct vcpu *v)
{
    return do_grant_table_op(v, v->regs.rdi, v->regs.rsi, v->regs.rdx);
}

static long vcpu_op(struct vcpu *v)
{
    return do_vcpu_op(v, v->regs.rdi, v->regs.rsi, v->regs.rdx);
}

static long sched_op(struct vcpu *v)
{
    return do_sched_op(v, v->regs.rdi, v->regs.rsi);
}

static long event_channel_op(struct vcpu *v)
{
    return do_event_channel_op(v, v->regs.rdi, v->regs.rsi);
}

static long hvm_op(struct vcpu *v)
{
    return do_hvm_op(v, v->regs.rdi, v->regs.rsi);
}

static long bh_control(struct vcpu *v)
{
    return do_bh_control(v, v->regs.rdi);
}

static long bh_device(struct vcpu *v)
{
    return do_bh_device(v, v->regs.rdi);
}

static long (*const calls[])(struct vcpu *v) = {
    [__HYPERVISOR_memory_op] = memory_op,
    [__HYPERVISOR_xen_version] = xen_version,
    [__HYPERVISOR_console_io] = console_io,
    [__HYPERVISOR_grant_table_op] = grant_table_op,
    [__HYPERVISOR_vcpu_op] = vcpu_op,
    [__HYPERVISOR_sched_op] = sched_op,
    [__HYPERVISOR_event_channel_op] = event_channel_op,
    [__HYPERVISOR_hvm_op] = hvm_op,
    [__HYPERVISOR_bh_control] = bh_control,
    [__HYPERVISOR_bh_device] = bh_device,
};

_Static_assert(sizeof(calls) / sizeof(calls[0]) <=
                   sizeof(((struct vcpu *)0)->hypercalls) / sizeof(uint64_t),
               "every call has a counter");

long hypercall_dispatch(struct vcpu *v)
{
    uint32_t number = (uint32_t)v->regs.rax;

    if (number < ARRAY_SIZE(v->hypercalls))
        v->hypercalls[number]++;
    if (number >= ARRAY_SIZE(calls) || !calls[number])
        return -ENOSYS;
    return calls[number](v);
}
