/* SPDX-License-Identifier: MIT */
/*
 * What hv does about an exit of a guest, the same for both backends. No instruction is ever
 * decoded: what cannot be answered from struct vmexit alone ends the domain.
 */
#include <hv/errno.h>
#include <hv/hvm.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/x86.h>
#include <xen/xen.h>

#define PORT_PIT_2 0x42U

static void inject_gp(struct vcpu *v)
{
    hvm->inject_exception(v, X86_GP, true, 0);
}

static void set_low32(uint64_t *reg, uint32_t value)
{
    *reg = value;
}

static void on_cpuid(struct vcpu *v, const struct vmexit *exit)
{
    struct cpuid_regs r;

    cpuid_guest(v, (uint32_t)v->regs.rax, (uint32_t)v->regs.rcx, &r);
    set_low32(&v->regs.rax, r.eax);
    set_low32(&v->regs.rbx, r.ebx);
    set_low32(&v->regs.rcx, r.ecx);
    set_low32(&v->regs.rdx, r.edx);
    vmexit_skip(v, exit);
}

/* Xen's convention: from 64-bit kernel mode only; others get an error, not an exception. */
static void on_hypercall(struct vcpu *v, const struct vmexit *exit)
{
    struct guest_paging paging;
    long r;

    hvm->get_paging(v, &paging);
    if (UNLIKELY(paging.cpl))
        r = -EPERM;
    else if (UNLIKELY(!paging.code64))
        r = -ENOSYS;
    else
        r = hypercall_dispatch(v);
    if (UNLIKELY(r == HYPERCALL_AGAIN))
        return;
    v->regs.rax = (uint64_t)r;
    vmexit_skip(v, exit);
}

/* A power-off without ACPI: every vcpu that is up sits in HLT with interrupts off. */
static bool all_halted(const struct domain *d)
{
    for (unsigned int i = 0; i < d->nr_vcpus; i++) {
        const struct vcpu *v = d->vcpus[i];
        uint32_t state = READ_ONCE(v->state);

        if (state != VCPU_OFFLINE && !(state == VCPU_BLOCKED && READ_ONCE(v->halted_if0)))
            return false;
    }
    return true;
}

static void on_hlt(struct vcpu *v, const struct vmexit *exit)
{
    vmexit_skip(v, exit);
    if (v->regs.rflags & RFLAGS_IF) {
        vcpu_block(v);
        return;
    }
    WRITE_ONCE(v->halted_if0, true);
    vcpu_block_forever(v);
    if (all_halted(v->d))
        domain_shutdown(v->d, BH_REASON_HALTED);
}

/* No port of ours exists: all-ones, but what Linux polls to calibrate (docs/abi.md). */
static void on_io(struct vcpu *v, const struct vmexit *exit)
{
    if (exit->u.io.string) {
        inject_gp(v);
        return;
    }
    if (exit->u.io.in) {
        uint32_t value = exit->u.io.port == PORT_PIT_2 ? 0 : ~0U;

        if (exit->u.io.width == 4)
            v->regs.rax = value;
        else if (exit->u.io.width == 2)
            v->regs.rax = (v->regs.rax & ~0xffffULL) | (value & 0xffff);
        else
            v->regs.rax = (v->regs.rax & ~0xffULL) | (value & 0xff);
    }
    vmexit_skip(v, exit);
}

static void on_msr_read(struct vcpu *v, const struct vmexit *exit)
{
    uint64_t value = 0;

    if (msr_guest_read(v, (uint32_t)v->regs.rcx, &value)) {
        inject_gp(v);
        return;
    }
    set_low32(&v->regs.rax, (uint32_t)value);
    set_low32(&v->regs.rdx, (uint32_t)(value >> 32));
    vmexit_skip(v, exit);
}

static void on_msr_write(struct vcpu *v, const struct vmexit *exit)
{
    uint64_t value = (v->regs.rax & 0xffffffff) | v->regs.rdx << 32;

    if (msr_guest_write(v, (uint32_t)v->regs.rcx, value))
        inject_gp(v);
    else
        vmexit_skip(v, exit);
}

