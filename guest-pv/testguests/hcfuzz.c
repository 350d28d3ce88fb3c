/* SPDX-License-Identifier: MIT */
/*
 * Hypercall fuzzer: every number 0..63 with random arguments. Each call must return; hv must stay
 * up and keep to its memory. Arguments are made so that a correct hypervisor cannot be talked into
 * harming us: pointers lead into a scratch area, nowhere, or to read-only pages; frame numbers to
 * places that are not in use; what would end or stop the domain is left out.
 * Options: seed=N, rounds=N (calls for each number); to find a culprit: only=NR, and verbose=1 to
 * print every call before it is made.
 */
#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#include "bulkhead.h"
#include "report.h"

#define NUMBERS 64U
#define SCRATCH_PAGES 16U
#define SLACK_PAGES 1U /* behind scratch: what starts at its end may reach into it */
#define CANARY_PAGES 16U
#define CANARY 0xa5
#define MAX_COUNT 64U                     /* operations in an array, each of at most 48 bytes */
#define WINDOW_FRAME (UINT64_C(40) << 18) /* 40 GB: nothing is there */

extern const char rt_text_start[];

static uint64_t state;
static uint8_t *scratch, *canary;

/* SplitMix64: small, and the same sequence for the same seed everywhere. */
static uint64_t next(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t any_pointer(void)
{
    uint64_t end = (uintptr_t)scratch + SCRATCH_PAGES * RT_PAGE;

    switch (next() % 10) {
    case 0:
        return 0;
    case 1:
        return next();
    case 2:
        return UINT64_C(0x0000800000000000) + next() % 64; /* not canonical */
    case 3:
        return UINT64_C(0xffff800000000000) | (next() & 0x7fffffffff);
    case 4:
        return (UINT64_C(70) << 30) + next() % 4096; /* not mapped */
    case 5:
        return (uintptr_t)rt_text_start + next() % 4096; /* read-only */
    case 6:
        return (uintptr_t)scratch + (next() % SCRATCH_PAGES + 1) * RT_PAGE - next() % 6 * 4;
    case 7:
        return WINDOW_FRAME * RT_PAGE - next() % 16; /* mapped, no memory behind */
    default:
        return (uintptr_t)scratch + next() % ((end - (uintptr_t)scratch - 1024) / 4) * 4;
    }
}

static uint64_t any_word(void)
{
    switch (next() % 8) {
    case 0:
        return next();
    case 1:
        return UINT64_MAX - next() % 16;
    case 2:
        return WINDOW_FRAME + next() % 4096;
    case 3:
        return DOMID_SELF - 2 + next() % 8;
    case 4:
        return UINT64_C(1) << (24 + next() % 40); /* no frame number of ours */
    case 5:
        return any_pointer();
    default:
        return next() % 64;
    }
}

/* At multiples of 4 only, as pointers are: shifted small numbers would be frames in use. */
static void fill_scratch(void)
{
    for (unsigned int i = 0; i < 512; i++) {
        size_t at = next() % (SCRATCH_PAGES * RT_PAGE / 4 - 1) * 4;
        uint64_t word = any_word();

        memcpy(scratch + at, &word, next() % 2 == 0 ? 8 : 4);
    }
}

/* Calls that a correct hypervisor carries out to our own end. */
static bool is_harmful(unsigned int nr, const uint64_t *args)
{
    struct xen_add_to_physmap map;
    struct bh_control control;
    unsigned int cmd = (unsigned int)args[0];

    switch (nr) {
    case __HYPERVISOR_sched_op:
        return cmd != SCHEDOP_yield && cmd <= SCHEDOP_pin_override;
    case __HYPERVISOR_sched_op_compat:
    case __HYPERVISOR_iret:
        return true;
    case __HYPERVISOR_vcpu_op:
        return cmd == VCPUOP_down || cmd == VCPUOP_initialise || cmd == VCPUOP_register_vcpu_info;
    case __HYPERVISOR_console_io: /* noise, when there is something to print */
        return args[0] == CONSOLEIO_write && (uint32_t)args[1] != 0 && args[2] >= RT_PAGE &&
               args[2] < WINDOW_FRAME * RT_PAGE;
    case __HYPERVISOR_grant_table_op: /* results go into the array: it must end in the slack */
        return (uint32_t)args[2] > MAX_COUNT && args[1] >= (uintptr_t)scratch &&
               args[1] < (uintptr_t)scratch + (SCRATCH_PAGES + SLACK_PAGES) * RT_PAGE;
    case __HYPERVISOR_memory_op: /* shared_info must stay where the runtime knows it */
        if (cmd != XENMEM_add_to_physmap && cmd != XENMEM_add_to_physmap_batch)
            return false;
        if (args[1] < (uintptr_t)scratch ||
            args[1] > (uintptr_t)scratch + (SCRATCH_PAGES + SLACK_PAGES) * RT_PAGE - sizeof(map))
            return false;
        memcpy(&map, (const void *)args[1], sizeof(map));
        return map.space == XENMAPSPACE_shared_info;
    case __HYPERVISOR_bh_control: /* if we are privileged */
        if (args[0] < (uintptr_t)scratch || args[0] > (uintptr_t)scratch +
                                                          (SCRATCH_PAGES + SLACK_PAGES) * RT_PAGE -
                                                          sizeof(control))
            return false;
        memcpy(&control, (const void *)args[0], sizeof(control));
        return control.cmd == BH_CTL_POWER || control.cmd == BH_CTL_DESTROY ||
               control.cmd == BH_CTL_SHUTDOWN || control.cmd == BH_CTL_PAUSE;
    default:
        return false;
    }
}

static void make_args(uint64_t *args)
{
    for (unsigned int i = 0; i < 5; i++)
        args[i] = any_word();
    /* Most calls are (small command, pointer, …): be that most of the time. */
    if (next() % 4 != 0) {
        args[0] = next() % 40;
        args[1] = any_pointer();
    } else if (next() % 4 == 0) {
        args[0] = any_pointer();
    }
    if (next() % 4 == 0)
        args[2] = next() % 4;
}

/* First byte of the canary that changed; CANARY_PAGES * RT_PAGE when all is well. */
static size_t canary_check(void)
{
    size_t i = 0;

    while (i < CANARY_PAGES * RT_PAGE && canary[i] == CANARY)
        i++;
    return i;
}

static struct {
    uint64_t returned, skipped, succeeded;
} counts;

static void one_call(unsigned int nr, bool verbose)
{
    uint64_t args[5];

    make_args(args);
    if (is_harmful(nr, args)) {
        counts.skipped++;
        return;
    }
    if (verbose)
        rt_log("%u(%lx, %lx, %lx, %lx, %lx)\n", nr, args[0], args[1], args[2], args[3], args[4]);
    if (rt_hypercall(nr, args[0], args[1], args[2], args[3], args[4]) >= 0)
        counts.succeeded++;
    counts.returned++;
}

/* A number's calls depend on the seed and the number only. */
static void fuzz_number(unsigned int nr, uint64_t seed, uint64_t rounds, bool verbose)
{
    size_t changed;

    rt_log("hypercall %u\n", nr);
    state = seed * NUMBERS + nr;
    memset(scratch, 0, SCRATCH_PAGES * RT_PAGE);
    memset(canary, CANARY, CANARY_PAGES * RT_PAGE);
    for (uint64_t i = 0; i < rounds; i++) {
        if (i % 16 == 0)
            fill_scratch();
        one_call(nr, verbose);
        if (verbose && canary_check() != CANARY_PAGES * RT_PAGE)
            break;
    }
    changed = canary_check();
    if (changed != CANARY_PAGES * RT_PAGE)
        FAIL("other memory is untouched", "hypercall %u changed 0x%lx to %02x", nr,
             (unsigned long)(uintptr_t)(canary + changed), canary[changed]);
}

int rt_main(void)
{
    uint64_t rounds = rt_option_u64("rounds", 300), seed = rt_option_u64("seed", 1);
    uint64_t only = rt_option_u64("only", NUMBERS);

    scratch = rt_pages_alloc(SCRATCH_PAGES + SLACK_PAGES);
    canary = rt_pages_alloc(CANARY_PAGES);
    if (scratch == NULL || canary == NULL) {
        ERROR("hypercall fuzzing", "no memory");
        return REPORT_RESULT();
    }
    for (unsigned int nr = 0; nr < NUMBERS; nr++) {
        if (only == NUMBERS || only == nr)
            fuzz_number(nr, seed, rounds, rt_option_u64("verbose", 0) != 0);
    }
    rt_log("%lu calls returned, %lu of them without an error, %lu left out\n", counts.returned,
           counts.succeeded, counts.skipped);
    PASS("all hypercalls return");
    if (report_failures_ == 0)
        PASS("other memory is untouched");
    EXPECT("the hypervisor still answers",
           rt_hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0) > 0, 0);
    return REPORT_RESULT();
}
