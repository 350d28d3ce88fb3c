/* SPDX-License-Identifier: MIT */
/*
 * Cost of one exit: a hypercall that does nothing (XENVER_version) and CPUID, each 10,000 times by
 * the TSC. Under `-icount shift=0` the TSC counts instructions, so the figures are repeatable.
 */
#include <stdint.h>

#include <xen/version.h>
#include <xen/xen.h>

#include "report.h"

#define TURNS 10000U

static uint64_t tsc(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static void hypercall(void)
{
    rt_hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);
}

static void cpuid(void)
{
    uint32_t eax = 0, ebx, ecx = 0, edx;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
}

static void nothing(void)
{
    __asm__ volatile("");
}

struct figure {
    uint64_t min, average;
};

static struct figure measure(void (*once)(void))
{
    struct figure f = {.min = UINT64_MAX};
    uint64_t start = tsc(), first;

    for (unsigned int i = 0; i < TURNS; i++) {
        uint64_t took;

        first = tsc();
        once();
        took = tsc() - first;
        if (took < f.min)
            f.min = took;
    }
    f.average = (tsc() - start) / TURNS;
    return f;
}

static void bench(const char *min_name, const char *average_name, void (*once)(void),
                  struct figure loop)
{
    struct figure f = measure(once);

    BENCH(min_name, f.min - loop.min, "cycles");
    BENCH(average_name, f.average - loop.average, "cycles");
}

int rt_main(void)
{
    struct figure loop = measure(nothing);
    long version = rt_hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);

    EXPECT("XENVER_version", version > 0, version);
    BENCH("empty_loop_avg", loop.average, "cycles");
    bench("null_hypercall_min", "null_hypercall_avg", hypercall, loop);
    bench("cpuid_exit_min", "cpuid_exit_avg", cpuid, loop);
    return REPORT_RESULT();
}
