/* SPDX-License-Identifier: MIT */
/*
 * A vcpu under VT-x: its VMCS, the state it starts with, its MSRs, and what is switched by hand
 * when it comes to a CPU and leaves it. All run with interrupts off.
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/x86.h>
#include "vmx.h"

#define DR6_RESET 0xffff0ff0ULL
#define DR7_RESET 0x400ULL
#define DR7_ENABLES 0xffULL
#define NOBODY (~0U)

/* #DB and #AC must exit: delivering them can loop in the CPU for ever. #MC is the host's. */
#define EXCEPTION_EXITS (1U << 1 | 1U << 17 | 1U << 18)

enum segment { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };

static void set_segment(enum segment s, uint64_t selector, uint64_t base, uint64_t limit,
                        uint64_t access)
{
    vmwrite(F_GUEST_ES_SEL + 2U * s, selector);
    vmwrite(F_GUEST_ES_BASE + 2U * s, base);
    vmwrite(F_GUEST_ES_LIMIT + 2U * s, limit);
    vmwrite(F_GUEST_ES_ACCESS + 2U * s, access);
}

void vmx_set_cpu_control(struct vcpu *v, uint32_t bit, bool on)
{
    struct vmx_state *s = vmx_state(v);
    uint32_t now = on ? s->cpu_controls | bit : s->cpu_controls & ~bit;

    if (now != s->cpu_controls) {
        s->cpu_controls = now;
        vmwrite(F_CPU_CONTROLS, now);
    }
}

static void write_controls(struct vcpu *v)
{
    /* page-fault mask and match, CR3 targets, MSR lists of exits and entries, pending event */
    static const uint32_t zero[] = {0x4006,
                                    0x4008,
                                    0x400a,
                                    0x400e,
                                    0x4010,
                                    0x4014,
                                    F_ENTRY_INFO,
                                    F_GUEST_ACTIVITY,
                                    F_GUEST_DEBUGCTL,
                                    F_GUEST_SYSENTER_CS,
                                    F_GUEST_SYSENTER_ESP,
                                    F_GUEST_SYSENTER_EIP,
                                    F_TSC_OFFSET};

    for (unsigned int i = 0; i < ARRAY_SIZE(zero); i++)
        vmwrite(zero[i], 0);
    vmwrite(F_PIN_CONTROLS, vmx_plan.pin);
    vmwrite(F_CPU_CONTROLS, vmx_plan.cpu);
    vmwrite(F_CPU2_CONTROLS, vmx_plan.cpu2);
    vmwrite(F_EXIT_CONTROLS, vmx_plan.exit);
    vmwrite(F_ENTRY_CONTROLS, vmx_plan.entry);
    vmwrite(F_EXCEPTION_BITMAP, EXCEPTION_EXITS);
    vmwrite(F_MSR_BITMAP, virt_to_phys(vmx_msr_bitmap));
    vmwrite(F_EPTP, p2m_root(&v->d->p2m).n << PAGE_SHIFT | EPTP_WB_WALK4);
    vmwrite(F_LINK_POINTER, ~0ULL);
    vmwrite(F_CR0_MASK, VMX_CR0_OWNED);
    vmwrite(F_CR4_MASK, ~vmx_plan.guest_cr4_may);
    vmwrite(F_CR4_SHADOW, 0);
    vmwrite(F_GUEST_PAT, PAT_RESET);
    if (vmx_plan.cpu2 & CPU2_ENCLS)
        vmwrite(F_ENCLS_BITMAP, ~0ULL);
    if (vmx_plan.cpu2 & CPU2_ENCLV)
        vmwrite(F_ENCLV_BITMAP, ~0ULL);
}

int vmx_vcpu_init(struct vcpu *v)
{
    struct vmx_state *s = vmx_state(v);
    void *vmcs = domain_alloc_struct(v->d, 0);

    if (!vmcs)
        return -ENOMEM;
    *(uint32_t *)vmcs = vmx_plan.revision;
    v->arch.vmx.vmcs = vmcs;
    v->arch.vmx.vmcs_pa = virt_to_phys(vmcs);
    memset(s, 0, sizeof(*s));
    s->cpu_controls = vmx_plan.cpu;
    s->vpid_pcpu = NOBODY;
    s->host_pcpu = NOBODY;
    s->dr6 = DR6_RESET;

    vmx_clear(v);
    vmx_borrow(v);
    write_controls(v);
    vmx_give_back(v);
    return 0;
}

void vmx_vcpu_destroy(struct vcpu *v)
{
    if (v->arch.vmx.vmcs)
        domain_free_struct(v->d, v->arch.vmx.vmcs, 0);
    v->arch.vmx.vmcs = NULL;
}

