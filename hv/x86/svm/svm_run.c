/* SPDX-License-Identifier: MIT */
/*
 * AMD-V: entering a guest and turning its exit into a struct vmexit. This is the hot path: nothing
 * is done per exit that could be done per switch.
 */
#include <hv/hvm.h>
#include <hv/lib.h>
#include <hv/x86.h>

#include "svm.h"

/* ASIDs are handed out anew by generation: when they run out on a CPU, its whole TLB is flushed. */
static void new_asid(struct vcpu *v, struct vmcb *b, struct pcpu *pc)
{
    if (pc->asid_next > pc->asid_max) {
        pc->asid_next = 1;
        pc->asid_gen++;
        b->tlb_control = 1; /* flush all */
    }
    b->asid = pc->asid_next++;
    v->arch.svm.asid_gen = pc->asid_gen;
    v->arch.svm.asid_pcpu = pc->id;
}

/*
 * An event whose delivery was cut short goes back for the next entry; software interrupts and
 * breakpoints are simply executed again. QEMU reports a virtual interrupt (vector 32 and above) as
 * an exception here.
 */
static void requeue_event(struct vmcb *b)
{
    uint64_t e = b->exit_int_info;
    unsigned int vector = e & 0xff;

    switch (EVENT_TYPE(e)) {
    case EVENT_EXCEPTION:
        if (vector == 3 || vector == 4)
            return;
        if (vector >= 32)
            e &= ~(7ULL << 8 | EVENT_ERROR_VALID);
        break;
    case EVENT_INTR:
    case EVENT_NMI:
        break;
    default:
        return;
    }
    b->event_inject = e;
}

static void load_debug_registers(struct vcpu *v, struct vmcb *b)
{
    __asm__ volatile("mov %0, %%db0; mov %1, %%db1; mov %2, %%db2; mov %3, %%db3" ::"r"(v->dr[0]),
                     "r"(v->dr[1]), "r"(v->dr[2]), "r"(v->dr[3]));
    v->dr_loaded = true;
    b->dr_read = b->dr_write = 0;
}

void svm_switch_in(struct vcpu *v)
{
    (void)v;
}

void svm_switch_out(struct vcpu *v)
{
    struct vmcb *b = v->arch.svm.vmcb;

    if (!v->dr_loaded)
        return;
    __asm__ volatile("mov %%db0, %0; mov %%db1, %1; mov %%db2, %2; mov %%db3, %3"
                     : "=r"(v->dr[0]), "=r"(v->dr[1]), "=r"(v->dr[2]), "=r"(v->dr[3]));
    v->dr_loaded = false;
    b->dr_read = b->dr_write = 0xffff;
}

static void decode_io(const struct vmcb *b, const struct vcpu *v, struct vmexit *exit)
{
    uint64_t info = b->exit_info1;

    exit->reason = VMEXIT_IO;
    exit->insn_len = (uint32_t)(b->exit_info2 - v->regs.rip);
    exit->u.io.port = (uint16_t)(info >> 16);
    exit->u.io.width = info >> 4 & 1 ? 1 : info >> 5 & 1 ? 2 : 4;
    exit->u.io.in = info & 1;
    exit->u.io.string = info & 0xc;
}

static void decode_fault(const struct vmcb *b, struct vmexit *exit)
{
    uint64_t info = b->exit_info1;

    exit->reason = VMEXIT_P2M_FAULT;
    exit->u.fault.gpa = b->exit_info2;
    exit->u.fault.gva_valid = false;
    exit->u.fault.present = info & 1;
    exit->u.fault.write = info & 2;
    exit->u.fault.fetch = info & 16;
    exit->u.fault.read = !(info & (2 | 16));
}

static void decode_exception(struct vcpu *v, struct vmcb *b, unsigned int vector,
                             struct vmexit *exit)
{
    (void)v;
    exit->reason = VMEXIT_EXCEPTION;
    exit->u.exception.vector = (uint8_t)vector;
    exit->u.exception.has_error = vector == 17;
    exit->u.exception.error = (uint32_t)b->exit_info1;
}

static void simple(struct vmexit *exit, enum vmexit_reason reason, uint32_t len)
{
    exit->reason = reason;
    exit->insn_len = len;
}

