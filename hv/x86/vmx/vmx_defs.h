/* SPDX-License-Identifier: MIT */
/*
 * VT-x by numbers: VMCS fields (SDM vol. 3, appendix B "Field Encoding in VMCS"), controls (chapter
 * 25 "Virtual-Machine Control Structures"), exit reasons (appendix C), capability MSRs (appendix
 * A).
 */
#ifndef HV_VMX_DEFS_H
#define HV_VMX_DEFS_H

#define MSR_TSC 0x10U
#define MSR_SYSENTER_CS 0x174U
#define MSR_SYSENTER_ESP 0x175U
#define MSR_SYSENTER_EIP 0x176U
#define MSR_VMX_BASIC 0x480U
#define MSR_VMX_PINBASED 0x481U
#define MSR_VMX_PROCBASED 0x482U
#define MSR_VMX_EXIT 0x483U
#define MSR_VMX_ENTRY 0x484U
#define MSR_VMX_MISC 0x485U
#define MSR_VMX_CR0_FIXED0 0x486U
#define MSR_VMX_CR0_FIXED1 0x487U
#define MSR_VMX_CR4_FIXED0 0x488U
#define MSR_VMX_CR4_FIXED1 0x489U
#define MSR_VMX_PROCBASED2 0x48bU
#define MSR_VMX_EPT_VPID_CAP 0x48cU
#define MSR_VMX_TRUE_OFFSET 0xcU /* TRUE_x = x + 0xc for the first four controls */

#define FEATURE_CONTROL_LOCK (1ULL << 0)
#define FEATURE_CONTROL_VMX (1ULL << 2) /* outside SMX */

#define VMX_BASIC_TRUE_CONTROLS (1ULL << 55)
#define VMX_MISC_STORES_LMA (1ULL << 5)

/* EPT and VPID capabilities */
#define EPT_CAP_WALK4 (1ULL << 6)
#define EPT_CAP_WB (1ULL << 14)
#define EPT_CAP_2MB (1ULL << 16)
#define EPT_CAP_INVEPT (1ULL << 20)
#define EPT_CAP_INVEPT_SINGLE (1ULL << 25)
#define EPT_CAP_INVEPT_ALL (1ULL << 26)
#define EPT_CAP_INVVPID (1ULL << 32)
#define EPT_CAP_INVVPID_ALL (1ULL << 42)
#define INVEPT_SINGLE 1UL
#define INVEPT_ALL 2UL
#define INVVPID_ALL 2UL
#define EPTP_WB_WALK4 (6ULL | 3ULL << 3)

/* controls */
#define PIN_EXTERNAL_INTERRUPT (1U << 0)
#define PIN_NMI (1U << 3)

#define CPU_INTERRUPT_WINDOW (1U << 2)
#define CPU_TSC_OFFSETTING (1U << 3)
#define CPU_HLT (1U << 7)
#define CPU_MWAIT (1U << 10)
#define CPU_RDPMC (1U << 11)
#define CPU_RDTSC (1U << 12)
#define CPU_CR3_LOAD (1U << 15)
#define CPU_CR3_STORE (1U << 16)
#define CPU_CR8_LOAD (1U << 19)
#define CPU_CR8_STORE (1U << 20)
#define CPU_MOV_DR (1U << 23)
#define CPU_IO_BITMAPS (1U << 25)
#define CPU_MSR_BITMAPS (1U << 28)
#define CPU_MONITOR (1U << 29)
#define CPU_SECONDARY (1U << 31)

#define CPU2_EPT (1U << 1)
#define CPU2_RDTSCP (1U << 3)
#define CPU2_VPID (1U << 5)
#define CPU2_WBINVD (1U << 6)
#define CPU2_UNRESTRICTED (1U << 7)
#define CPU2_INVPCID (1U << 12)
#define CPU2_ENCLS (1U << 15)
#define CPU2_ENCLV (1U << 28)