/* What PVH entry and INIT have in common; the VMCS is borrowed. */
static void reset_state(struct vcpu *v, uint64_t cr0, uint64_t rip, uint64_t table_limit)
{
    struct vmx_state *s = vmx_state(v);

    memset(&v->regs, 0, sizeof(v->regs));
    v->regs.rip = rip;
    v->regs.rflags = 2;
    s->rip = ~rip; /* differs: written at the next entry */
    s->rflags = 0;
    s->rsp = ~0ULL;
    s->event = 0;
    s->cr2 = 0;
    s->dr6 = DR6_RESET;
    s->vpid_gen = 0; /* paging starts anew: no translation of before may live on */
    memset(v->dr, 0, sizeof(v->dr));

    vmwrite(F_GUEST_CR0, (cr0 & ~(CR0_CD | CR0_NW)) | CR0_NE);
    vmwrite(F_CR0_SHADOW, cr0);
    vmwrite(F_GUEST_CR3, 0);
    vmwrite(F_GUEST_CR4, CR4_VMXE);
    vmwrite(F_GUEST_EFER, 0);
    vmwrite(F_ENTRY_CONTROLS, vmx_plan.entry);
    vmwrite(F_GUEST_DR7, DR7_RESET);
    vmwrite(F_GUEST_INTERRUPTIBILITY, 0);
    vmwrite(F_GUEST_PENDING_DEBUG, 0);
    vmwrite(F_GUEST_GDTR_BASE, 0);
    vmwrite(F_GUEST_GDTR_LIMIT, table_limit);
    vmwrite(F_GUEST_IDTR_BASE, 0);
    vmwrite(F_GUEST_IDTR_LIMIT, table_limit);
    set_segment(SEG_LDTR, 0, 0, 0xffff, 0x82);
}

/* Xen, docs/misc/pvh.pandoc "PVH Specification" */
void vmx_set_entry_pvh(struct vcpu *v, uint32_t eip, uint32_t ebx)
{
    vmx_borrow(v);
    reset_state(v, CR0_PE | CR0_ET, eip, 0);
    v->regs.rbx = ebx;
    for (enum segment s = SEG_ES; s <= SEG_GS; s++)
        set_segment(s, 0, 0, 0xffffffff, s == SEG_CS ? 0xc09b : 0xc093);
    set_segment(SEG_TR, 0, 0, 0x67, 0x8b);
    vmx_give_back(v);
}

/* SDM vol. 3, table 10-1 "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT"
 */
void vmx_set_entry_sipi(struct vcpu *v, uint8_t vector)
{
    vmx_borrow(v);
    reset_state(v, CR0_CD | CR0_NW | CR0_ET, 0, 0xffff);
    v->regs.rdx = 0x600; /* family 6 */
    for (enum segment s = SEG_ES; s <= SEG_GS; s++)
        set_segment(s, 0, 0, 0xffff, 0x93);
    set_segment(SEG_CS, (uint64_t)vector << 8, (uint64_t)vector << 12, 0xffff, 0x9b);
    set_segment(SEG_TR, 0, 0, 0xffff, 0x8b);
    vmx_give_back(v);
}

/* ---- coming to a CPU and leaving it ---- */

void vmx_load_debug_registers(struct vcpu *v)
{
    __asm__ volatile("mov %0, %%dr0; mov %1, %%dr1; mov %2, %%dr2; mov %3, %%dr3; mov %4, %%dr6"
                     :
                     : "r"(v->dr[0]), "r"(v->dr[1]), "r"(v->dr[2]), "r"(v->dr[3]),
                       "r"(vmx_state(v)->dr6));
    v->dr_loaded = true;
    vmx_set_cpu_control(v, CPU_MOV_DR, false);
}

static void save_debug_registers(struct vcpu *v)
{
    __asm__ volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3; mov %%dr6, %4"
                     : "=r"(v->dr[0]), "=r"(v->dr[1]), "=r"(v->dr[2]), "=r"(v->dr[3]),
                       "=r"(vmx_state(v)->dr6));
    v->dr_loaded = false;
    vmx_set_cpu_control(v, CPU_MOV_DR, true);
}

void vmx_switch_in(struct vcpu *v)
{
    struct vmx_state *s = vmx_state(v);
    struct pcpu *pc = this_pcpu();

    vmx_load(v);
    if (s->host_pcpu != pc->id) {
        vmx_set_host_state(pc);
        vmwrite(F_IO_BITMAP_A, virt_to_phys(v->d->io_bitmap));
        vmwrite(F_IO_BITMAP_B, virt_to_phys(v->d->io_bitmap + PAGE_SIZE));
        s->host_pcpu = pc->id;
    }
    wrmsr(MSR_STAR, s->star);
    wrmsr(MSR_LSTAR, s->lstar);
    wrmsr(MSR_CSTAR, s->cstar);
    wrmsr(MSR_SFMASK, s->sfmask);
    wrmsr(MSR_KERNEL_GS_BASE, s->kernel_gs_base);
    WRITE_CR(2, s->cr2);
    if (vmread(F_GUEST_DR7) & DR7_ENABLES)
        vmx_load_debug_registers(v);
}

