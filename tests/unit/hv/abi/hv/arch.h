/* SPDX-License-Identifier: MIT */
/*
 * hv/arch.h of the simulated machine: RAM is an arena, a thread is a CPU, time is a counter.
 */
#ifndef HV_ARCH_H
#define HV_ARCH_H

#include <hv/types.h>

struct pcpu;

extern uint8_t *sim_ram;
extern uint64_t sim_tsc;
extern _Thread_local struct pcpu *sim_pcpu;

static inline struct pcpu *this_pcpu(void)
{
    return sim_pcpu;
}

static inline uint64_t arch_tsc(void)
{
    return __atomic_add_fetch(&sim_tsc, 1, __ATOMIC_RELAXED);
}

static inline void *arch_phys_to_virt(uint64_t pa)
{
    return sim_ram + pa;
}

static inline uint64_t arch_virt_to_phys(const void *p)
{
    return (uint64_t)((const uint8_t *)p - sim_ram);
}

static inline void arch_mb(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void arch_irq_window(void)
{
}

static inline void arch_idle(void)
{
}

static inline void arch_pause(void)
{
    __builtin_ia32_pause();
}

#endif
