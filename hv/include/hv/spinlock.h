/* SPDX-License-Identifier: MIT */
/*
 * Ticket spinlock. hv runs with interrupts off and its interrupt handlers take no lock, so there is
 * one kind of lock only. Not recursive. No holder may open the interrupt window
 * (hypercall_preempt_check) or call a function that does.
 *
 * LOCK ORDER of the whole hypervisor, outermost first. Two of one kind: lower domid first.
 *   1. control_lock              one control command at a time (core/control.c)
 *   2. domain_table_lock         domain table, reference counts (core/domain.c)
 *      device_lock               who owns which PCI function (core/device.c); inside: pci_lock
 *   3. domain.lock               life cycle, hvm params, accounting limits
 *   4. domain.grant_lock         grant table, maptrack
 *   5. domain.evtchn_lock        event channel table
 *   6. p2m.lock                  p2m tables, and holds frames found in them in place
 *   7. frame_lock                frame allocator (inside mm/frame.c)
 *   8. sched_lock                run queue, vcpu run states (inside core/sched.c)
 *   9. timer lock of a pcpu      (inside core/timer.c)
 *  10. console_lock              serial line (inside lib/printk.c): printk works under any lock
 */
#ifndef HV_SPINLOCK_H
#define HV_SPINLOCK_H

#include <hv/types.h>

struct spinlock {
    uint16_t next;    /* ticket of the next one to come */
    uint16_t serving; /* ticket that holds the lock */
};

#define SPINLOCK_INIT ((struct spinlock){0, 0})

static inline void spin_init(struct spinlock *l)
{
    *l = SPINLOCK_INIT;
}

static inline void spin_lock(struct spinlock *l)
{
    uint16_t mine = __atomic_fetch_add(&l->next, (uint16_t)1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != mine)
        __builtin_ia32_pause();
}

static inline bool spin_trylock(struct spinlock *l)
{
    uint16_t s = __atomic_load_n(&l->serving, __ATOMIC_RELAXED);
    uint16_t expect = s;

    return __atomic_compare_exchange_n(&l->next, &expect, (uint16_t)(s + 1), false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void spin_unlock(struct spinlock *l)
{
    __atomic_store_n(&l->serving, (uint16_t)(l->serving + 1), __ATOMIC_RELEASE);
}

static inline bool spin_is_locked(const struct spinlock *l)
{
    return READ_ONCE(l->serving) != READ_ONCE(l->next);
}

static inline void spin_lock_two(struct spinlock *first, struct spinlock *second)
{
    spin_lock(first);
    if (second != first)
        spin_lock(second);
}

#endif
