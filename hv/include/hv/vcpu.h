/* SPDX-License-Identifier: MIT */
/*
 * A virtual CPU. It lives in frames of its own (the struct, the backend's control block, the XSAVE
 * area). hv has no stack per vcpu: a pcpu runs { pick; ops->run(); handle the exit }, and a handler
 * that cannot finish leaves RIP where it is (a continuation).
 *
 * Fields without another note belong to the pcpu that runs the vcpu (or to who paused it).
 */
#ifndef HV_VCPU_H
#define HV_VCPU_H

#include <hv/config.h>
#include <hv/domain.h>
#include <hv/list.h>
#include <hv/percpu.h>
#include <hv/types.h>

struct vcpu_info; /* xen/xen.h */

/* The order is known to x86/svm/svm_entry.S and x86/vmx/vmx_entry.S. */
struct cpu_regs {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
};

enum vcpu_state {
    VCPU_OFFLINE,  /* waits for INIT/SIPI or VCPUOP_up */
    VCPU_BLOCKED,  /* HLT, SCHEDOP_block, SCHEDOP_poll */
    VCPU_RUNNABLE, /* in the run queue, unless paused or on a CPU */
};

struct timer {
    struct list node;  /* in the list of a pcpu */
    uint64_t deadline; /* host TSC */
    uint32_t pcpu;     /* whose list; timer lock of that pcpu */
    bool armed;
    void (*fire)(struct timer *t); /* on the CPU that armed it, no lock held */
};

/* x2APIC, only by MSR. IRR is set by any CPU (atomic), the rest is the vcpu's own. */
struct vlapic {
    uint64_t irr[4];
    uint64_t isr[4];
    uint32_t pending; /* some IRR bit may be set: looked at before every entry */
    uint32_t svr, tpr, lvt[6], divide;
    uint32_t id;
    bool sipi_taken; /* the start of this vcpu has begun */
};

struct vcpu {
    struct cpu_regs regs; /* RIP, RFLAGS and RSP are valid after ops->run(); see hvm.h */
    struct domain *d;
    uint32_t id;
    uint32_t state; /* enum vcpu_state; sched_lock */

    /* checked before every entry */
    struct vcpu_info *vcpu_info; /* never NULL; where the guest registered it, pinned */
    struct vlapic lapic;
    uint64_t flush_gen; /* p2m.flush_gen that this vcpu's translations are from */
    bool in_guest;      /* between prepare and exit: who changes something kicks then */
    bool int_shadow;    /* neutral copy where the backend keeps none */

    /* scheduler: sched_lock */
    struct list queue;
    uint64_t vruntime; /* weighted ns */
    uint32_t pause_count;
    uint32_t pcpu; /* where it runs or ran last */
    bool on_cpu;   /* a pcpu holds its state: it is that pcpu's current */
    bool yielded;
    uint64_t run_since_tsc;
    uint64_t cpu_tsc;   /* total run time */
    bool halted_if0;    /* blocked by HLT with IF = 0 */
    bool poll_active;   /* in SCHEDOP_poll; evtchn_lock of d */
    uint32_t poll_port; /* 0: any of several; evtchn_lock of d */

    struct timer singleshot; /* VIRQ_TIMER, see time.h */
    struct timer poll_timer; /* time-out of SCHEDOP_poll */

    /* guest state outside of the backend's control block */
    uint64_t xcr0;
    void *xsave; /* area for all features hv knows; direct map */
    unsigned int xsave_order;
    uint64_t tsc_aux;
    uint64_t dr[4];
    uint32_t fault_retries; /* since it was switched in */
    bool dr_loaded;         /* the guest's debug registers are in the CPU */

    /* frames of registered areas: pinned mfn + 1, 0: none. core/vcpu_op.c */
    uint64_t vcpu_info_pin, time_info_pin;

    union {
        struct {
            struct vmcb *vmcb;
            uint64_t vmcb_pa;
            uint64_t asid_gen; /* generation of the pcpu below that gave the ASID */
            uint32_t asid_pcpu;
            uint32_t pad;
        } svm;
        struct {
            void *vmcs;
            uint64_t vmcs_pa;
            uint64_t opaque[30]; /* vmx.c's own state */
        } vmx;
    } arch;

    /* statistics of BH_CTL_EXITS */
    uint64_t exits[BH_NR_EXITS];
    uint64_t hypercalls[64];
};

_Static_assert(sizeof(struct vcpu) <= PAGE_SIZE, "a vcpu is one frame");

/* The vcpu whose exit is being handled on this CPU. */
static inline struct vcpu *current_vcpu(void)
{
    return this_pcpu()->current;
}

/* Bring vcpu up at the state set by ops->set_entry_*: offline -> runnable. -EEXIST: is up. */
int vcpu_up(struct vcpu *v) MUST_CHECK;

/* What vcpu must be told before the guest goes on: interrupt vector to inject, or -1. Upcall first
   (level: vcpu_info->evtchn_upcall_pending with d->callback_vector), then x2APIC IRR. */
int vcpu_pending_vector(struct vcpu *v);
/* The backend says that the guest took this vector (moves IRR to ISR; nothing for the upcall). */
void vcpu_ack_vector(struct vcpu *v, uint8_t vector);

/* x2APIC: x86/vlapic.c. */
void vlapic_init(struct vcpu *v);
void vlapic_set_irr(struct vcpu *v, uint8_t vector); /* any CPU; notifies */
int vlapic_read(struct vcpu *v, uint32_t msr, uint64_t *value) MUST_CHECK;
int vlapic_write(struct vcpu *v, uint32_t msr, uint64_t value) MUST_CHECK;

#endif
