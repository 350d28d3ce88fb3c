/* SPDX-License-Identifier: MIT */
/*
 * AMD-V: turning it on, and making and changing the control block of a vcpu. Running it is in
 * svm_run.c. CR0, CR3 and CR4 are not intercepted; debug registers are given on first use.
 * AMD APM vol. 2, chapter 15 "Secure Virtual Machine".
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/hvm.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/printk.h>
#include <hv/x86.h>

#include "svm.h"

#define MSR_VM_CR 0xc0010114U
#define MSR_VM_HSAVE_PA 0xc0010117U
#define VM_CR_SVMDIS (1ULL << 4)
#define MSRPM_BYTES (2 * PAGE_SIZE)

static uint64_t msrpm_pa;
bool svm_has_next_rip;

/* MSRs that guests use without an exit: they travel in the VMCB, or belong to the vcpu alone. */
static const uint32_t direct_msrs[] = {
    MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,      MSR_TSC_AUX, MSR_STAR, MSR_LSTAR,
    MSR_CSTAR,   MSR_SFMASK,  0x174 /* SYSENTER_CS */, 0x175,       0x176,
};

/* APM 15.11 "MSR Intercepts": two bits an MSR, three ranges of 8192 MSRs. */
static void msrpm_allow(uint8_t *map, uint32_t msr, bool read, bool write)
{
    uint32_t bit = (msr & 0x1fff) * 2 + (msr >= 0xc0010000U   ? 2U
                                         : msr >= 0xc0000000U ? 1U
                                                              : 0) *
                                            16384U;

    if (read)
        map[bit / 8] &= (uint8_t) ~(1U << (bit % 8));
    if (write)
        map[bit / 8] &= (uint8_t) ~(2U << (bit % 8));
}

static int svm_init(void)
{
    struct cpuid_regs r;
    uint8_t *map;

    if (cpuid(0x80000000U, 0).eax < 0x8000000aU || !(cpuid(0x80000001U, 0).ecx & 4))
        return -ENODEV;
    r = cpuid(0x8000000aU, 0);
    if (!(r.edx & 1) || r.ebx < 2) {
        printk("AMD-V without nested paging is not enough");
        return -ENODEV;
    }
    svm_has_next_rip = r.edx & (1U << 3);
    map = early_alloc(MSRPM_BYTES);
    memset(map, 0xff, MSRPM_BYTES);
    for (size_t i = 0; i < ARRAY_SIZE(direct_msrs); i++)
        msrpm_allow(map, direct_msrs[i], true, true);
    msrpm_allow(map, 0x10, true, false); /* TSC */
    msrpm_pa = virt_to_phys(map);
    printk("AMD-V: %u ASIDs, next-RIP %s", r.ebx, svm_has_next_rip ? "yes" : "no");
    return 0;
}

static int svm_cpu_enable(struct pcpu *pc)
{
    mfn_t m = frame_alloc(1, FRAME_OWNER_HV);

    if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS) {
        printk("AMD-V is switched off by the firmware");
        return -ENODEV;
    }
    if (mfn_eq(m, MFN_NONE))
        return -ENOMEM;
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    pc->hv_area_pa = m.n << PAGE_SHIFT;
    pc->host_vmcb_pa = pc->hv_area_pa + PAGE_SIZE;
    wrmsr(MSR_VM_HSAVE_PA, pc->hv_area_pa);
    __asm__ volatile("vmsave %%rax" ::"a"(pc->host_vmcb_pa) : "memory");
    pc->asid_max = cpuid(0x8000000aU, 0).ebx - 1;
    pc->asid_gen = 1;
    pc->asid_next = 1;
    return 0;
}

static struct vmcb_segment segment(uint16_t selector, uint16_t attributes, uint32_t limit,
                                   uint64_t base)
{
    return (struct vmcb_segment){selector, attributes, limit, base};
}

