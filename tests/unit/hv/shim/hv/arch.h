/* SPDX-License-Identifier: MIT */
/*
 * Stands in for hv/arch.h in host tests: machine memory is an arena, the TSC a variable, and there
 * is one CPU. See host.h.
 */
#ifndef HV_ARCH_H
#define HV_ARCH_H

#include <hv/types.h>

struct pcpu;

extern uint8_t *host_arena; /* machine address 0 */
extern uint64_t host_tsc;
extern struct pcpu *host_pcpu;

static inline struct pcpu *this_pcpu(void)
{
    return host_pcpu;
}

static inline uint64_t arch_tsc(void)
{
    return host_tsc;
}

static inline void *arch_phys_to_virt(uint64_t pa)
{
    return host_arena + pa;
}

static inline uint64_t arch_virt_to_phys(const void *p)
{
    return (uint64_t)((const uint8_t *)p - host_arena);
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
}

#endif
