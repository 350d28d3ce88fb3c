/* SPDX-License-Identifier: MIT */
/*
 * VT-x of a CPU: switching it on, which VMCS is loaded, host state, TLB instructions. A VMCS stays
 * in a CPU only between switch_in and switch_out of its vcpu, so any CPU may pick the vcpu up next.
 */
#include <hv/errno.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/printk.h>
#include <hv/x86.h>
#include "vmx.h"

#define CPUID_1_ECX_VMX (1U << 5)

struct vmx_plan vmx_plan;
uint8_t vmx_msr_bitmap[PAGE_SIZE] ALIGNED(4096);

NORETURN void vmx_failed(const char *what, uint64_t field)
{
    panic("%s failed, field or address %lx", what, field);
}

/* A VMX instruction with a 64-bit physical address in memory. */
#define VMX_ADDRESS_OP(op, pa)                                                                     \
    ({                                                                                             \
        uint64_t pa_ = (pa);                                                                       \
        bool ok_;                                                                                  \
        __asm__ volatile(op " %1" : "=@cca"(ok_) : "m"(pa_) : "memory");                           \
        ok_;                                                                                       \
    })

void vmx_invept(unsigned long type, uint64_t eptp)
{
    uint64_t descriptor[2] = {eptp, 0};

    __asm__ volatile("invept %0, %1" ::"m"(descriptor), "r"(type) : "cc", "memory");
}

void vmx_invvpid_all(void)
{
    uint64_t descriptor[2] = {0, 0};

    __asm__ volatile("invvpid %0, %1" ::"m"(descriptor), "r"(INVVPID_ALL) : "cc", "memory");
}

static void msr_allow(uint32_t msr, bool write)
{
    uint32_t at = (msr >= 0xc0000000U ? 0x400U : 0) + (msr & 0x1fff) / 8;
    uint8_t keep = (uint8_t) ~(1U << (msr % 8));

    vmx_msr_bitmap[at] &= keep;
    if (write)
        vmx_msr_bitmap[at + 0x800] &= keep;
}

/* Guests use these MSRs without an exit: the VMCS or the switch of vcpus gives each its own. */
static void msr_bitmap_init(void)
{
    static const uint32_t direct[] = {MSR_SYSENTER_CS,    MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
                                      MSR_STAR,           MSR_LSTAR,        MSR_CSTAR,
                                      MSR_SFMASK,         MSR_FS_BASE,      MSR_GS_BASE,
                                      MSR_KERNEL_GS_BASE, MSR_TSC_AUX};

    memset(vmx_msr_bitmap, 0xff, sizeof(vmx_msr_bitmap));
    for (unsigned int i = 0; i < ARRAY_SIZE(direct); i++)
        msr_allow(direct[i], true);
    msr_allow(MSR_TSC, false); /* with the offset */
}

static int check_feature_control(void)
{
    uint64_t fc = rdmsr(MSR_FEATURE_CONTROL);

    if (!(fc & FEATURE_CONTROL_LOCK)) {
        wrmsr(MSR_FEATURE_CONTROL, fc | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX);
        return 0;
    }
    if (fc & FEATURE_CONTROL_VMX)
        return 0;
    printk("VT-x is locked off by the firmware: turn virtualization on in its set-up");
    return -ENODEV;
}

int vmx_init(void)
{
    const char *missing;
    struct vmx_caps c;
    int rc;

    if (!(cpuid(1, 0).ecx & CPUID_1_ECX_VMX))
        return -ENODEV;
    c.basic = rdmsr(MSR_VMX_BASIC);
    if (!(c.basic & VMX_BASIC_TRUE_CONTROLS)) {
        printk("VT-x of this CPU is too old");
        return -ENODEV;
    }
    c.pin = rdmsr(MSR_VMX_PINBASED + MSR_VMX_TRUE_OFFSET);
    c.cpu = rdmsr(MSR_VMX_PROCBASED + MSR_VMX_TRUE_OFFSET);
    c.exit = rdmsr(MSR_VMX_EXIT + MSR_VMX_TRUE_OFFSET);
    c.entry = rdmsr(MSR_VMX_ENTRY + MSR_VMX_TRUE_OFFSET);
    c.misc = rdmsr(MSR_VMX_MISC);
    c.cr0_fixed0 = rdmsr(MSR_VMX_CR0_FIXED0);
    c.cr0_fixed1 = rdmsr(MSR_VMX_CR0_FIXED1);
    c.cr4_fixed0 = rdmsr(MSR_VMX_CR4_FIXED0);
    c.cr4_fixed1 = rdmsr(MSR_VMX_CR4_FIXED1);
    c.cpu2 = c.cpu >> 63 ? rdmsr(MSR_VMX_PROCBASED2) : 0;
    c.ept_vpid = c.cpu2 >> 32 & (CPU2_EPT | CPU2_VPID) ? rdmsr(MSR_VMX_EPT_VPID_CAP) : 0;
    rc = vmx_make_plan(&c, &vmx_plan, &missing);
    if (rc != 0) {
        printk("VT-x of this CPU lacks %s", missing);
        return rc;
    }
    rc = check_feature_control();
    if (rc == 0)
        msr_bitmap_init();
    return rc;
}

