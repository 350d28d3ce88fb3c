/* SPDX-License-Identifier: MIT */
/*
 * Inside of the VT-x backend. vmx_plan.c and vmx_decode.c are pure and run in host tests; vmx_cpu.c
 * knows the CPU and the VMCS instructions, vmx_vcpu.c a vcpu's state, vmx_run.c entry and exits.
 */
#ifndef HV_VMX_H
#define HV_VMX_H

#include <hv/hvm.h>
#include <hv/types.h>
#include "vmx_defs.h"

/* ---- vmx_plan.c: which controls this CPU gets ---- */

struct vmx_caps { /* capability MSRs, as read */
    uint64_t basic, pin, cpu, cpu2, exit, entry, misc, ept_vpid;
    uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
};

struct vmx_plan {
    uint32_t revision;
    uint32_t pin, cpu, cpu2, exit, entry;
    uint64_t cr0_must, cr0_may, cr4_must, cr4_may; /* of the host */
    uint64_t guest_cr4_may;                        /* what a guest may set */
};

extern struct vmx_plan vmx_plan;

/* Decide all controls. -ENODEV with *missing naming what a guest needs and the CPU has not. */
int vmx_make_plan(const struct vmx_caps *caps, struct vmx_plan *plan,
                  const char **missing) MUST_CHECK;

/* ---- vmx_decode.c ---- */

void vmx_decode_io(uint64_t qualification, struct vmexit *exit);
void vmx_decode_ept(uint64_t qualification, uint64_t gpa, uint64_t gva, struct vmexit *exit);

/* The event to deliver when `vector` is raised while `pending` (0: nothing) waits: SDM vol. 3,
   table 6-5 "Conditions for Generating a Double Fault". */
uint32_t vmx_merge_exception(uint32_t pending, uint8_t vector, bool has_error);

/* A guest's MOV to CR0, decided. */
struct vmx_cr0_write {
    uint64_t value, old; /* as the guest sees them */
    uint64_t cr4, efer;
    bool code64, tss16;
    /* results */
    uint64_t new_efer;
    bool load_pdptes, flush;
};
int vmx_decide_cr0(struct vmx_cr0_write *w) MUST_CHECK; /* -EINVAL: #GP */

/* Guest CR0 bits that are not its own: what VT-x fixes and what would change the host's caching. */
#define CR0_NE (1ULL << 5)
#define CR0_NW (1ULL << 29)
#define CR0_CD (1ULL << 30)
#define VMX_CR0_OWNED (CR0_NE | CR0_NW | CR0_CD)
#define CR4_VMXE (1ULL << 13)
#define CR4_PCIDE (1ULL << 17)

/* ---- state of a vcpu that the VMCS does not hold ---- */

struct vmx_state {
    uint32_t event, event_error, event_length; /* for the next entry; event 0: none */
    uint32_t cpu_controls;                     /* as in the VMCS */
    uint64_t rip, rsp, rflags;                 /* as in the VMCS */
    uint64_t host_rsp;
    uint64_t cr2, dr6;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base; /* valid while not loaded */
    uint64_t vpid_gen;
    uint32_t vpid_pcpu, host_pcpu; /* whose VPID and host state the VMCS has; ~0: none */
    bool launched;
};

_Static_assert(sizeof(struct vmx_state) <= sizeof(((struct vcpu *)0)->arch.vmx.opaque),
               "vmx_state fits into struct vcpu");

static inline struct vmx_state *vmx_state(struct vcpu *v)
{
    return (struct vmx_state *)v->arch.vmx.opaque;
}

/* ---- vmx_cpu.c ---- */

extern uint8_t vmx_msr_bitmap[PAGE_SIZE];

int vmx_init(void);
int vmx_cpu_enable(struct pcpu *pc);
void vmx_load(struct vcpu *v);  /* make v's VMCS current; it is on no other CPU */
void vmx_clear(struct vcpu *v); /* take it out of the CPU, so that any other may load it */
/* Access the VMCS of a vcpu that may be another than the loaded one. */
void vmx_borrow(struct vcpu *v);
void vmx_give_back(struct vcpu *v);
void vmx_set_host_state(struct pcpu *pc);
void vmx_invept(unsigned long type, uint64_t eptp);
void vmx_invvpid_all(void);
NORETURN void vmx_failed(const char *what, uint64_t field);

static inline uint64_t vmread(uint64_t field)
{
    uint64_t value;

    __asm__ goto volatile("vmread %1, %0; jna %l[fail]" : "=r"(value) : "r"(field) : "cc" : fail);
    return value;
fail:
    vmx_failed("VMREAD", field);
}

static inline void vmwrite(uint64_t field, uint64_t value)
{
    __asm__ goto volatile("vmwrite %1, %0; jna %l[fail]"
                          :
                          : "r"(field), "r"(value)
                          : "cc", "memory"
                          : fail);
    return;
fail:
    vmx_failed("VMWRITE", field);
}

/* ---- vmx_vcpu.c ---- */

int vmx_vcpu_init(struct vcpu *v);
void vmx_vcpu_destroy(struct vcpu *v);
void vmx_set_entry_pvh(struct vcpu *v, uint32_t eip, uint32_t ebx);
void vmx_set_entry_sipi(struct vcpu *v, uint8_t vector);
void vmx_switch_in(struct vcpu *v);
void vmx_switch_out(struct vcpu *v);
void vmx_get_paging(const struct vcpu *v, struct guest_paging *out);
int vmx_get_msr(const struct vcpu *v, uint32_t index, uint64_t *value);
int vmx_set_msr(struct vcpu *v, uint32_t index, uint64_t value);
void vmx_set_tsc_offset(struct vcpu *v, uint64_t offset);
void vmx_set_cpu_control(struct vcpu *v, uint32_t bit, bool on);
void vmx_load_debug_registers(struct vcpu *v);

/* ---- vmx_cr.c: accesses to control registers. False: the guest gets #GP ---- */

bool vmx_handle_cr_access(struct vcpu *v, uint64_t qualification);

/* ---- vmx_run.c, vmx_entry.S ---- */

void vmx_run(struct vcpu *v, struct vmexit *exit);
void vmx_inject_exception(struct vcpu *v, uint8_t vector, bool has_error, uint32_t error);
void vmx_clear_int_shadow(struct vcpu *v);

/* 0: the guest ran; 1: VMLAUNCH or VMRESUME failed. *host_rsp: what the VMCS has. */
int vmx_enter(struct cpu_regs *regs, bool launched, uint64_t *host_rsp);
extern const uint8_t vmx_exit_entry[];

#endif
