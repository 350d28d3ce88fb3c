/* SPDX-License-Identifier: MIT */
/*
 * Entering a guest under VT-x and turning its exits into neutral ones. The order before an entry
 * matters: in_guest is set first, so that whoever changes something afterwards knows to kick; an
 * IPI that comes while interrupts are off ends the guest right after the entry.
 */
#include <hv/domain.h>
#include <hv/printk.h>
#include <hv/x86.h>
#include "vmx.h"

#define RFLAGS_TF (1ULL << 8)
#define DR6_TRAP_BITS 0xfULL
#define X86_DB 1U
#define X86_MC 18U
#define FIRST_VMX_INSTRUCTION EXIT_VMCLEAR
#define LAST_VMX_INSTRUCTION EXIT_VMXON

void vmx_inject_exception(struct vcpu *v, uint8_t vector, bool has_error, uint32_t error)
{
    struct vmx_state *s = vmx_state(v);

    s->event = vmx_merge_exception(s->event, vector, has_error);
    s->event_error = (s->event & 0xff) == vector ? error : 0;
    s->event_length = 0;
}

void vmx_clear_int_shadow(struct vcpu *v)
{
    uint64_t shadow = vmread(F_GUEST_INTERRUPTIBILITY);

    if (shadow & INTERRUPTIBILITY_STI_MOVSS)
        vmwrite(F_GUEST_INTERRUPTIBILITY, shadow & ~(uint64_t)INTERRUPTIBILITY_STI_MOVSS);
    if (UNLIKELY(v->regs.rflags & RFLAGS_TF)) /* the step that was skipped still traps */
        vmwrite(F_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
}

/* ---- before an entry ---- */

static void choose_event(struct vcpu *v, struct vmx_state *s)
{
    int vector = vcpu_pending_vector(v);
    bool take = vector >= 0 && s->event == 0 && (v->regs.rflags & RFLAGS_IF) &&
                !(vmread(F_GUEST_INTERRUPTIBILITY) & INTERRUPTIBILITY_STI_MOVSS);

    if (take) {
        vcpu_ack_vector(v, (uint8_t)vector);
        s->event = EVENT_VALID | EVENT_EXTERNAL | (uint32_t)vector;
    }
    vmx_set_cpu_control(v, CPU_INTERRUPT_WINDOW, vector >= 0 && !take);
}

/*
 * EPT-derived translations are tagged by EPTP, so a vcpu that was elsewhere flushes what this CPU
 * may remember of its domain; VPIDs are only ever reused after all were flushed.
 */
static void sync_translations(struct vcpu *v, struct vmx_state *s, struct pcpu *pc)
{
    uint64_t gen = READ_ONCE(v->d->p2m.flush_gen);
    bool moved = s->vpid_pcpu != pc->id;

    if (moved || v->flush_gen != gen) {
        vmx_invept(INVEPT_SINGLE, p2m_root(&v->d->p2m).n << PAGE_SHIFT | EPTP_WB_WALK4);
        v->flush_gen = gen;
    }
    if (LIKELY(!moved && s->vpid_gen == pc->asid_gen))
        return;
    if (pc->asid_next > pc->asid_max) {
        vmx_invvpid_all();
        pc->asid_gen++;
        pc->asid_next = 1;
    }
    s->vpid_pcpu = pc->id;
    s->vpid_gen = pc->asid_gen;
    vmwrite(F_VPID, pc->asid_next++);
}

static void write_registers(struct vcpu *v, struct vmx_state *s)
{
    if (v->regs.rip != s->rip)
        vmwrite(F_GUEST_RIP, v->regs.rip);
    if (v->regs.rsp != s->rsp)
        vmwrite(F_GUEST_RSP, v->regs.rsp);
    if (v->regs.rflags != s->rflags)
        vmwrite(F_GUEST_RFLAGS, v->regs.rflags);
    if (s->event) {
        vmwrite(F_ENTRY_INFO, s->event);
        if (s->event & EVENT_HAS_ERROR)
            vmwrite(F_ENTRY_ERROR, s->event_error);
        if (s->event_length)
            vmwrite(F_ENTRY_LENGTH, s->event_length);
    }
}

/* ---- after an exit ---- */

static void read_registers(struct vcpu *v, struct vmx_state *s)
{
    v->regs.rip = s->rip = vmread(F_GUEST_RIP);
    v->regs.rsp = s->rsp = vmread(F_GUEST_RSP);
    v->regs.rflags = s->rflags = vmread(F_GUEST_RFLAGS);
}

/* What was being delivered when the exit came is delivered again. */
static void recover_event(struct vmx_state *s)
{
    uint32_t info = (uint32_t)vmread(F_IDT_INFO);
    uint32_t type = info & EVENT_TYPE_MASK;

    s->event = 0;
    if (LIKELY(!(info & EVENT_VALID)))
        return;
    s->event = info & EVENT_MASK;
    s->event_length = 0;
    if (info & EVENT_HAS_ERROR)
        s->event_error = (uint32_t)vmread(F_IDT_ERROR);
    if (type == EVENT_SOFT_INTERRUPT || type == EVENT_PRIV_EXCEPTION ||
        type == EVENT_SOFT_EXCEPTION)
        s->event_length = (uint32_t)vmread(F_EXIT_LENGTH);
}

/* The trap bits of DR6 come in the qualification: SDM vol. 3, table 28-1. */
static void set_debug_status(struct vcpu *v, struct vmx_state *s)
{
    uint64_t q = vmread(F_QUALIFICATION);
    uint64_t dr6;

    if (v->dr_loaded)
        __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
    else
        dr6 = s->dr6;
    dr6 = (dr6 & ~DR6_TRAP_BITS) | (q & 0x600f);
    if (v->dr_loaded)
        __asm__ volatile("mov %0, %%dr6" ::"r"(dr6));
    else
        s->dr6 = dr6;
}

/* #DB and #AC exit only so that their delivery cannot loop inside the CPU: they are raised again.
 */
static void handle_exception(struct vcpu *v, struct vmx_state *s, struct vmexit *exit)
{
    uint32_t info = (uint32_t)vmread(F_EXIT_INTR_INFO);
    uint8_t vector = (uint8_t)info;

    if ((info & EVENT_TYPE_MASK) == EVENT_NMI) {
        exit->reason = VMEXIT_NMI;
        __asm__ volatile("int $2" ::: "memory"); /* its IRET ends the NMI blocking */
        return;
    }
    if (vector == X86_MC)
        panic("machine check while a guest ran");
    if (vector == X86_DB)
        set_debug_status(v, s);
    if ((info & EVENT_TYPE_MASK) == EVENT_PRIV_EXCEPTION) { /* INT1 has a length */
        exit->reason = VMEXIT_NONE;
        s->event = info & EVENT_MASK;
        s->event_length = (uint32_t)vmread(F_EXIT_LENGTH);
        return;
    }
    exit->reason = VMEXIT_EXCEPTION;
    exit->u.exception.vector = vector;
    exit->u.exception.has_error = (info & EVENT_HAS_ERROR) != 0;
    exit->u.exception.error = (uint32_t)vmread(F_EXIT_INTR_ERROR);
}

static void handle_cr_access(struct vcpu *v, struct vmexit *exit)
{
    if (!vmx_handle_cr_access(v, vmread(F_QUALIFICATION))) {
        exit->reason = VMEXIT_CR_ACCESS; /* the guest gets #GP */
        return;
    }
    exit->reason = VMEXIT_NONE;
    v->regs.rip += exit->insn_len;
    vmx_clear_int_shadow(v);
}

/* Exits that an instruction causes and that may end by skipping it. */
static bool decode_instruction(struct vcpu *v, uint32_t reason, struct vmexit *exit)
{
    exit->insn_len = (uint32_t)vmread(F_EXIT_LENGTH);
    switch (reason) {
    case EXIT_CPUID:
        exit->reason = VMEXIT_CPUID;
        return true;
    case EXIT_VMCALL:
        exit->reason = VMEXIT_HYPERCALL;
        return true;
    case EXIT_HLT:
        exit->reason = VMEXIT_HLT;
        return true;
    case EXIT_RDMSR:
        exit->reason = VMEXIT_MSR_READ;
        return true;
    case EXIT_WRMSR:
        exit->reason = VMEXIT_MSR_WRITE;
        return true;
    case EXIT_IO:
        vmx_decode_io(vmread(F_QUALIFICATION), exit);
        return true;
    case EXIT_XSETBV:
        exit->reason = VMEXIT_XSETBV;
        return true;
    case EXIT_INVD:
    case EXIT_WBINVD:
        exit->reason = VMEXIT_CACHE;
        return true;
    case EXIT_CR_ACCESS:
        handle_cr_access(v, exit);
        return true;
    default:
        return false;
    }
}

static bool is_undefined(uint32_t reason)
{
    return (reason >= FIRST_VMX_INSTRUCTION && reason <= LAST_VMX_INSTRUCTION) ||
           reason == EXIT_GETSEC || reason == EXIT_MWAIT || reason == EXIT_MONITOR ||
           reason == EXIT_INVEPT || reason == EXIT_INVVPID || reason == EXIT_VMFUNC ||
           reason == EXIT_ENCLS || reason == EXIT_ENCLV;
}

static void decode_other(struct vcpu *v, struct vmx_state *s, uint32_t reason, struct vmexit *exit)
{
    switch (reason) {
    case EXIT_TRIPLE_FAULT:
        exit->reason = VMEXIT_TRIPLE_FAULT;
        return;
    case EXIT_INIT:
    case EXIT_SIPI:
        exit->reason = VMEXIT_INIT_SIPI;
        return;
    case EXIT_INTERRUPT_WINDOW:
        exit->reason = VMEXIT_INT_WINDOW;
        return;
    case EXIT_TASK_SWITCH:
        exit->reason = VMEXIT_TASK_SWITCH;
        return;
    case EXIT_DR_ACCESS:
        vmx_load_debug_registers(v); /* then the guest tries again */
        exit->reason = VMEXIT_NONE;
        return;
    case EXIT_RDPMC:
        exit->reason = VMEXIT_CR_ACCESS; /* no counters: #GP */
        return;
    default:
        break;
    }
    if (is_undefined(reason)) {
        exit->reason = VMEXIT_UNDEFINED;
        return;
    }
    exit->reason = reason & EXIT_FAILED_ENTRY ? VMEXIT_BAD_STATE : VMEXIT_OTHER;
    exit->u.raw.code = reason;
    exit->u.raw.info1 = vmread(F_QUALIFICATION);
    exit->u.raw.info2 = s->event;
}

static void decode_exit(struct vcpu *v, struct vmx_state *s, struct vmexit *exit)
{
    uint32_t reason = (uint32_t)vmread(F_EXIT_REASON);

    recover_event(s);
    switch (reason) {
    case EXIT_EXTERNAL_INTERRUPT:
        exit->reason = VMEXIT_INTERRUPT;
        arch_irq_window();
        break;
    case EXIT_EXCEPTION_NMI:
        handle_exception(v, s, exit);
        break;
    case EXIT_EPT_VIOLATION:
        vmx_decode_ept(vmread(F_QUALIFICATION), vmread(F_GUEST_PHYSICAL), vmread(F_GUEST_LINEAR),
                       exit);
        break;
    default:
        if (!decode_instruction(v, reason, exit))
            decode_other(v, s, reason, exit);
    }
}

static void fail_entry(struct vmx_state *s, struct vmexit *exit)
{
    exit->reason = VMEXIT_BAD_STATE;
    exit->u.raw.code = ~0ULL;
    exit->u.raw.info1 = vmread(F_INSTRUCTION_ERROR);
    exit->u.raw.info2 = s->launched;
}

void vmx_run(struct vcpu *v, struct vmexit *exit)
{
    struct vmx_state *s = vmx_state(v);
    struct pcpu *pc = this_pcpu();
    int failed;

    exit->insn_len = 0;
    WRITE_ONCE(v->in_guest, true);
    arch_mb();
    if (pc->resched) {
        WRITE_ONCE(v->in_guest, false);
        exit->reason = VMEXIT_NONE;
        return;
    }
    choose_event(v, s);
    sync_translations(v, s, pc);
    write_registers(v, s);
    failed = vmx_enter(&v->regs, s->launched, &s->host_rsp);
    WRITE_ONCE(v->in_guest, false);
    if (UNLIKELY(failed)) {
        fail_entry(s, exit);
        return;
    }
    s->launched = true;
    read_registers(v, s);
    decode_exit(v, s, exit);
}

const struct hvm_ops vmx_ops = {
    .name = "VT-x",
    .vendor = 1,
    .p2m_format = &p2m_format_ept,
    .init = vmx_init,
    .cpu_enable = vmx_cpu_enable,
    .vcpu_init = vmx_vcpu_init,
    .vcpu_destroy = vmx_vcpu_destroy,
    .set_entry_pvh = vmx_set_entry_pvh,
    .set_entry_sipi = vmx_set_entry_sipi,
    .switch_in = vmx_switch_in,
    .switch_out = vmx_switch_out,
    .run = vmx_run,
    .inject_exception = vmx_inject_exception,
    .clear_int_shadow = vmx_clear_int_shadow,
    .get_paging = vmx_get_paging,
    .get_msr = vmx_get_msr,
    .set_msr = vmx_set_msr,
    .set_tsc_offset = vmx_set_tsc_offset,
    .hypercall_insn = {0x0f, 0x01, 0xc1},
};