static int svm_vcpu_init(struct vcpu *v)
{
    struct vmcb *b = domain_alloc_struct(v->d, 0);

    if (!b)
        return -ENOMEM;
    v->arch.svm.vmcb = b;
    v->arch.svm.vmcb_pa = virt_to_phys(b);
    v->arch.svm.asid_gen = 0;
    b->dr_read = b->dr_write = 0xffff;
    b->exceptions = 1U << 1 | 1U << 17; /* #DB, #AC: a guest could loop in their delivery */
    b->intercept1 = INTERCEPT_INTR | INTERCEPT_NMI | INTERCEPT_SMI | INTERCEPT_INIT |
                    INTERCEPT_RDPMC | INTERCEPT_CPUID | INTERCEPT_INVD | INTERCEPT_HLT |
                    INTERCEPT_INVLPGA | INTERCEPT_IOIO | INTERCEPT_MSR | INTERCEPT_TASK_SWITCH |
                    INTERCEPT_SHUTDOWN;
    b->intercept2 = INTERCEPT2_SVM | INTERCEPT2_REST;
    b->iopm_pa = virt_to_phys(v->d->io_bitmap);
    b->msrpm_pa = msrpm_pa;
    b->np_enable = 1;
    b->n_cr3 = p2m_root(&v->d->p2m).n << PAGE_SHIFT;
    b->int_control = INT_CTL_MASKING;
    return 0;
}

static void svm_vcpu_destroy(struct vcpu *v)
{
    if (v->arch.svm.vmcb)
        domain_free_struct(v->d, v->arch.svm.vmcb, 0);
    v->arch.svm.vmcb = NULL;
}

/* What both ways of starting share: the state after INIT. */
static void set_init_state(struct vcpu *v)
{
    struct vmcb *b = v->arch.svm.vmcb;

    memset(&v->regs, 0, sizeof(v->regs));
    v->regs.rflags = 2;
    b->efer = EFER_SVME;
    b->cr0 = CR0_ET;
    b->cr2 = b->cr3 = b->cr4 = 0;
    b->dr6 = 0xffff0ff0;
    b->dr7 = 0x400;
    b->pat = PAT_RESET;
    b->gdtr = segment(0, 0, 0xffff, 0);
    b->idtr = segment(0, 0, 0xffff, 0);
    b->ldtr = segment(0, 0x082, 0xffff, 0);
    b->tr = segment(0, 0x08b, 0xffff, 0);
    b->cpl = 0;
    b->int_shadow = 0;
    b->event_inject = 0;
}

static void svm_set_entry_pvh(struct vcpu *v, uint32_t eip, uint32_t ebx)
{
    struct vmcb *b = v->arch.svm.vmcb;

    set_init_state(v);
    b->cr0 = CR0_ET | CR0_PE;
    b->cs = segment(0x08, 0xc9b, ~0U, 0);
    b->ds = b->es = b->ss = b->fs = b->gs = segment(0x10, 0xc93, ~0U, 0);
    b->tr = segment(0, 0x08b, 0x67, 0);
    v->regs.rip = eip;
    v->regs.rbx = ebx;
}

static void svm_set_entry_sipi(struct vcpu *v, uint8_t vector)
{
    struct vmcb *b = v->arch.svm.vmcb;

    set_init_state(v);
    b->cs = segment((uint16_t)(vector << 8), 0x09b, 0xffff, (uint64_t)vector << 12);
    b->ds = b->es = b->ss = b->fs = b->gs = segment(0, 0x093, 0xffff, 0);
}

static void svm_inject_exception(struct vcpu *v, uint8_t vector, bool has_error, uint32_t error)
{
    v->arch.svm.vmcb->event_inject = EVENT_VALID | (uint64_t)EVENT_EXCEPTION << 8 | vector |
                                     (has_error ? EVENT_ERROR_VALID | (uint64_t)error << 32 : 0);
}

static void svm_clear_int_shadow(struct vcpu *v)
{
    v->arch.svm.vmcb->int_shadow = 0;
}

