/* SPDX-License-Identifier: MIT */
/*
 * The rest of control register accesses that exits: MOV to CR0 that touches a bit VT-x or the host
 * owns, MOV to CR4 that sets a bit guests do not have, and CR8, which is the local APIC's TPR.
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/x86.h>
#include "vmx.h"

#define MSR_X2APIC_TPR 0x808U
#define ACCESS_TO_CR 0U
#define ACCESS_FROM_CR 1U
#define TSS_TYPE_16 3U

/* SDM vol. 3, 4.4.1 "PDPTE Registers": the CPU does not load them when hv does the MOV. */
static bool load_pdptes(struct vcpu *v)
{
    const uint64_t reserved = 0x1e6ULL | ~((1ULL << MAX_GPA_BITS) - 1);
    uint64_t pdpte[4];

    if (guest_copy_from_gpa(v->d, pdpte, vmread(F_GUEST_CR3) & 0xffffffe0ULL, sizeof(pdpte)) != 0)
        return false;
    for (unsigned int i = 0; i < 4; i++) {
        if ((pdpte[i] & 1) && (pdpte[i] & reserved))
            return false;
    }
    for (unsigned int i = 0; i < 4; i++)
        vmwrite(F_GUEST_PDPTE0 + 2 * i, pdpte[i]);
    return true;
}

static bool write_cr0(struct vcpu *v, uint64_t value)
{
    const uint64_t defined = 0xe005003fULL;
    struct guest_paging paging;
    struct vmx_cr0_write w = {0};
    uint64_t entry;

    vmx_get_paging(v, &paging);
    if (!paging.code64)
        value &= 0xffffffffU;
    w.value = (value & (defined | ~0ULL << 32)) | CR0_ET; /* other low bits are ignored */
    w.old = paging.cr0;
    w.cr4 = paging.cr4;
    w.efer = paging.efer;
    w.code64 = paging.code64;
    w.tss16 = (vmread(F_GUEST_TR_ACCESS) & 0xf) == TSS_TYPE_16;
    if (vmx_decide_cr0(&w) != 0 || (w.load_pdptes && !load_pdptes(v)))
        return false;

    vmwrite(F_GUEST_CR0, (w.value & ~(CR0_CD | CR0_NW)) | CR0_NE);
    vmwrite(F_CR0_SHADOW, w.value);
    if (w.new_efer != w.efer) {
        entry = vmread(F_ENTRY_CONTROLS) & ~(uint64_t)ENTRY_IA32E;
        vmwrite(F_GUEST_EFER, w.new_efer);
        vmwrite(F_ENTRY_CONTROLS, w.new_efer & EFER_LMA ? entry | ENTRY_IA32E : entry);
    }
    if (w.flush)
        vmx_state(v)->vpid_gen = 0;
    return true;
}

/* SDM vol. 3, table 28-3 "Exit Qualification for Control-Register Accesses" */
bool vmx_handle_cr_access(struct vcpu *v, uint64_t q)
{
    uint64_t *gpr = (uint64_t *)&v->regs + (q >> 8 & 0xf); /* cpu_regs is in encoding order */
    unsigned int cr = q & 0xf;
    unsigned int access = q >> 4 & 3;
    uint64_t value;

    if (cr == 0 && access == ACCESS_TO_CR)
        return write_cr0(v, *gpr);
    if (cr == 8 && access == ACCESS_TO_CR)
        return !(*gpr & ~0xfULL) && vlapic_write(v, MSR_X2APIC_TPR, *gpr << 4) == 0;
    if (cr == 8 && access == ACCESS_FROM_CR) {
        if (vlapic_read(v, MSR_X2APIC_TPR, &value) != 0)
            return false;
        *gpr = value >> 4;
        return true;
    }
    return false;
}
