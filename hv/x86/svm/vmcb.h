/* SPDX-License-Identifier: MIT */
/*
 * The virtual machine control block and the exit codes of AMD-V. AMD APM vol. 2, appendix B "VMCB
 * Layout" and appendix C "SVM Intercept Exit Codes".
 */
#ifndef HV_SVM_VMCB_H
#define HV_SVM_VMCB_H

#include <hv/types.h>

struct vmcb_segment {
    uint16_t selector, attributes;
    uint32_t limit;
    uint64_t base;
};

struct vmcb {
    uint16_t cr_read, cr_write, dr_read, dr_write; /* 000 */
    uint32_t exceptions;                           /* 008 */
    uint32_t intercept1, intercept2, intercept3;   /* 00c */
    uint8_t pad0[0x40 - 0x18];
    uint64_t iopm_pa, msrpm_pa, tsc_offset; /* 040 */
    uint32_t asid;                          /* 058 */
    uint32_t tlb_control;
    uint32_t int_control, int_vector;                          /* 060 */
    uint64_t int_shadow;                                       /* 068 */
    uint64_t exit_code, exit_info1, exit_info2, exit_int_info; /* 070 */
    uint64_t np_enable;                                        /* 090 */
    uint8_t pad1[0xa8 - 0x98];
    uint64_t event_inject, n_cr3, virt_ext; /* 0a8 */
    uint32_t clean, pad2;                   /* 0c0 */
    uint64_t next_rip;                      /* 0c8 */
    uint8_t pad3[0x400 - 0xd0];
    struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr; /* 400 */
    uint8_t pad4[0x4cb - 0x4a0];
    uint8_t cpl; /* 4cb */
    uint32_t pad5;
    uint64_t efer; /* 4d0 */
    uint8_t pad6[0x548 - 0x4d8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip; /* 548 */
    uint8_t pad7[0x5d8 - 0x580];
    uint64_t rsp; /* 5d8 */
    uint8_t pad8[0x5f8 - 0x5e0];
    uint64_t rax, star, lstar, cstar, sfmask, kernel_gs_base; /* 5f8 */
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;    /* 628 */
    uint8_t pad9[0x668 - 0x648];
    uint64_t pat; /* 668 */
    uint8_t pad10[0x1000 - 0x670];
};

_Static_assert(offsetof(struct vmcb, iopm_pa) == 0x40, "VMCB");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x70, "VMCB");
_Static_assert(offsetof(struct vmcb, event_inject) == 0xa8, "VMCB");
_Static_assert(offsetof(struct vmcb, next_rip) == 0xc8, "VMCB");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "VMCB");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "VMCB");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "VMCB");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "VMCB");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "VMCB");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "VMCB");
_Static_assert(sizeof(struct vmcb) == 4096, "VMCB");

/* intercept1 */
#define INTERCEPT_INTR (1U << 0)
#define INTERCEPT_NMI (1U << 1)
#define INTERCEPT_SMI (1U << 2)
#define INTERCEPT_INIT (1U << 3)
#define INTERCEPT_RDPMC (1U << 15)
#define INTERCEPT_CPUID (1U << 18)
#define INTERCEPT_INVD (1U << 22)
#define INTERCEPT_HLT (1U << 24)
#define INTERCEPT_INVLPGA (1U << 26)
#define INTERCEPT_IOIO (1U << 27)
#define INTERCEPT_MSR (1U << 28)
#define INTERCEPT_TASK_SWITCH (1U << 29)
#define INTERCEPT_SHUTDOWN (1U << 31)
/* intercept2: VMRUN VMMCALL VMLOAD VMSAVE STGI CLGI SKINIT, WBINVD MONITOR MWAIT MWAIT_ARMED XSETBV
 */
#define INTERCEPT2_SVM 0x7fU
#define INTERCEPT2_REST 0x3e00U

#define INT_CTL_V_IRQ (1U << 8)
#define INT_CTL_PRIO_MAX (0xfU << 16)
#define INT_CTL_IGN_TPR (1U << 20)
#define INT_CTL_MASKING (1U << 24)

#define EVENT_VALID (1ULL << 31)
#define EVENT_ERROR_VALID (1ULL << 11)
#define EVENT_TYPE(e) ((unsigned int)((e) >> 8) & 7)
#define EVENT_INTR 0U
#define EVENT_NMI 2U
#define EVENT_EXCEPTION 3U

#define EXIT_DR_FIRST 0x20U
#define EXIT_DR_LAST 0x3fU
#define EXIT_EXCEPTION_FIRST 0x40U
#define EXIT_EXCEPTION_LAST 0x5fU
#define EXIT_INTR 0x60U
#define EXIT_NMI 0x61U
#define EXIT_SMI 0x62U
#define EXIT_INIT 0x63U
#define EXIT_VINTR 0x64U
#define EXIT_RDPMC 0x6fU
#define EXIT_CPUID 0x72U
#define EXIT_INVD 0x76U
#define EXIT_HLT 0x78U
#define EXIT_INVLPGA 0x7aU
#define EXIT_IOIO 0x7bU
#define EXIT_MSR 0x7cU
#define EXIT_TASK_SWITCH 0x7dU
#define EXIT_SHUTDOWN 0x7fU
#define EXIT_VMRUN 0x80U
#define EXIT_VMMCALL 0x81U
#define EXIT_SKINIT 0x86U
#define EXIT_WBINVD 0x89U
#define EXIT_MONITOR 0x8aU
#define EXIT_MWAIT_ARMED 0x8cU
#define EXIT_XSETBV 0x8dU
#define EXIT_NPF 0x400U

#endif