static void on_xsetbv(struct vcpu *v, const struct vmexit *exit)
{
    uint64_t value = (v->regs.rax & 0xffffffff) | v->regs.rdx << 32;
    struct guest_paging paging;

    hvm->get_paging(v, &paging);
    if (paging.cpl || (uint32_t)v->regs.rcx || !fpu_xcr0_valid(value)) {
        inject_gp(v);
        return;
    }
    v->xcr0 = value;
    xsetbv0(value);
    vmexit_skip(v, exit);
}

static void end_domain(struct vcpu *v, const char *what, uint64_t a, uint64_t b)
{
    struct guest_paging p;

    hvm->get_paging(v, &p);
    printk("domain %u vcpu %u: %s %lx %lx", v->d->id, v->id, what, a, b);
    printk("  rip %lx rsp %lx rflags %lx cr0 %lx cr3 %lx cr4 %lx efer %lx cpl %u", v->regs.rip,
           v->regs.rsp, v->regs.rflags, p.cr0, p.cr3, p.cr4, p.efer, p.cpl);
    domain_shutdown(v->d, BH_REASON_BAD_STATE);
}

/* There is no MMIO to emulate. A fault that the tables no longer explain is a stale translation. */
static void on_p2m_fault(struct vcpu *v, const struct vmexit *exit)
{
    struct p2m *p2m = &v->d->p2m;
    struct p2m_entry e;
    unsigned int want = exit->u.fault.fetch ? P2M_X : exit->u.fault.write ? P2M_W : P2M_R;
    gfn_t gfn = GFN(exit->u.fault.gpa >> PAGE_SHIFT);
    bool mapped;

    spin_lock(&p2m->lock);
    mapped = !p2m_next(p2m, &gfn, &e) && gfn.n == exit->u.fault.gpa >> PAGE_SHIFT;
    spin_unlock(&p2m->lock);
    if (mapped && (e.perm & want) && v->fault_retries++ < 16) {
        v->flush_gen = 0; /* flush before the retry */
        return;
    }
    if (mapped && !(e.perm & want)) {
        inject_gp(v); /* as Xen does where it cannot emulate: a write to a read-only grant */
        return;
    }
    end_domain(v, exit->u.fault.write ? "writes no memory at" : "touches no memory at",
               exit->u.fault.gpa, exit->u.fault.gva_valid ? exit->u.fault.gva : 0);
}

void vmexit_handle(struct vcpu *v, const struct vmexit *exit)
{
    switch (exit->reason) {
    case VMEXIT_NONE:
    case VMEXIT_INTERRUPT:
    case VMEXIT_NMI:
    case VMEXIT_INT_WINDOW:
    case VMEXIT_INIT_SIPI:
        break;
    case VMEXIT_CPUID:
        on_cpuid(v, exit);
        break;
    case VMEXIT_HYPERCALL:
        on_hypercall(v, exit);
        break;
    case VMEXIT_HLT:
        on_hlt(v, exit);
        break;
    case VMEXIT_IO:
        on_io(v, exit);
        break;
    case VMEXIT_MSR_READ:
        on_msr_read(v, exit);
        break;
    case VMEXIT_MSR_WRITE:
        on_msr_write(v, exit);
        break;
    case VMEXIT_XSETBV:
        on_xsetbv(v, exit);
        break;
    case VMEXIT_P2M_FAULT:
        on_p2m_fault(v, exit);
        break;
    case VMEXIT_CACHE: /* guests own no cache worth losing */
        vmexit_skip(v, exit);
        break;
    case VMEXIT_CR_ACCESS:
    case VMEXIT_DR_ACCESS:
        inject_gp(v);
        break;
    case VMEXIT_EXCEPTION:
        hvm->inject_exception(v, exit->u.exception.vector, exit->u.exception.has_error,
                              exit->u.exception.error);
        break;
    case VMEXIT_UNDEFINED:
        hvm->inject_exception(v, X86_UD, false, 0);
        break;
    case VMEXIT_TRIPLE_FAULT:
        domain_shutdown(v->d, BH_REASON_TRIPLE_FAULT);
        break;
    case VMEXIT_TASK_SWITCH:
    case VMEXIT_BAD_STATE:
    case VMEXIT_OTHER:
        end_domain(v, "exit nobody handles", exit->u.raw.code, exit->u.raw.info1);
        break;
    }
}