/* The exits that are rare. */
static void decode_rest(struct vcpu *v, struct vmcb *b, uint64_t code, struct vmexit *exit)
{
    if (code >= EXIT_DR_FIRST && code <= EXIT_DR_LAST) {
        load_debug_registers(v, b);
        exit->reason = VMEXIT_NONE;
    } else if (code >= EXIT_EXCEPTION_FIRST && code <= EXIT_EXCEPTION_LAST) {
        decode_exception(v, b, (unsigned int)code - EXIT_EXCEPTION_FIRST, exit);
    } else if ((code >= EXIT_VMRUN && code <= EXIT_SKINIT) || code == EXIT_INVLPGA ||
               (code >= EXIT_MONITOR && code <= EXIT_MWAIT_ARMED)) {
        exit->reason = VMEXIT_UNDEFINED;
    } else if (code == EXIT_RDPMC) {
        exit->reason = VMEXIT_CR_ACCESS; /* no counters: #GP */
    } else if (code == EXIT_INVD || code == EXIT_WBINVD) {
        simple(exit, VMEXIT_CACHE, 2);
    } else if (code == EXIT_XSETBV) {
        simple(exit, VMEXIT_XSETBV, 3);
    } else if (code == EXIT_SHUTDOWN) {
        exit->reason = VMEXIT_TRIPLE_FAULT;
    } else if (code == EXIT_NMI || code == EXIT_SMI || code == EXIT_INIT) {
        exit->reason = VMEXIT_NMI; /* STGI has let it in */
    } else if (code == EXIT_VINTR) {
        exit->reason = VMEXIT_INT_WINDOW;
    } else {
        exit->reason = code == EXIT_TASK_SWITCH ? VMEXIT_TASK_SWITCH
                       : code + 1 == 0          ? VMEXIT_BAD_STATE
                                                : VMEXIT_OTHER;
        exit->u.raw.code = code;
        exit->u.raw.info1 = b->exit_info1;
        exit->u.raw.info2 = b->exit_info2;
    }
}

static void decode(struct vcpu *v, struct vmcb *b, struct vmexit *exit)
{
    uint64_t code = b->exit_code;

    switch (code) {
    case EXIT_INTR:
        exit->reason = VMEXIT_INTERRUPT;
        arch_irq_window();
        break;
    case EXIT_VMMCALL:
        simple(exit, VMEXIT_HYPERCALL, 3);
        break;
    case EXIT_CPUID:
        simple(exit, VMEXIT_CPUID, 2);
        break;
    case EXIT_HLT:
        simple(exit, VMEXIT_HLT, 1);
        break;
    case EXIT_MSR:
        simple(exit, b->exit_info1 ? VMEXIT_MSR_WRITE : VMEXIT_MSR_READ, 2);
        break;
    case EXIT_IOIO:
        decode_io(b, v, exit);
        break;
    case EXIT_NPF:
        decode_fault(b, exit);
        break;
    default:
        decode_rest(v, b, code, exit);
    }
    /* prefixed instructions are longer than their plain form: believe the CPU where it says */
    if (svm_has_next_rip && code != EXIT_IOIO && b->next_rip > v->regs.rip &&
        b->next_rip - v->regs.rip <= 15)
        exit->insn_len = (uint32_t)(b->next_rip - v->regs.rip);
}

void svm_run(struct vcpu *v, struct vmexit *exit)
{
    struct vmcb *b = v->arch.svm.vmcb;
    struct pcpu *pc = this_pcpu();
    uint64_t gen;
    int vector;

    WRITE_ONCE(v->in_guest, true);
    arch_mb();
    if (UNLIKELY(pc->resched)) {
        WRITE_ONCE(v->in_guest, false);
        exit->reason = VMEXIT_NONE;
        return;
    }
    vector = vcpu_pending_vector(v); /* after in_guest: what comes later comes with a kick */
    if (UNLIKELY(vector >= 0)) {
        b->int_control = INT_CTL_MASKING | INT_CTL_V_IRQ | INT_CTL_IGN_TPR | INT_CTL_PRIO_MAX;
        b->int_vector = (uint32_t)vector;
    } else {
        b->int_control = INT_CTL_MASKING;
    }
    gen = READ_ONCE(v->d->p2m.flush_gen);
    if (UNLIKELY(v->flush_gen != gen || v->arch.svm.asid_gen != pc->asid_gen ||
                 v->arch.svm.asid_pcpu != pc->id)) {
        new_asid(v, b, pc);
        WRITE_ONCE(v->flush_gen, gen);
    }
    b->rax = v->regs.rax;
    b->rsp = v->regs.rsp;
    b->rip = v->regs.rip;
    b->rflags = v->regs.rflags;
    svm_enter(&v->regs, v->arch.svm.vmcb_pa, pc->host_vmcb_pa);
    WRITE_ONCE(v->in_guest, false);
    v->regs.rax = b->rax;
    v->regs.rsp = b->rsp;
    v->regs.rip = b->rip;
    v->regs.rflags = b->rflags;
    b->tlb_control = 0;
    b->event_inject = 0;
    if (UNLIKELY(vector >= 0) && !(b->int_control & INT_CTL_V_IRQ))
        vcpu_ack_vector(v, (uint8_t)vector);
    if (UNLIKELY(b->exit_int_info & EVENT_VALID))
        requeue_event(b);
    decode(v, b, exit);
}