int vmx_cpu_enable(struct pcpu *pc)
{
    mfn_t region;
    int rc = check_feature_control();

    if (rc != 0)
        return rc;
    region = frame_alloc(0, FRAME_OWNER_HV);
    if (mfn_eq(region, MFN_NONE))
        return -ENOMEM;
    pc->hv_area_pa = region.n << PAGE_SHIFT;
    *(uint32_t *)frame_map(region) = vmx_plan.revision;

    WRITE_CR(0, (READ_CR(0) | vmx_plan.cr0_must) & vmx_plan.cr0_may);
    WRITE_CR(4, (READ_CR(4) | vmx_plan.cr4_must | CR4_VMXE) & vmx_plan.cr4_may);
    if (!VMX_ADDRESS_OP("vmxon", pc->hv_area_pa)) {
        printk("CPU %u: VMXON failed", pc->id);
        return -ENODEV;
    }
    vmx_invept(INVEPT_ALL, 0);
    vmx_invvpid_all();
    pc->asid_gen = 1;
    pc->asid_next = 1;
    pc->asid_max = 0xffff;
    pc->loaded_vmcs = NULL;
    return 0;
}

static void load_vmcs(void *vmcs)
{
    if (!VMX_ADDRESS_OP("vmptrld", virt_to_phys(vmcs)))
        vmx_failed("VMPTRLD", virt_to_phys(vmcs));
}

void vmx_load(struct vcpu *v)
{
    struct pcpu *pc = this_pcpu();

    if (pc->loaded_vmcs == v->arch.vmx.vmcs)
        return;
    load_vmcs(v->arch.vmx.vmcs);
    pc->loaded_vmcs = v->arch.vmx.vmcs;
}

void vmx_clear(struct vcpu *v)
{
    struct pcpu *pc = this_pcpu();

    if (!VMX_ADDRESS_OP("vmclear", v->arch.vmx.vmcs_pa))
        vmx_failed("VMCLEAR", v->arch.vmx.vmcs_pa);
    vmx_state(v)->launched = false;
    if (pc->loaded_vmcs == v->arch.vmx.vmcs)
        pc->loaded_vmcs = NULL;
}

void vmx_borrow(struct vcpu *v)
{
    if (this_pcpu()->loaded_vmcs != v->arch.vmx.vmcs)
        load_vmcs(v->arch.vmx.vmcs);
}

void vmx_give_back(struct vcpu *v)
{
    struct pcpu *pc = this_pcpu();

    if (pc->loaded_vmcs == v->arch.vmx.vmcs)
        return;
    vmx_clear(v);
    if (pc->loaded_vmcs)
        load_vmcs(pc->loaded_vmcs);
}

/* Into the loaded VMCS: what the CPU returns to at an exit. SDM vol. 3, 25.5 "Host-State Area". */
void vmx_set_host_state(struct pcpu *pc)
{
    struct PACKED {
        uint16_t limit;
        uint64_t base;
    } idtr;

    __asm__ volatile("sidt %0" : "=m"(idtr));
    vmwrite(F_HOST_CR0, READ_CR(0));
    vmwrite(F_HOST_CR3, READ_CR(3));
    vmwrite(F_HOST_CR4, READ_CR(4));
    vmwrite(F_HOST_CS_SEL, SEL_CODE);
    vmwrite(F_HOST_SS_SEL, SEL_DATA);
    vmwrite(F_HOST_DS_SEL, SEL_DATA);
    vmwrite(F_HOST_ES_SEL, SEL_DATA);
    vmwrite(F_HOST_FS_SEL, 0);
    vmwrite(F_HOST_GS_SEL, 0);
    vmwrite(F_HOST_TR_SEL, SEL_TSS);
    vmwrite(F_HOST_FS_BASE, 0);
    vmwrite(F_HOST_GS_BASE, (uint64_t)pc);
    vmwrite(F_HOST_TR_BASE, (uint64_t)pc->tss);
    vmwrite(F_HOST_GDTR_BASE, (uint64_t)pc->gdt);
    vmwrite(F_HOST_IDTR_BASE, idtr.base);
    vmwrite(F_HOST_SYSENTER_CS, 0);
    vmwrite(F_HOST_SYSENTER_ESP, 0);
    vmwrite(F_HOST_SYSENTER_EIP, 0);
    vmwrite(F_HOST_PAT, rdmsr(MSR_PAT));
    vmwrite(F_HOST_EFER, rdmsr(MSR_EFER));
    vmwrite(F_HOST_RIP, (uint64_t)vmx_exit_entry);
}