#define EXIT_SAVE_DEBUG (1U << 2)
#define EXIT_HOST_64 (1U << 9)
#define EXIT_ACK_INTERRUPT (1U << 15)
#define EXIT_LOAD_PAT (1U << 19)
#define EXIT_SAVE_EFER (1U << 20)
#define EXIT_LOAD_EFER (1U << 21)

#define ENTRY_LOAD_DEBUG (1U << 2)
#define ENTRY_IA32E (1U << 9)
#define ENTRY_LOAD_PAT (1U << 14)
#define ENTRY_LOAD_EFER (1U << 15)

/* fields: 16-bit */
#define F_VPID 0x0000U
#define F_GUEST_ES_SEL 0x0800U /* ES CS SS DS FS GS LDTR TR: + 2 each, in every group */
#define F_HOST_ES_SEL 0x0c00U
#define F_HOST_CS_SEL 0x0c02U
#define F_HOST_SS_SEL 0x0c04U
#define F_HOST_DS_SEL 0x0c06U
#define F_HOST_FS_SEL 0x0c08U
#define F_HOST_GS_SEL 0x0c0aU
#define F_HOST_TR_SEL 0x0c0cU
/* 64-bit */
#define F_IO_BITMAP_A 0x2000U
#define F_IO_BITMAP_B 0x2002U
#define F_MSR_BITMAP 0x2004U
#define F_TSC_OFFSET 0x2010U
#define F_EPTP 0x201aU
#define F_ENCLS_BITMAP 0x202eU
#define F_ENCLV_BITMAP 0x2036U
#define F_GUEST_PHYSICAL 0x2400U
#define F_LINK_POINTER 0x2800U
#define F_GUEST_DEBUGCTL 0x2802U
#define F_GUEST_PAT 0x2804U
#define F_GUEST_EFER 0x2806U
#define F_GUEST_PDPTE0 0x280aU /* + 2 each */
#define F_HOST_PAT 0x2c00U
#define F_HOST_EFER 0x2c02U
/* 32-bit */
#define F_PIN_CONTROLS 0x4000U
#define F_CPU_CONTROLS 0x4002U
#define F_EXCEPTION_BITMAP 0x4004U
#define F_EXIT_CONTROLS 0x400cU
#define F_ENTRY_CONTROLS 0x4012U
#define F_ENTRY_INFO 0x4016U
#define F_ENTRY_ERROR 0x4018U
#define F_ENTRY_LENGTH 0x401aU
#define F_CPU2_CONTROLS 0x401eU
#define F_INSTRUCTION_ERROR 0x4400U
#define F_EXIT_REASON 0x4402U
#define F_EXIT_INTR_INFO 0x4404U
#define F_EXIT_INTR_ERROR 0x4406U
#define F_IDT_INFO 0x4408U
#define F_IDT_ERROR 0x440aU
#define F_EXIT_LENGTH 0x440cU
#define F_GUEST_ES_LIMIT 0x4800U
#define F_GUEST_GDTR_LIMIT 0x4810U
#define F_GUEST_IDTR_LIMIT 0x4812U
#define F_GUEST_ES_ACCESS 0x4814U
#define F_GUEST_CS_ACCESS 0x4816U
#define F_GUEST_SS_ACCESS 0x4818U
#define F_GUEST_TR_ACCESS 0x4822U
#define F_GUEST_INTERRUPTIBILITY 0x4824U
#define F_GUEST_ACTIVITY 0x4826U
#define F_GUEST_SYSENTER_CS 0x482aU
#define F_HOST_SYSENTER_CS 0x4c00U
/* natural width */
#define F_CR0_MASK 0x6000U
#define F_CR4_MASK 0x6002U
#define F_CR0_SHADOW 0x6004U
#define F_CR4_SHADOW 0x6006U
#define F_QUALIFICATION 0x6400U
#define F_GUEST_LINEAR 0x640aU
#define F_GUEST_CR0 0x6800U
#define F_GUEST_CR3 0x6802U
#define F_GUEST_CR4 0x6804U
#define F_GUEST_ES_BASE 0x6806U
#define F_GUEST_FS_BASE 0x680eU
#define F_GUEST_GS_BASE 0x6810U
#define F_GUEST_GDTR_BASE 0x6816U
#define F_GUEST_IDTR_BASE 0x6818U
#define F_GUEST_DR7 0x681aU
#define F_GUEST_RSP 0x681cU
#define F_GUEST_RIP 0x681eU
#define F_GUEST_RFLAGS 0x6820U
#define F_GUEST_PENDING_DEBUG 0x6822U
#define F_GUEST_SYSENTER_ESP 0x6824U
#define F_GUEST_SYSENTER_EIP 0x6826U
#define F_HOST_CR0 0x6c00U
#define F_HOST_CR3 0x6c02U
#define F_HOST_CR4 0x6c04U
#define F_HOST_FS_BASE 0x6c06U
#define F_HOST_GS_BASE 0x6c08U
#define F_HOST_TR_BASE 0x6c0aU
#define F_HOST_GDTR_BASE 0x6c0cU
#define F_HOST_IDTR_BASE 0x6c0eU
#define F_HOST_SYSENTER_ESP 0x6c10U
#define F_HOST_SYSENTER_EIP 0x6c12U
#define F_HOST_RSP 0x6c14U /* also in vmx_entry.S */
#define F_HOST_RIP 0x6c16U

