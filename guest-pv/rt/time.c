/* SPDX-License-Identifier: MIT */
/*
 * Time from pvclock (Xen public/xen.h: struct vcpu_time_info) and the one-shot timer. The scale is
 * Xen's system time of this domain, which is also that of the timer.
 */
#include "internal.h"

#include <xen/vcpu.h>

#define NS_PER_SEC UINT64_C(1000000000)

static uint64_t read_tsc(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

uint64_t rt_now(void)
{
    static uint64_t last;
    const volatile struct vcpu_time_info *t = &rt_shared_info->vcpu_info[0].time;
    uint64_t delta, now;
    uint32_t version;

    do {
        version = t->version;
        __asm__ volatile("" : : : "memory");
        delta = read_tsc() - t->tsc_timestamp;
        delta = t->tsc_shift >= 0 ? delta << t->tsc_shift : delta >> -t->tsc_shift;
        now = t->system_time + (uint64_t)((unsigned __int128)delta * t->tsc_to_system_mul >> 32);
        __asm__ volatile("" : : : "memory");
    } while ((version & 1) != 0 || version != t->version);
    /* A change of the parameters may lose a few ns; time must not go back. */
    if (now > last)
        last = now;
    return last;
}

uint64_t rt_wallclock(void)
{
    const volatile struct shared_info *s = rt_shared_info;
    uint64_t sec;
    uint32_t nsec, version;

    do {
        version = s->wc_version;
        __asm__ volatile("" : : : "memory");
        sec = (uint64_t)s->wc_sec_hi << 32 | s->wc_sec;
        nsec = s->wc_nsec;
        __asm__ volatile("" : : : "memory");
    } while ((version & 1) != 0 || version != s->wc_version);
    return sec * NS_PER_SEC + nsec + rt_now();
}

static uint64_t armed;

/* The timer may end a little early by our clock: then it must be set again, or nobody would wake
 * us. */
void time_wake_came(void)
{
    armed = 0;
}

uint64_t time_wake_at(uint64_t deadline)
{
    struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = deadline};

    /* An earlier one that is still to come costs a wake-up, but no hypercall each time. */
    if (armed > rt_now() && armed <= deadline)
        return armed;
    if (rt_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, (uintptr_t)&timer, 0,
                     0) != 0)
        rt_panic("rt: cannot set the timer\n");
    armed = deadline;
    return armed;
}
