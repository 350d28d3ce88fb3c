/* SPDX-License-Identifier: MIT */
/*
 * Bringing CPUs up: what each one sets up for itself, and the start of the others by INIT/SIPI
 * through the trampoline page (Intel SDM vol. 3, 9.4 "Multiple-Processor Initialization").
 */
#include <hv/hvm.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/time.h>
#include <hv/x86.h>

#define ICR_INIT 0xc500U /* level assert */
#define ICR_STARTUP 0x4600U
#define START_TIMEOUT_MS 200U

extern const uint8_t trampoline_start[], trampoline_end[], trampoline_data[];
extern const uint32_t trampoline_gdt_offset, trampoline_64_offset;

struct PACKED trampoline_data {
    uint16_t gdt_limit;
    uint32_t gdt_base;
    uint16_t pad0;
    uint32_t far_offset;
    uint16_t far_selector;
    uint16_t pad1;
    uint64_t cr3, stack, pcpu, entry;
};

struct pcpu *pcpus[MAX_CPUS];
uint32_t nr_pcpus;

static void ap_main(struct pcpu *pc);

void cpu_init(struct pcpu *pc)
{
    traps_init_cpu(pc);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
    WRITE_CR(0, READ_CR(0) | CR0_WP);
    WRITE_CR(4, READ_CR(4) | CR4_PGE);
    spin_init(&pc->timer_lock);
    list_init(&pc->timers);
    apic_init_cpu(pc);
}

static void delay_us(uint64_t us)
{
    uint64_t end = arch_tsc() + us * tsc_khz / 1000;

    while (arch_tsc() < end)
        arch_pause();
}

static void ap_main(struct pcpu *pc)
{
    cpu_init(pc);
    fpu_init_cpu();
    if (hvm->cpu_enable(pc))
        panic("CPU %u cannot turn virtualization on", pc->id);
    pc->online = true;
    sched_loop();
}

static bool start_one(struct pcpu *pc, uint32_t id, uint64_t trampoline)
{
    uint8_t *page = arch_phys_to_virt(trampoline);
    struct trampoline_data *data =
        (struct trampoline_data *)(page + (trampoline_data - trampoline_start));
    uint64_t end;

    memcpy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
    *data = (struct trampoline_data){.gdt_limit = 23,
                                     .gdt_base = (uint32_t)trampoline + trampoline_gdt_offset,
                                     .far_offset = (uint32_t)trampoline + trampoline_64_offset,
                                     .far_selector = SEL_CODE,
                                     .cr3 = paging_cr3(),
                                     .stack = (uint64_t)(pc->stack + sizeof(pc->stack)),
                                     .pcpu = (uint64_t)pc,
                                     .entry = (uint64_t)ap_main};
    apic_send(id, ICR_INIT);
    delay_us(10000);
    for (unsigned int i = 0; i < 2 && !pc->online; i++) {
        apic_send(id, ICR_STARTUP | (uint32_t)(trampoline >> PAGE_SHIFT));
        delay_us(i ? 0 : 200);
    }
    end = arch_tsc() + START_TIMEOUT_MS * tsc_khz;
    while (!pc->online && arch_tsc() < end)
        arch_pause();
    return pc->online;
}

void smp_start(const struct bh_handoff *h)
{
    uint32_t self = pcpus[0]->apic_id;

    if (!h->trampoline || h->trampoline >> 20)
        return;
    paging_identity(h->trampoline, true);
    for (uint32_t i = 0; i < h->nr_cpus && nr_pcpus < MAX_CPUS; i++) {
        unsigned int order = 0;
        struct pcpu *pc;
        mfn_t m;

        if (h->cpus[i].apic_id == self)
            continue;
        while (PAGE_SIZE << order < sizeof(*pc))
            order++;
        m = frame_alloc(order, FRAME_OWNER_HV);
        if (mfn_eq(m, MFN_NONE))
            break;
        pc = frame_map(m);
        pc->id = nr_pcpus;
        pc->apic_id = h->cpus[i].apic_id;
        pcpus[nr_pcpus] = pc;
        if (start_one(pc, h->cpus[i].apic_id, h->trampoline)) {
            nr_pcpus++;
        } else {
            printk("CPU with APIC id %u does not start", h->cpus[i].apic_id);
            pcpus[nr_pcpus] = NULL; /* its area is not reused: it may still wake up */
        }
    }
    paging_identity(h->trampoline, false);
}
