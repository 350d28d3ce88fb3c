/* SPDX-License-Identifier: MIT */
/*
 * How fast the TSC and the APIC timer run: CPUID leaf 15h where it says so, else one 10 ms window
 * of PIT channel 2, whose input is 1.193182 MHz on every PC. And the conversions that follow from
 * it.
 */
#include <hv/control.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/printk.h>
#include <hv/time.h>
#include <hv/x86.h>
#include <xen/xen.h>

#define PIT_HZ 1193182ULL
#define PIT_WINDOW 11932U /* 10 ms */
#define PIT_GATE 0x61U

uint64_t tsc_khz;
uint32_t tsc_mul;
int8_t tsc_shift;

static uint64_t tsc_start;

/* Runs the window; *tsc and *apic get the ticks in it. False: the PIT does not count. */
static bool pit_window(uint64_t *tsc, uint32_t *apic)
{
    uint64_t begin;
    unsigned int tries = 0;

    outb(PIT_GATE, (uint8_t)((inb(PIT_GATE) & 0xfc) | 1)); /* gate on, speaker off */
    outb(0x43, 0xb0);                                      /* channel 2, both bytes, mode 0 */
    outb(0x42, PIT_WINDOW & 0xff);
    outb(0x42, PIT_WINDOW >> 8);
    apic_timer_sample(true);
    begin = arch_tsc();
    while (!(inb(PIT_GATE) & 0x20))
        if (++tries > 100000000)
            return false;
    *tsc = arch_tsc() - begin;
    *apic = apic_timer_sample(false);
    return true;
}

static uint64_t khz_from_cpuid(void)
{
    struct cpuid_regs r;

    if (cpuid(0, 0).eax < 0x15)
        return 0;
    r = cpuid(0x15, 0);
    if (!r.eax || !r.ebx || !r.ecx)
        return 0;
    return (uint64_t)r.ecx * r.ebx / r.eax / 1000;
}

/* pvclock's multiplier: ns = ((ticks << shift) * mul) >> 32 with mul in [2^31, 2^32). */
static void set_multiplier(void)
{
    uint64_t hz = tsc_khz * 1000, base = hz;
    int8_t shift = 0;

    while (base > 2000000000ULL) {
        base >>= 1;
        shift--;
    }
    while (base <= 1000000000ULL) {
        base <<= 1;
        shift++;
    }
    tsc_shift = shift;
    tsc_mul = (uint32_t)((1000000000ULL << 32) / base);
}

void clock_init(uint64_t entry_tsc)
{
    uint64_t ticks = 0, known = khz_from_cpuid();
    uint32_t apic = 0;

    if (!pit_window(&ticks, &apic) || !ticks) {
        if (!known)
            panic("no clock to measure the TSC with");
        printk("no PIT: the APIC timer is taken to run at 1 GHz");
        ticks = known * 10;
        apic = 10000000;
    }
    tsc_khz = known ? known : ticks * PIT_HZ / PIT_WINDOW / 1000;
    apic_timer_khz = MAX((uint64_t)apic * tsc_khz / ticks, 1ULL);
    set_multiplier();
    tsc_start = entry_tsc && entry_tsc < arch_tsc() ? entry_tsc : arch_tsc();
    printk("TSC %lu.%03lu MHz, APIC timer %lu kHz", tsc_khz / 1000, tsc_khz % 1000, apic_timer_khz);
}

uint64_t tsc_to_ns(uint64_t ticks)
{
    ticks = tsc_shift >= 0 ? ticks << tsc_shift : ticks >> -tsc_shift;
    return (uint64_t)(((unsigned __int128)ticks * tsc_mul) >> 32);
}

/* Rounded up, so that a deadline never fires before the guest's clock shows it. */
uint64_t ns_to_tsc(uint64_t ns)
{
    uint64_t ticks;

    if (ns >> 57)
        return ~0ULL >> 2;
    ticks = ns / 1000000 * tsc_khz + ns % 1000000 * tsc_khz / 1000000;
    while (tsc_to_ns(ticks) < ns)
        ticks += 1 + (ns - tsc_to_ns(ticks)) * tsc_khz / 1000000;
    return ticks;
}

uint64_t time_now_ns(void)
{
    return tsc_to_ns(arch_tsc() - tsc_start);
}

uint64_t domain_time_ns(const struct domain *d)
{
    return tsc_to_ns(arch_tsc() + d->tsc_offset);
}

void time_fill_pvclock(const struct domain *d, struct vcpu_time_info *info)
{
    (void)d; /* system time and the guest's TSC both start at 0 with the first run */
    WRITE_ONCE(info->version, info->version | 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    info->tsc_timestamp = 0;
    info->system_time = 0;
    info->tsc_to_system_mul = tsc_mul;
    info->tsc_shift = tsc_shift;
    info->flags = 1; /* XEN_PVCLOCK_TSC_STABLE_BIT */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    WRITE_ONCE(info->version, info->version + 1);
}

void time_fill_wallclock(struct domain *d)
{
    struct shared_info *si = d->shared_info;
    uint64_t ns = boot_wallclock_nsec + tsc_to_ns(0 - d->tsc_offset - boot_tsc_at_entry);
    uint64_t sec = boot_wallclock_sec + ns / 1000000000;

    WRITE_ONCE(si->wc_version, si->wc_version | 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    si->wc_sec = (uint32_t)sec;
    si->wc_nsec = (uint32_t)(ns % 1000000000);
    si->wc_sec_hi = (uint32_t)(sec >> 32);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    WRITE_ONCE(si->wc_version, si->wc_version + 1);
}
