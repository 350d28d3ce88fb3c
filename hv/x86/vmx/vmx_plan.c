/* SPDX-License-Identifier: MIT */
/*
 * Chooses the VMCS controls from the capability MSRs (SDM vol. 3, appendix A "VMX Capability
 * Reporting Facility"). Pure: host tests feed it the values of real machines and emulators.
 */
#include <hv/errno.h>
#include "vmx.h"

/* VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP, FSGSBASE PCIDE OSXSAVE SMEP SMAP PKE.
   Not LA57, VMXE, SMXE, CET, PKS: guests do not have them. */
#define GUEST_CR4_KNOWN 0x00770fffULL

/* A capability MSR: low half must be 1, high half may be 1. */
static bool choose(uint64_t cap, uint32_t required, uint32_t optional, uint32_t forbidden,
                   uint32_t *out)
{
    uint32_t may = (uint32_t)(cap >> 32);
    uint32_t must = (uint32_t)cap;

    *out = ((required | optional) & may) | must;
    return (*out & required) == required && (*out & forbidden) == 0;
}

int vmx_make_plan(const struct vmx_caps *c, struct vmx_plan *plan, const char **missing)
{
    const uint64_t ept = EPT_CAP_WALK4 | EPT_CAP_WB | EPT_CAP_2MB | EPT_CAP_INVEPT |
                         EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVEPT_ALL;
    const uint64_t vpid = EPT_CAP_INVVPID | EPT_CAP_INVVPID_ALL;
    struct vmx_plan p = {0};

    *missing = NULL;
    if (!choose(c->pin, PIN_EXTERNAL_INTERRUPT | PIN_NMI, 0, 0, &p.pin))
        *missing = "interrupt exits";
    if (!choose(c->cpu,
                CPU_TSC_OFFSETTING | CPU_HLT | CPU_MWAIT | CPU_RDPMC | CPU_CR8_LOAD |
                    CPU_CR8_STORE | CPU_MOV_DR | CPU_IO_BITMAPS | CPU_MSR_BITMAPS | CPU_MONITOR |
                    CPU_SECONDARY,
                0, CPU_INTERRUPT_WINDOW | CPU_RDTSC | CPU_CR3_LOAD | CPU_CR3_STORE, &p.cpu))
        *missing = "processor-based controls";
    if (!choose(c->exit,
                EXIT_SAVE_DEBUG | EXIT_HOST_64 | EXIT_LOAD_PAT | EXIT_SAVE_EFER | EXIT_LOAD_EFER, 0,
                EXIT_ACK_INTERRUPT, &p.exit))
        *missing = "exit controls";
    if (!choose(c->entry, ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER, 0, ENTRY_IA32E,
                &p.entry))
        *missing = "entry controls";
    if (!choose(c->cpu2, CPU2_EPT | CPU2_VPID | CPU2_WBINVD,
                CPU2_UNRESTRICTED | CPU2_RDTSCP | CPU2_INVPCID | CPU2_ENCLS | CPU2_ENCLV, 0,
                &p.cpu2))
        *missing = "EPT and VPID";
    else if (!(p.cpu2 & CPU2_UNRESTRICTED) || !(c->misc & VMX_MISC_STORES_LMA))
        *missing = "unrestricted guest";
    else if ((c->ept_vpid & ept) != ept || (c->ept_vpid & vpid) != vpid)
        *missing = "EPT with 4 levels, 2 MB pages, INVEPT and INVVPID";
    if (!(c->basic & VMX_BASIC_TRUE_CONTROLS))
        *missing = "true controls";
    if (*missing)
        return -ENODEV;

    p.revision = (uint32_t)c->basic & 0x7fffffffU;
    p.cr0_must = c->cr0_fixed0;
    p.cr0_may = c->cr0_fixed1;
    p.cr4_must = c->cr4_fixed0;
    p.cr4_may = c->cr4_fixed1;
    p.guest_cr4_may = GUEST_CR4_KNOWN & c->cr4_fixed1;
    *plan = p;
    return 0;
}
