/* SPDX-License-Identifier: MIT */
/*
 * The few instructions that C cannot say and that shared code needs. Host tests put their own
 * hv/arch.h earlier in the include path.
 */
#ifndef HV_ARCH_H
#define HV_ARCH_H

#include <hv/types.h>

struct pcpu;

static inline struct pcpu *this_pcpu(void)
{
    struct pcpu *p;

    __asm__ volatile("movq %%gs:0, %0" : "=r"(p));
    return p;
}

static inline uint64_t arch_tsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

/* RAM through the direct map (RAM, module, loader and ACPI ranges of the handoff). */
static inline void *arch_phys_to_virt(uint64_t pa)
{
    return (void *)(0xffff800000000000ULL + pa);
}

static inline uint64_t arch_virt_to_phys(const void *p)
{
    return (uint64_t)p - 0xffff800000000000ULL;
}

/* Full barrier. */
static inline void arch_mb(void)
{
    __asm__ volatile("lock addl $0, -4(%%rsp)" ::: "memory", "cc");
}

/* Take the interrupts that wait. */
static inline void arch_irq_window(void)
{
    __asm__ volatile("sti; nop; cli" ::: "memory");
}

/* Sleep until an interrupt, also one that already waits. */
static inline void arch_idle(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

static inline void arch_pause(void)
{
    __asm__ volatile("pause" ::: "memory");
}

#endif
