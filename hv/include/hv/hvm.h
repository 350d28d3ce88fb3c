/* SPDX-License-Identifier: MIT */
/*
 * The seam between shared code and a CPU backend (x86/svm, x86/vmx). ops->run() enters the guest
 * once and turns the hardware exit into a neutral struct vmexit; everything after that is shared
 * (x86/vmexit.c) and can be fed by host tests.
 */
#ifndef HV_HVM_H
#define HV_HVM_H

#include <hv/p2m.h>
#include <hv/percpu.h>
#include <hv/types.h>
#include <hv/vcpu.h>

/* Counted in BH_CTL_EXITS under these numbers: append only, below BH_NR_EXITS. */
enum vmexit_reason {
    VMEXIT_NONE = 0,      /* dealt with inside the backend, or the entry was called off: go on */
    VMEXIT_INTERRUPT = 1, /* a host interrupt; the backend has let the CPU take it */
    VMEXIT_NMI = 2,       /* ditto */
    VMEXIT_CPUID = 3,
    VMEXIT_HLT = 4,
    VMEXIT_HYPERCALL = 5,
    VMEXIT_IO = 6, /* u.io */
    VMEXIT_MSR_READ = 7,
    VMEXIT_MSR_WRITE = 8,
    VMEXIT_CR_ACCESS = 9, /* only what the backend could not settle itself: guest gets #GP */
    VMEXIT_DR_ACCESS = 10,
    VMEXIT_XSETBV = 11,
    VMEXIT_P2M_FAULT = 12, /* u.fault */
    VMEXIT_EXCEPTION = 13, /* u.exception: an intercepted one */
    VMEXIT_TRIPLE_FAULT = 14,
    VMEXIT_BAD_STATE = 15,  /* the CPU refused the guest's state; u.raw */
    VMEXIT_CACHE = 16,      /* INVD, WBINVD */
    VMEXIT_UNDEFINED = 17,  /* an instruction guests do not have (VMX, SVM, MONITOR, ...): #UD */
    VMEXIT_INT_WINDOW = 18, /* the guest can take an interrupt now */
    VMEXIT_INIT_SIPI = 19,
    VMEXIT_TASK_SWITCH = 20,
    VMEXIT_OTHER = 21, /* nobody knows; u.raw */
};

struct vmexit {
    enum vmexit_reason reason;
    uint32_t insn_len; /* of the exiting instruction, where it completes by skipping it */
    union {
        struct {
            uint16_t port;
            uint8_t width; /* 1, 2, 4 */
            bool in;
            bool string; /* INS, OUTS or REP: not offered */
        } io;
        struct {
            uint64_t gpa;
            uint64_t gva; /* 0 if unknown */
            bool gva_valid;
            bool read, write, fetch;
            bool present; /* a permission fault on a present mapping */
        } fault;
        struct {
            uint8_t vector;
            bool has_error;
            uint32_t error;
        } exception;
        struct {
            uint64_t code, info1, info2;
        } raw;
    } u;
};

/* What guest_copy_* need to walk a guest's page tables. */
struct guest_paging {
    uint64_t cr0, cr3, cr4, efer;
    uint8_t cpl;
    bool code64; /* CS.L in long mode: 64-bit hypercall convention */
};

/*
 * All functions run on the pcpu of the vcpu with interrupts off unless said otherwise.
 *
 * Contract of run(): before it the caller has decided what to do with v->regs; run() loads
 * RAX..R15, RIP, RFLAGS, RSP from v->regs, sets v->in_guest, full barrier, gives up with
 * VMEXIT_NONE if this_pcpu()->resched, asks vcpu_pending_vector() (not before: an event that came
 * in between would bring no kick) and injects that or opens an interrupt window, flushes guest
 * translations if v->flush_gen != p2m.flush_gen (then v->flush_gen is set), enters, clears
 * v->in_guest, stores registers back and fills *exit. Events that were being delivered when the
 * exit came are put back for the next entry. exit->u is written only where the reason uses it.
 */
struct hvm_ops {
    const char *name;
    uint32_t vendor; /* as bh_ctl_sysinfo.vendor: 1 VT-x, 2 AMD-V */
    const struct p2m_format *p2m_format;

    /* once, on the boot CPU, before the others: check features, build bitmaps; -ENODEV: not this
     * CPU */
    int (*init)(void);
    /* each CPU: turn virtualization on */
    int (*cpu_enable)(struct pcpu *pc);
    /* any CPU; vcpu 0 and the others alike. -ENOMEM. Uses domain_alloc_struct */
    int (*vcpu_init)(struct vcpu *v);
    void (*vcpu_destroy)(struct vcpu *v);

    /* any CPU, vcpu not running: PVH (32-bit flat protected mode, CR0 = PE|ET, EBX, EIP) or real
       mode at vector << 12 after INIT/SIPI; all other registers as after INIT. They set v->regs */
    void (*set_entry_pvh)(struct vcpu *v, uint32_t eip, uint32_t ebx);
    void (*set_entry_sipi)(struct vcpu *v, uint8_t vector);

    void (*switch_in)(
        struct vcpu *v); /* v becomes current here; it may have run elsewhere before */
    void (*switch_out)(struct vcpu *v); /* must leave nothing of v in this CPU that others need */
    void (*run)(struct vcpu *v, struct vmexit *exit);

    /* queue an exception for the next entry */
    void (*inject_exception)(struct vcpu *v, uint8_t vector, bool has_error, uint32_t error);
    /* RIP moved over an instruction: drop the STI/MOV SS shadow. v->regs.rip is set by the caller
     */
    void (*clear_int_shadow)(struct vcpu *v);
    void (*get_paging)(const struct vcpu *v, struct guest_paging *out);

    /* MSRs that live in the control block: EFER, PAT, SYSENTER_*, FS/GS base, STAR family, TSC.
       -ENOENT: not one of them; -EINVAL: the guest gets #GP */
    int (*get_msr)(const struct vcpu *v, uint32_t index, uint64_t *value);
    int (*set_msr)(struct vcpu *v, uint32_t index, uint64_t value);
    void (*set_tsc_offset)(struct vcpu *v, uint64_t offset); /* any CPU, vcpu not running */

    /* VMCALL or VMMCALL: the three bytes for the hypercall page */
    uint8_t hypercall_insn[3];
};

extern const struct hvm_ops svm_ops, vmx_ops;
extern const struct hvm_ops *hvm; /* the one chosen at boot */

/* x86/vmexit.c: act on an exit of the current vcpu. */
void vmexit_handle(struct vcpu *v, const struct vmexit *exit);

/* Move RIP over the exiting instruction. */
static inline void vmexit_skip(struct vcpu *v, const struct vmexit *exit)
{
    v->regs.rip += exit->insn_len;
    hvm->clear_int_shadow(v);
}

#define X86_UD 6U
#define X86_DF 8U
#define X86_GP 13U
#define X86_PF 14U

#endif