void vmx_switch_out(struct vcpu *v)
{
    struct vmx_state *s = vmx_state(v);

    s->star = rdmsr(MSR_STAR);
    s->lstar = rdmsr(MSR_LSTAR);
    s->cstar = rdmsr(MSR_CSTAR);
    s->sfmask = rdmsr(MSR_SFMASK);
    s->kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE);
    s->cr2 = READ_CR(2);
    if (v->dr_loaded)
        save_debug_registers(v);
    vmx_clear(v);
}

/* ---- what shared code asks ---- */

void vmx_get_paging(const struct vcpu *v, struct guest_paging *out)
{
    uint64_t cr0 = vmread(F_GUEST_CR0);

    (void)v;
    out->cr0 = (cr0 & ~VMX_CR0_OWNED) | (vmread(F_CR0_SHADOW) & VMX_CR0_OWNED);
    out->cr3 = vmread(F_GUEST_CR3);
    out->cr4 = vmread(F_GUEST_CR4) & ~CR4_VMXE;
    out->efer = vmread(F_GUEST_EFER);
    out->cpl = (uint8_t)(vmread(F_GUEST_SS_ACCESS) >> 5 & 3);
    out->code64 = (out->efer & EFER_LMA) && (vmread(F_GUEST_CS_ACCESS) & (1U << 13));
}

void vmx_set_tsc_offset(struct vcpu *v, uint64_t offset)
{
    vmx_borrow(v);
    vmwrite(F_TSC_OFFSET, offset);
    vmx_give_back(v);
}

/* Where a guest's MSR lives: a VMCS field, or the CPU itself while the vcpu is loaded. */
static uint32_t msr_field(uint32_t index)
{
    switch (index) {
    case MSR_SYSENTER_CS:
        return F_GUEST_SYSENTER_CS;
    case MSR_SYSENTER_ESP:
        return F_GUEST_SYSENTER_ESP;
    case MSR_SYSENTER_EIP:
        return F_GUEST_SYSENTER_EIP;
    case MSR_FS_BASE:
        return F_GUEST_FS_BASE;
    case MSR_GS_BASE:
        return F_GUEST_GS_BASE;
    case MSR_PAT:
        return F_GUEST_PAT;
    case MSR_EFER:
        return F_GUEST_EFER;
    default:
        return 0;
    }
}

static bool msr_in_cpu(uint32_t index)
{
    return index == MSR_STAR || index == MSR_LSTAR || index == MSR_CSTAR || index == MSR_SFMASK ||
           index == MSR_KERNEL_GS_BASE;
}

int vmx_get_msr(const struct vcpu *v, uint32_t index, uint64_t *value)
{
    (void)v;
    if (msr_field(index))
        *value = vmread(msr_field(index));
    else if (msr_in_cpu(index))
        *value = rdmsr(index);
    else if (index == MSR_TSC)
        *value = arch_tsc() + vmread(F_TSC_OFFSET);
    else
        return -ENOENT;
    return 0;
}

static bool is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static bool pat_valid(uint64_t pat)
{
    for (; pat; pat >>= 8) {
        if ((pat & 0xff) > 7 || (pat & 0xff) == 2 || (pat & 0xff) == 3)
            return false;
    }
    return true;
}

static int set_efer(uint64_t value)
{
    uint64_t old = vmread(F_GUEST_EFER);

    if (value & ~(cpuid_efer_allowed() | EFER_LMA))
        return -EINVAL;
    if (((value ^ old) & EFER_LME) && (vmread(F_GUEST_CR0) & CR0_PG))
        return -EINVAL;
    vmwrite(F_GUEST_EFER, (value & ~EFER_LMA) | (old & EFER_LMA));
    return 0;
}

/* Values that the CPU would refuse must not reach WRMSR or the VMCS. */
int vmx_set_msr(struct vcpu *v, uint32_t index, uint64_t value)
{
    (void)v;
    switch (index) {
    case MSR_EFER:
        return set_efer(value);
    case MSR_TSC: /* the domain's clock: not to be set */
        return 0;
    case MSR_PAT:
        if (!pat_valid(value))
            return -EINVAL;
        break;
    case MSR_SYSENTER_CS:
    case MSR_SFMASK:
        value &= 0xffffffffU;
        break;
    case MSR_STAR:
        break;
    default:
        if (!msr_field(index) && !msr_in_cpu(index))
            return -ENOENT;
        if (!is_canonical(value))
            return -EINVAL;
    }
    if (msr_field(index))
        vmwrite(msr_field(index), value);
    else
        wrmsr(index, value);
    return 0;
}
