/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU data. GS base points at struct pcpu while hv runs (backends restore it at every exit).
 * hv runs with interrupts off; they are taken only in the idle loop, at an exit caused by one, and
 * in hypercall_preempt_check(). Handlers set flags and take no lock.
 */
#ifndef HV_PERCPU_H
#define HV_PERCPU_H

#include <hv/arch.h> /* this_pcpu() */
#include <hv/config.h>
#include <hv/list.h>
#include <hv/spinlock.h>
#include <hv/types.h>

struct vcpu;
struct timer;

struct pcpu {
    struct pcpu *self; /* offset 0: read through GS */
    uint32_t id;       /* dense: 0..nr_pcpus-1 */
    uint32_t apic_id;
    struct vcpu *current;  /* NULL: idle */
    volatile bool resched; /* leave the guest loop: set by IRQ handlers and the scheduler */
    volatile bool online;
    volatile bool idle;
    uint64_t slice_end; /* TSC */

    struct spinlock timer_lock;
    struct list timers;            /* struct timer, by deadline; timer_lock */
    struct timer *volatile firing; /* being delivered by this CPU: timer_stop() waits for it */
    uint64_t timer_programmed;     /* deadline in the hardware, ~0: none */

    /* backend */
    uint64_t hv_area_pa;   /* VMXON region, or SVM host save area */
    uint64_t host_vmcb_pa; /* SVM: host state for VMLOAD */
    uint64_t asid_gen;
    uint32_t asid_next, asid_max;
    void *loaded_vmcs; /* VMX: the VMCS that is current and active here */

    uint64_t gdt[8];
    uint8_t tss[104] ALIGNED(8);
    uint8_t stack[PCPU_STACK_SIZE] ALIGNED(16);
    uint8_t ist_nmi[4096] ALIGNED(16);
    uint8_t ist_df[4096] ALIGNED(16);
};

extern struct pcpu *pcpus[MAX_CPUS];
extern uint32_t nr_pcpus; /* entries of pcpus that are valid */

/* Force pc out of guest mode or idle, by IPI; the handler sets nothing: set what it is to see
   first. No-op for the CPU itself. */
void pcpu_kick(struct pcpu *pc);

#endif
