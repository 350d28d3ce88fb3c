/* SPDX-License-Identifier: MIT */
/*
 * The local APIC of each CPU: x2APIC by MSR where the CPU has it, else the MMIO page. Intel SDM
 * vol. 3, chapter 11 "Advanced Programmable Interrupt Controller".
 */
#include <hv/device.h>
#include <hv/lib.h>
#include <hv/p2m.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/time.h>
#include <hv/x86.h>

#define REG_ID 0x20U
#define REG_TPR 0x80U
#define REG_EOI 0xb0U
#define REG_SVR 0xf0U
#define REG_ICR_LOW 0x300U
#define REG_ICR_HIGH 0x310U
#define REG_LVT_TIMER 0x320U
#define REG_LVT_LINT0 0x350U
#define REG_LVT_LINT1 0x360U
#define REG_TIMER_INIT 0x380U
#define REG_TIMER_NOW 0x390U
#define REG_TIMER_DIVIDE 0x3e0U

#define LVT_MASKED (1U << 16)
#define LVT_TSC_DEADLINE (2U << 17)
#define ICR_BUSY (1U << 12)
#define ICR_ALL_OTHERS (3U << 18)
#define APIC_BASE_ENABLE (1ULL << 11)
#define APIC_BASE_X2APIC (1ULL << 10)

static bool x2apic, tsc_deadline;
static volatile uint8_t *mmio;

uint64_t apic_timer_khz;

static uint32_t read_reg(uint32_t reg)
{
    if (x2apic)
        return (uint32_t)rdmsr(0x800 + reg / 16);
    return *(volatile uint32_t *)(mmio + reg);
}

static void write_reg(uint32_t reg, uint32_t v)
{
    if (x2apic)
        wrmsr(0x800 + reg / 16, v);
    else
        *(volatile uint32_t *)(mmio + reg) = v;
}

void apic_init_cpu(struct pcpu *pc)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    if (!mmio && !x2apic) { /* boot CPU */
        x2apic = cpuid(1, 0).ecx & (1U << 21);
        tsc_deadline = cpuid(1, 0).ecx & (1U << 24);
        if (!x2apic)
            mmio = mmio_map(base & P2M_ADDR_MASK, PAGE_SIZE);
    }
    base |= APIC_BASE_ENABLE;
    wrmsr(MSR_APIC_BASE, base);
    if (x2apic)
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
    write_reg(REG_SVR, 0x100 | VEC_SPURIOUS);
    write_reg(REG_TPR, 0);
    write_reg(REG_LVT_LINT0, LVT_MASKED);
    write_reg(REG_LVT_LINT1, LVT_MASKED);
    write_reg(REG_TIMER_DIVIDE, 0xb); /* by 1 */
    write_reg(REG_LVT_TIMER, VEC_TIMER | (tsc_deadline ? LVT_TSC_DEADLINE : 0));
    pc->apic_id = apic_id();
    pc->timer_programmed = ~0ULL;
}

uint32_t apic_id(void)
{
    return x2apic ? read_reg(REG_ID) : read_reg(REG_ID) >> 24;
}

void apic_eoi(void)
{
    write_reg(REG_EOI, 0);
}

void apic_send(uint32_t id, uint32_t icr_low)
{
    if (x2apic) {
        arch_mb();
        wrmsr(0x800 + REG_ICR_LOW / 16, (uint64_t)id << 32 | icr_low);
        return;
    }
    while (read_reg(REG_ICR_LOW) & ICR_BUSY)
        arch_pause();
    write_reg(REG_ICR_HIGH, id << 24);
    write_reg(REG_ICR_LOW, icr_low);
}

void apic_send_all_others(uint32_t vector)
{
    if (x2apic || mmio)
        apic_send(0, ICR_ALL_OTHERS | 0x4000 | vector);
}

void pcpu_kick(struct pcpu *pc)
{
    if (pc != this_pcpu())
        apic_send(pc->apic_id, 0x4000 | VEC_KICK);
}

void apic_timer_set(uint64_t deadline)
{
    uint64_t now, ticks;

    if (tsc_deadline) {
        wrmsr(MSR_TSC_DEADLINE, deadline == ~0ULL ? 0 : MAX(deadline, 1));
        return;
    }
    if (deadline == ~0ULL) {
        write_reg(REG_TIMER_INIT, 0);
        return;
    }
    now = arch_tsc();
    ticks = deadline > now ? deadline - now : 0;
    /* rounded up by one, so that it is never early by rounding alone; far ones fire early */
    if (ticks >= 0xffffffffULL * tsc_khz / apic_timer_khz)
        ticks = 0xffffffffULL;
    else
        ticks = ticks * apic_timer_khz / tsc_khz + 1;
    write_reg(REG_TIMER_INIT, (uint32_t)MIN(ticks, 0xffffffffULL));
}

/* For clock.c: count down from the top with the interrupt masked; the result is ticks that passed.
 */
uint32_t apic_timer_sample(bool start)
{
    if (start) {
        write_reg(REG_LVT_TIMER, LVT_MASKED | VEC_TIMER);
        write_reg(REG_TIMER_INIT, 0xffffffffU);
        return 0;
    }

    uint32_t passed = 0xffffffffU - read_reg(REG_TIMER_NOW);

    write_reg(REG_TIMER_INIT, 0);
    write_reg(REG_LVT_TIMER, VEC_TIMER | (tsc_deadline ? LVT_TSC_DEADLINE : 0));
    return passed;
}