static void svm_get_paging(const struct vcpu *v, struct guest_paging *out)
{
    const struct vmcb *b = v->arch.svm.vmcb;

    out->cr0 = b->cr0;
    out->cr3 = b->cr3;
    out->cr4 = b->cr4;
    out->efer = b->efer;
    out->cpl = b->cpl;
    out->code64 = (b->efer & EFER_LMA) && (b->cs.attributes & 0x200);
}

static uint64_t *msr_field(struct vmcb *b, uint32_t index)
{
    switch (index) {
    case MSR_FS_BASE:
        return &b->fs.base;
    case MSR_GS_BASE:
        return &b->gs.base;
    case MSR_KERNEL_GS_BASE:
        return &b->kernel_gs_base;
    case MSR_STAR:
        return &b->star;
    case MSR_LSTAR:
        return &b->lstar;
    case MSR_CSTAR:
        return &b->cstar;
    case MSR_SFMASK:
        return &b->sfmask;
    case MSR_PAT:
        return &b->pat;
    case 0x174:
        return &b->sysenter_cs;
    case 0x175:
        return &b->sysenter_esp;
    case 0x176:
        return &b->sysenter_eip;
    }
    return NULL;
}

static int svm_get_msr(const struct vcpu *v, uint32_t index, uint64_t *value)
{
    struct vmcb *b = v->arch.svm.vmcb;
    const uint64_t *field = msr_field(b, index);

    if (field) {
        *value = *field;
        return 0;
    }
    if (index == MSR_EFER) {
        *value = b->efer & ~EFER_SVME;
        return 0;
    }
    if (index == 0x10) {
        *value = arch_tsc() + b->tsc_offset;
        return 0;
    }
    return -ENOENT;
}

static bool pat_valid(uint64_t v)
{
    for (unsigned int i = 0; i < 64; i += 8) {
        uint64_t type = v >> i & 0xff;

        if (type > 7 || type == 2 || type == 3)
            return false;
    }
    return true;
}

static int set_efer(struct vmcb *b, uint64_t value)
{
    if (value & ~cpuid_efer_allowed())
        return -EINVAL;
    if ((b->cr0 & CR0_PG) && ((value ^ b->efer) & EFER_LME))
        return -EINVAL;
    b->efer = (value & ~EFER_LMA) | (b->efer & EFER_LMA) | EFER_SVME;
    return 0;
}

static int svm_set_msr(struct vcpu *v, uint32_t index, uint64_t value)
{
    struct vmcb *b = v->arch.svm.vmcb;
    uint64_t *field = msr_field(b, index);

    if (index == MSR_EFER)
        return set_efer(b, value);
    if (index == 0x10) /* the TSC is the domain's clock: not to be set */
        return 0;
    if (!field)
        return -ENOENT;
    if (index == MSR_PAT && !pat_valid(value))
        return -EINVAL;
    *field = value;
    return 0;
}

static void svm_set_tsc_offset(struct vcpu *v, uint64_t offset)
{
    v->arch.svm.vmcb->tsc_offset = offset;
}

const struct hvm_ops svm_ops = {
    .name = "AMD-V",
    .vendor = 2,
    .p2m_format = &p2m_format_npt,
    .init = svm_init,
    .cpu_enable = svm_cpu_enable,
    .vcpu_init = svm_vcpu_init,
    .vcpu_destroy = svm_vcpu_destroy,
    .set_entry_pvh = svm_set_entry_pvh,
    .set_entry_sipi = svm_set_entry_sipi,
    .switch_in = svm_switch_in,
    .switch_out = svm_switch_out,
    .run = svm_run,
    .inject_exception = svm_inject_exception,
    .clear_int_shadow = svm_clear_int_shadow,
    .get_paging = svm_get_paging,
    .get_msr = svm_get_msr,
    .set_msr = svm_set_msr,
    .set_tsc_offset = svm_set_tsc_offset,
    .hypercall_insn = {0x0f, 0x01, 0xd9},
};
