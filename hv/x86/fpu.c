/* SPDX-License-Identifier: MIT */
/*
 * x87/SSE/AVX/PKRU state of vcpus, switched eagerly. hv itself uses general registers only, so a
 * guest's state and XCR0 stay in the CPU while hv handles its exits. XSAVES and XSS are hidden.
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/hvm.h>
#include <hv/lib.h>
#include <hv/printk.h>
#include <hv/vcpu.h>
#include <hv/x86.h>

#include "../core/sched.h"

#define XCR0_X87 1ULL
#define XCR0_SSE 2ULL
#define XCR0_AVX 4ULL
#define XCR0_AVX512 0xe0ULL
#define XCR0_PKRU 0x200ULL
#define XCR0_KNOWN (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU)
#define XSAVE_MXCSR_OFFSET 24U
#define MXCSR_RESET 0x1f80U

uint64_t fpu_features;
uint32_t fpu_area_bytes;

static bool has_rdtscp;

void fpu_init_cpu(void)
{
    WRITE_CR(4, READ_CR(4) | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE);
    WRITE_CR(0, READ_CR(0) & ~0xeULL); /* no TS, EM, MP: XSAVE must not fault */
    xsetbv0(fpu_features ? fpu_features : XCR0_X87);
}

void fpu_init(void)
{
    struct cpuid_regs r;

    if (!(cpuid(1, 0).ecx & (1U << 26)))
        panic("this CPU has no XSAVE");
    fpu_features = cpuid(0xd, 0).eax & XCR0_KNOWN;
    if ((fpu_features & XCR0_AVX512) != XCR0_AVX512)
        fpu_features &= ~XCR0_AVX512;
    fpu_init_cpu();
    r = cpuid(0xd, 0);
    fpu_area_bytes = r.ebx;
    has_rdtscp = cpuid(0x80000001, 0).edx & (1U << 27);
}

bool fpu_xcr0_valid(uint64_t x)
{
    if (!(x & XCR0_X87) || (x & ~fpu_features))
        return false;
    if ((x & XCR0_AVX) && !(x & XCR0_SSE))
        return false;
    return !(x & XCR0_AVX512) || ((x & XCR0_AVX512) == XCR0_AVX512 && (x & XCR0_AVX));
}

int fpu_vcpu_init(struct vcpu *v)
{
    uint32_t mxcsr = MXCSR_RESET;

    v->xsave_order = fpu_area_bytes > PAGE_SIZE ? 1 : 0;
    if (fpu_area_bytes > 2 * PAGE_SIZE)
        return -ENOMEM;
    v->xsave = domain_alloc_struct(v->d, v->xsave_order);
    if (!v->xsave)
        return -ENOMEM;
    memcpy((char *)v->xsave + XSAVE_MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
    v->xcr0 = XCR0_X87;
    return 0;
}

void fpu_vcpu_destroy(struct vcpu *v)
{
    if (v->xsave)
        domain_free_struct(v->d, v->xsave, v->xsave_order);
    v->xsave = NULL;
}

void fpu_switch_in(struct vcpu *v)
{
    __asm__ volatile("xrstor64 (%0)" ::"r"(v->xsave), "a"(~0U), "d"(~0U) : "memory");
    xsetbv0(v->xcr0);
    if (has_rdtscp)
        wrmsr(MSR_TSC_AUX, v->tsc_aux);
}

void fpu_switch_out(struct vcpu *v)
{
    v->xcr0 = xgetbv0(); /* not every CPU that we run on intercepts XSETBV */
    xsetbv0(fpu_features);
    __asm__ volatile("xsave64 (%0)" ::"r"(v->xsave), "a"(~0U), "d"(~0U) : "memory");
    if (has_rdtscp)
        v->tsc_aux = rdmsr(MSR_TSC_AUX);
}

void vcpu_switch_in(struct vcpu *v)
{
    v->fault_retries = 0;
    fpu_switch_in(v);
    hvm->switch_in(v);
}

void vcpu_switch_out(struct vcpu *v)
{
    hvm->switch_out(v);
    fpu_switch_out(v);
}
