/* SPDX-License-Identifier: MIT */
/*
 * The machine that host tests of hv run on.
 */
#include <stdlib.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/percpu.h>
#include <hv/printk.h>

#include "host.h"
#include "test.h"

uint8_t *host_arena;
uint64_t host_tsc;
jmp_buf host_panic_jump;
bool host_panic_expected;

static struct pcpu cpu0;
struct pcpu *host_pcpu = &cpu0;
struct pcpu *pcpus[MAX_CPUS] = {&cpu0};
uint32_t nr_pcpus = 1;

void pcpu_kick(struct pcpu *pc)
{
    (void)pc;
}

void printk(const char *fmt, ...)
{
    (void)fmt;
}

_Noreturn void panic(const char *fmt, ...)
{
    if (!host_panic_expected)
        test_fail("panic", 0, fmt);
    host_panic_expected = false;
    longjmp(host_panic_jump, 1);
}

void memzero64(void *dst, size_t n)
{
    memset(dst, 0, n);
}

void host_memory(uint64_t frames)
{
    static void *table;

    free(host_arena);
    free(table);
    host_arena = aligned_alloc(PAGE_SIZE, frames * PAGE_SIZE);
    table = calloc(1, frame_table_bytes(frames));
    memset(host_arena, 0xa5, frames * PAGE_SIZE);
    frame_init(table, frames);
    frame_add_range(MFN(1), frames - 1);
}
