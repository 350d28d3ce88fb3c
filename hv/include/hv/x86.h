/* SPDX-License-Identifier: MIT */
/*
 * The x86 machine as hv's x86 files see it: instructions, MSR numbers, control register bits, and
 * the interfaces between those files. Core code does not include this.
 */
#ifndef HV_X86_H
#define HV_X86_H

#include <hv/arch.h>
#include <hv/types.h>
#include <public/handoff.h>

#define MSR_APIC_BASE 0x1bU
#define MSR_FEATURE_CONTROL 0x3aU
#define MSR_PAT 0x277U
#define MSR_TSC_DEADLINE 0x6e0U
#define MSR_EFER 0xc0000080U
#define MSR_STAR 0xc0000081U
#define MSR_LSTAR 0xc0000082U
#define MSR_CSTAR 0xc0000083U
#define MSR_SFMASK 0xc0000084U
#define MSR_FS_BASE 0xc0000100U
#define MSR_GS_BASE 0xc0000101U
#define MSR_KERNEL_GS_BASE 0xc0000102U
#define MSR_TSC_AUX 0xc0000103U

#define EFER_SCE (1ULL << 0)
#define EFER_LME (1ULL << 8)
#define EFER_LMA (1ULL << 10)
#define EFER_NXE (1ULL << 11)
#define EFER_SVME (1ULL << 12)
#define EFER_FFXSR (1ULL << 14)

#define CR0_PE (1ULL << 0)
#define CR0_ET (1ULL << 4)
#define CR0_WP (1ULL << 16)
#define CR0_PG (1ULL << 31)
#define CR4_PAE (1ULL << 5)
#define CR4_PGE (1ULL << 7)
#define CR4_OSFXSR (1ULL << 9)
#define CR4_OSXMMEXCPT (1ULL << 10)
#define CR4_SMEP (1ULL << 20)
#define CR4_OSXSAVE (1ULL << 18)
#define CR4_PKE (1ULL << 22)
#define RFLAGS_IF (1ULL << 9)
#define PAT_RESET 0x0007040600070406ULL

#define SEL_CODE 0x08U
#define SEL_DATA 0x10U
#define SEL_TSS 0x18U

#define VEC_KICK 0xf0U
#define VEC_TIMER 0xf1U
#define VEC_STOP 0xf2U
#define VEC_SPURIOUS 0xffU

struct cpuid_regs {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid(uint32_t leaf, uint32_t sub)
{
    struct cpuid_regs r;

    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(sub));
    return r;
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

static inline uint64_t xgetbv0(void)
{
    uint32_t lo, hi;

    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

static inline void xsetbv0(uint64_t v)
{
    __asm__ volatile("xsetbv" ::"c"(0), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

#define READ_CR(n)                                                                                 \
    ({                                                                                             \
        uint64_t v_;                                                                               \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v_));                                         \
        v_;                                                                                        \
    })
#define WRITE_CR(n, v) __asm__ volatile("mov %0, %%cr" #n ::"r"((uint64_t)(v)) : "memory")

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

/* serial.c: the line behind printk. */
void serial_init(void);
void serial_write(const char *text, size_t len);

/* paging.c. paging_init builds hv's tables and switches to them; frames come from early_alloc until
   paging_done() hands the rest of RAM to the frame allocator. */
void paging_init(const struct bh_handoff *h);
void paging_done(const struct bh_handoff *h);
void *early_alloc(uint64_t bytes); /* zeroed, page-aligned, direct map */
void paging_identity(uint64_t pa,
                     bool map); /* one executable page at its own address: trampoline */
uint64_t paging_cr3(void);
uint64_t virt_to_phys(const void *p); /* direct map and image addresses */

/* traps.c */
struct pcpu;
void traps_init_cpu(struct pcpu *pc);
NORETURN void cpu_stop(void);

/* apic.c */
void apic_init_cpu(struct pcpu *pc);
uint32_t apic_id(void);
void apic_eoi(void);
void apic_send(uint32_t apic_id, uint32_t icr_low); /* IPI; waits until it is on its way */
void apic_send_all_others(uint32_t vector);

/* clock.c: find tsc_khz and the APIC timer's rate. */
void clock_init(uint64_t entry_tsc);
extern uint64_t apic_timer_khz;
uint32_t apic_timer_sample(bool start);

/* smp.c */
void smp_start(const struct bh_handoff *h);
void cpu_init(struct pcpu *pc); /* descriptor tables, features, APIC, virtualization */

/* fpu.c: state of vcpus, eagerly. */
struct vcpu;
void fpu_init_cpu(void);
void fpu_init(void);
extern uint64_t fpu_features; /* XCR0 bits that guests may use */
extern uint32_t fpu_area_bytes;
bool fpu_xcr0_valid(uint64_t xcr0);
int fpu_vcpu_init(struct vcpu *v) MUST_CHECK;
void fpu_vcpu_destroy(struct vcpu *v);
void fpu_switch_in(struct vcpu *v);
void fpu_switch_out(struct vcpu *v);

/* cpuid.c: policy. cpuid_init() reads the machine once; cpuid_guest() is what a vcpu sees. */
void cpuid_init(void);
void cpuid_guest(struct vcpu *v, uint32_t leaf, uint32_t sub, struct cpuid_regs *out);
uint64_t cpuid_efer_allowed(void);

/* msr.c: 0, or -EINVAL: #GP. */
int msr_guest_read(struct vcpu *v, uint32_t index, uint64_t *value) MUST_CHECK;
int msr_guest_write(struct vcpu *v, uint32_t index, uint64_t value) MUST_CHECK;

/* ioport.c */
void ioport_init(void);
extern uint8_t *ioport_default_bitmap;

#endif
