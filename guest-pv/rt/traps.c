/* SPDX-License-Identifier: MIT */
/*
 * Exceptions. None is expected in a healthy program: the handler prints the registers and what
 * looks like return addresses, and ends the domain with SHUTDOWN_crash. The exceptions to the rule
 * are the probes listed in .ex_table, which resume at their fixup. All run on one stack of their
 * own, so that a thread's stack overrun can be reported.
 */
#include "internal.h"

#include <xen/sched.h>

#define NR_TRAPS 32U
#define TRAP_PAGE_FAULT 14U
#define TRAP_STACK 16384U

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

struct idt_gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_mid;
    uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct idt_gate) == 16, "SDM 3A 6.14.1 64-Bit Mode IDT");

struct tss {
    uint32_t reserved0;
    uint32_t rsp[6];
    uint32_t reserved1[2];
    uint32_t ist[14]; /* low and high halves */
    uint32_t reserved2[2];
    uint16_t reserved3, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "SDM 3A 8.7 Task Management in 64-bit Mode");

struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint64_t base;
};

struct fixup {
    uint64_t fault, resume;
};
extern const struct fixup rt_ex_table_start[], rt_ex_table_end[];

extern const char trap_entries[];
void trap_handle(struct trap_frame *frame);

static struct idt_gate idt[NR_TRAPS];
static struct tss tss;
static uint8_t trap_stack[TRAP_STACK] __attribute__((aligned(16)));

void traps_init(void)
{
    struct table_pointer pointer = {sizeof(idt) - 1, (uintptr_t)idt};
    uint64_t top = (uintptr_t)trap_stack + sizeof(trap_stack), base = (uintptr_t)&tss;

    for (unsigned int i = 0; i < NR_TRAPS; i++) {
        uint64_t entry = (uintptr_t)trap_entries + 16 * i;

        idt[i] = (struct idt_gate){.offset_low = (uint16_t)entry,
                                   .selector = 0x08,
                                   .ist = 1,
                                   .type = 0x8e, /* present, interrupt gate */
                                   .offset_mid = (uint16_t)(entry >> 16),
                                   .offset_high = (uint32_t)(entry >> 32)};
    }
    tss.ist[0] = (uint32_t)top;
    tss.ist[1] = (uint32_t)(top >> 32);
    tss.io_map = sizeof(tss);
    rt_gdt[3] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
                (base >> 24 & 0xff) << 56;
    rt_gdt[4] = base >> 32;
    __asm__ volatile("lidt %0" : : "m"(pointer));
    __asm__ volatile("ltr %w0" : : "r"(0x18));
}

static bool resume_after_probe(struct trap_frame *frame)
{
    for (const struct fixup *f = rt_ex_table_start; f < rt_ex_table_end; f++) {
        if (f->fault == frame->rip) {
            frame->rip = f->resume;
            return true;
        }
    }
    return false;
}

static void print_return_addresses(uint64_t rsp)
{
    unsigned int printed = 0;

    rt_log("  stack:");
    for (unsigned int i = 0; i < 512 && printed < 16; i++) {
        uint8_t bytes[8];
        uint64_t word = 0;

        for (unsigned int b = 0; b < 8; b++) {
            if (rt_probe_read((const void *)(rsp + i * 8 + b), &bytes[b]) != 0) {
                rt_log("\n");
                return;
            }
            word |= (uint64_t)bytes[b] << (8 * b);
        }
        if (word > (uintptr_t)rt_text_start && word < (uintptr_t)rt_text_end) {
            rt_log(" %lx", word);
            printed++;
        }
    }
    rt_log("\n");
}

void trap_handle(struct trap_frame *frame)
{
    static bool nested;
    uint64_t cr2, cr3;

    if (resume_after_probe(frame))
        return;
    if (nested)
        rt_shutdown(SHUTDOWN_crash);
    nested = true;
    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    console_flush();
    rt_log("rt: exception %lu, error 0x%lx, in thread \"%s\"%s\n", frame->vector, frame->error,
           thread_name(),
           frame->vector == TRAP_PAGE_FAULT && thread_is_guard(cr2) ? ": stack overrun" : "");
    rt_log("  rip %016lx  rsp %016lx  rflags %lx  cr2 %016lx  cr3 %lx\n", frame->rip, frame->rsp,
           frame->rflags, cr2, cr3);
    rt_log("  rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx\n", frame->rax, frame->rbx, frame->rcx,
           frame->rdx);
    rt_log("  rsi %016lx  rdi %016lx  rbp %016lx  r8  %016lx\n", frame->rsi, frame->rdi, frame->rbp,
           frame->r8);
    rt_log("  r9  %016lx  r10 %016lx  r11 %016lx  r12 %016lx\n", frame->r9, frame->r10, frame->r11,
           frame->r12);
    rt_log("  r13 %016lx  r14 %016lx  r15 %016lx\n", frame->r13, frame->r14, frame->r15);
    print_return_addresses(frame->rsp);
    rt_shutdown(SHUTDOWN_crash);
}
