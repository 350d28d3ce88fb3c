/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables of every CPU, and what happens when hv itself is interrupted. Interrupts only
 * set flags; an exception in hv is our bug: dump and stop.
 */
#include <hv/lib.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/x86.h>

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_mid;
    uint32_t offset_high, zero;
};

_Static_assert(sizeof(struct gate) == 16, "IDT gate");

struct PACKED table_pointer {
    uint16_t limit;
    uint64_t base;
};

#define TSS_IST_OFFSET 36U
#define TSS_RSP0_OFFSET 4U
#define TSS_IOMAP_OFFSET 102U
#define VEC_NMI 2U

extern const uint8_t trap_entries[256][16];
void trap_handle(const struct trap_frame *f);

static struct gate idt[256];
static volatile bool stopping;

static void idt_init(void)
{
    for (unsigned int i = 0; i < 256; i++) {
        uint64_t at = (uint64_t)trap_entries[i];

        idt[i] = (struct gate){.offset_low = (uint16_t)at,
                               .selector = SEL_CODE,
                               .ist = i == VEC_NMI        ? 1
                                      : i == 8 || i == 18 ? 2
                                                          : 0,
                               .type = 0x8e,
                               .offset_mid = (uint16_t)(at >> 16),
                               .offset_high = (uint32_t)(at >> 32)};
    }
}

static void tss_set(struct pcpu *pc, unsigned int offset, const void *stack_top)
{
    uint64_t v = (uint64_t)stack_top;

    memcpy(pc->tss + offset, &v, sizeof(v));
}

void traps_init_cpu(struct pcpu *pc)
{
    uint64_t tss = (uint64_t)pc->tss;
    struct table_pointer gdtr = {sizeof(pc->gdt) - 1, (uint64_t)pc->gdt};
    struct table_pointer idtr = {sizeof(idt) - 1, (uint64_t)idt};

    if (!idt[0].type)
        idt_init();
    pc->gdt[SEL_CODE / 8] = 0x00af9b000000ffffULL;
    pc->gdt[SEL_DATA / 8] = 0x00cf93000000ffffULL;
    pc->gdt[SEL_TSS / 8] =
        (sizeof(pc->tss) - 1) | (tss & 0xffffff) << 16 | 0x89ULL << 40 | (tss >> 24 & 0xff) << 56;
    pc->gdt[SEL_TSS / 8 + 1] = tss >> 32;
    memset(pc->tss, 0, sizeof(pc->tss));
    tss_set(pc, TSS_RSP0_OFFSET, pc->stack + sizeof(pc->stack));
    tss_set(pc, TSS_IST_OFFSET, pc->ist_nmi + sizeof(pc->ist_nmi));
    tss_set(pc, TSS_IST_OFFSET + 8, pc->ist_df + sizeof(pc->ist_df));
    pc->tss[TSS_IOMAP_OFFSET] = sizeof(pc->tss);
    __asm__ volatile("lgdt %0; lidt %1; ltr %w2\n\t"
                     "mov %3, %%ds; mov %3, %%es; mov %3, %%ss; mov %4, %%fs; mov %4, %%gs\n\t"
                     "pushq %5; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:"
                     :
                     : "m"(gdtr), "m"(idtr), "r"(SEL_TSS), "r"(SEL_DATA), "r"(0), "i"(SEL_CODE)
                     : "rax", "memory");
    pc->self = pc;
    wrmsr(MSR_GS_BASE, (uint64_t)pc);
}

NORETURN void cpu_stop(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

static NORETURN void dump_and_stop(const struct trap_frame *f)
{
    const uint64_t *stack = (const uint64_t *)f->rsp;

    printk("EXCEPTION %lu error %lx cr2 %lx on CPU %u", f->vector, f->error, READ_CR(2),
           this_pcpu()->id);
    printk("rip %lx rsp %lx rflags %lx cs %lx cr3 %lx", f->rip, f->rsp, f->rflags, f->cs,
           READ_CR(3));
    printk("rax %lx rbx %lx rcx %lx rdx %lx", f->rax, f->rbx, f->rcx, f->rdx);
    printk("rsi %lx rdi %lx rbp %lx r8 %lx r9 %lx", f->rsi, f->rdi, f->rbp, f->r8, f->r9);
    printk("r10 %lx r11 %lx r12 %lx r13 %lx r14 %lx r15 %lx", f->r10, f->r11, f->r12, f->r13,
           f->r14, f->r15);
    if (f->vector != 8 && f->vector != VEC_NMI && !(f->rsp & 7) && f->rsp >> 47)
        for (unsigned int i = 0; i < 16; i += 4)
            printk("stack %lx %lx %lx %lx", stack[i], stack[i + 1], stack[i + 2], stack[i + 3]);
    panic("unexpected exception");
}

void trap_handle(const struct trap_frame *f)
{
    struct pcpu *pc = this_pcpu();

    switch (f->vector) {
    case VEC_TIMER:
        pc->timer_programmed = ~0ULL;
        pc->resched = true;
        apic_eoi();
        break;
    case VEC_KICK:
        apic_eoi();
        break;
    case VEC_STOP:
        cpu_stop();
    case VEC_SPURIOUS:
        break;
    case VEC_NMI:
        if (stopping)
            cpu_stop();
        break;
    default:
        if (f->vector < 32)
            dump_and_stop(f);
        apic_eoi();
    }
}

NORETURN void panic(const char *fmt, ...)
{
    char text[256];
    va_list args;

    __asm__ volatile("cli");
    va_start(args, fmt);
    vsnprintk(text, sizeof(text), fmt, args);
    va_end(args);
    if (!stopping) {
        stopping = true;
        printk("PANIC: %s (called from %p)", text, __builtin_return_address(0));
        apic_send_all_others(VEC_STOP);
    }
    cpu_stop();
}