/* event information: VM-entry, VM-exit and IDT-vectoring share it */
#define EVENT_VALID (1U << 31)
#define EVENT_HAS_ERROR (1U << 11)
#define EVENT_TYPE_MASK (7U << 8)
#define EVENT_EXTERNAL (0U << 8)
#define EVENT_NMI (2U << 8)
#define EVENT_HARD_EXCEPTION (3U << 8)
#define EVENT_SOFT_INTERRUPT (4U << 8)
#define EVENT_PRIV_EXCEPTION (5U << 8) /* INT1 */
#define EVENT_SOFT_EXCEPTION (6U << 8)
#define EVENT_MASK 0x80000fffU /* bit 12 is undefined in what the CPU reports */

#define INTERRUPTIBILITY_STI_MOVSS 3U
#define PENDING_DEBUG_BS (1ULL << 14)

/* basic exit reasons */
#define EXIT_FAILED_ENTRY (1U << 31)
enum vmx_exit_reason {
    EXIT_EXCEPTION_NMI = 0,
    EXIT_EXTERNAL_INTERRUPT = 1,
    EXIT_TRIPLE_FAULT = 2,
    EXIT_INIT = 3,
    EXIT_SIPI = 4,
    EXIT_INTERRUPT_WINDOW = 7,
    EXIT_TASK_SWITCH = 9,
    EXIT_CPUID = 10,
    EXIT_GETSEC = 11,
    EXIT_HLT = 12,
    EXIT_INVD = 13,
    EXIT_RDPMC = 15,
    EXIT_VMCALL = 18,
    EXIT_VMCLEAR = 19,
    EXIT_VMXON = 27, /* 19..27: the VMX instructions */
    EXIT_CR_ACCESS = 28,
    EXIT_DR_ACCESS = 29,
    EXIT_IO = 30,
    EXIT_RDMSR = 31,
    EXIT_WRMSR = 32,
    EXIT_MWAIT = 36,
    EXIT_MONITOR = 39,
    EXIT_EPT_VIOLATION = 48,
    EXIT_INVEPT = 50,
    EXIT_INVVPID = 53,
    EXIT_WBINVD = 54,
    EXIT_XSETBV = 55,
    EXIT_VMFUNC = 59,
    EXIT_ENCLS = 60,
    EXIT_ENCLV = 70,
};

#endif
