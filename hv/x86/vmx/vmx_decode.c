/* SPDX-License-Identifier: MIT */
/*
 * What VT-x's exit information means, and the architecture's rules for the two things the backend
 * settles itself: raising an exception while an event is being delivered, and MOV to CR0. Pure.
 */
#include <hv/errno.h>
#include <hv/x86.h>
#include "vmx.h"

/* SDM vol. 3, table 28-5 "Exit Qualification for I/O Instructions" */
void vmx_decode_io(uint64_t q, struct vmexit *exit)
{
    exit->reason = VMEXIT_IO;
    exit->u.io.width = (uint8_t)((q & 7) + 1);
    exit->u.io.in = (q & 8) != 0;
    exit->u.io.string = (q & 0x30) != 0; /* INS/OUTS, REP */
    exit->u.io.port = (uint16_t)(q >> 16);
}

/* SDM vol. 3, table 28-7 "Exit Qualification for EPT Violations" */
void vmx_decode_ept(uint64_t q, uint64_t gpa, uint64_t gva, struct vmexit *exit)
{
    exit->reason = VMEXIT_P2M_FAULT;
    exit->u.fault.gpa = gpa;
    exit->u.fault.read = (q & 1) != 0;
    exit->u.fault.write = (q & 2) != 0;
    exit->u.fault.fetch = (q & 4) != 0;
    exit->u.fault.present = (q & 0x38) != 0;
    exit->u.fault.gva_valid = (q & 0x80) != 0;
    exit->u.fault.gva = exit->u.fault.gva_valid ? gva : 0;
}

static bool is_contributory(uint32_t vector)
{
    return vector == 0 || (vector >= 10 && vector <= 13);
}

uint32_t vmx_merge_exception(uint32_t pending, uint8_t vector, bool has_error)
{
    uint32_t first = pending & 0xff;
    uint32_t event = EVENT_VALID | EVENT_HARD_EXCEPTION | vector;

    if ((pending & EVENT_VALID) && (pending & EVENT_TYPE_MASK) == EVENT_HARD_EXCEPTION &&
        ((is_contributory(first) && is_contributory(vector)) ||
         (first == X86_PF && (is_contributory(vector) || vector == X86_PF)) || first == X86_DF))
        return EVENT_VALID | EVENT_HARD_EXCEPTION | EVENT_HAS_ERROR | X86_DF;
    return has_error ? event | EVENT_HAS_ERROR : event;
}

/* SDM vol. 2, "MOV—Move to/from Control Registers"; vol. 3, 4.1.2 "Paging-Mode Enabling" */
int vmx_decide_cr0(struct vmx_cr0_write *w)
{
    bool pg = (w->value & CR0_PG) != 0;

    if (w->value >> 32 || (pg && !(w->value & CR0_PE)) ||
        ((w->value & CR0_NW) && !(w->value & CR0_CD)))
        return -EINVAL;
    w->new_efer = w->efer;
    w->flush = ((w->value ^ w->old) & CR0_PG) != 0;
    w->load_pdptes = false;
    if (pg && !(w->old & CR0_PG) && (w->efer & EFER_LME)) {
        if (!(w->cr4 & CR4_PAE) || w->code64 || w->tss16)
            return -EINVAL;
        w->new_efer |= EFER_LMA;
    } else if (!pg && (w->old & CR0_PG)) {
        if (w->code64 || (w->cr4 & CR4_PCIDE))
            return -EINVAL;
        w->new_efer &= ~EFER_LMA;
    }
    w->load_pdptes = pg && (w->cr4 & CR4_PAE) && !(w->new_efer & EFER_LMA);
    return 0;
}
