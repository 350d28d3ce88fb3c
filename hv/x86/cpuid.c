/* SPDX-License-Identifier: MIT */
/*
 * CPUID as guests see it: an allowlist. The machine is read once at boot and masked by the table
 * below; an exit then costs an array access and, for a few leaves, what differs by vcpu.
 * Xen's leaves are at 0x40000000 (xen/arch-x86/cpuid.h).
 */
#include <hv/config.h>
#include <hv/domain.h>
#include <hv/hvm.h>
#include <hv/lib.h>
#include <hv/time.h>
#include <hv/vcpu.h>
#include <hv/x86.h>

#define MAX_BASIC 0xdU
#define MAX_EXT 0x80000008U
#define XEN_BASE 0x40000000U
#define XEN_LEAVES 5U
#define XEN_VERSION (4U << 16 | 17U)
#define XSAVE_SUBLEAVES 10U

/* Bits that pass, by register. Leaves without a line read as zero. */
struct mask {
    uint32_t leaf, sub;
    uint32_t eax, ebx, ecx, edx;
};

#define ALL 0xffffffffU

static const struct mask allow[] = {
    /* eax: signature. ebx: CLFLUSH size; the rest is per vcpu.
       ecx: SSE3 PCLMUL SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND.
       edx without MCE MTRR MCA ACPI and debug store */
    {0x1, 0, ALL, 0x0000ff00, 0x76da3203, 0x078bab7f},
    {0x2, 0, ALL, ALL, ALL, ALL},
    /* FSGSBASE BMI AVX2 SMEP BMI2 ERMS INVPCID AVX512 RDSEED ADX SMAP CLFLUSHOPT CLWB SHA;
       UMIP PKU VBMI GFNI VAES VPCLMUL VNNI BITALG VPOPCNTDQ RDPID; FSRM. No LA57, no CET */
    {0x7, 0, 0, 0xf19f07a9, 0x00405f4a, 0x00000010},
    {0xd, 0, 0, 0, ALL, 0},
    {0xd, 1, 0x7, 0, 0, 0}, /* XSAVEOPT XSAVEC XGETBV1, no XSAVES */
    {0xd, 2, ALL, ALL, ALL, 0},
    {0xd, 5, ALL, ALL, ALL, 0},
    {0xd, 6, ALL, ALL, ALL, 0},
    {0xd, 7, ALL, ALL, ALL, 0},
    {0xd, 9, ALL, ALL, ALL, 0},
    /* LAHF CR8 ABM SSE4A MISALIGNSSE PREFETCHW: no SVM, no TOPOEXT; SYSCALL NX 1G RDTSCP LM */
    {0x80000001, 0, ALL, 0, 0x000001f1, 0x2fd3ab7f},
    {0x80000002, 0, ALL, ALL, ALL, ALL},
    {0x80000003, 0, ALL, ALL, ALL, ALL},
    {0x80000004, 0, ALL, ALL, ALL, ALL},
    {0x80000005, 0, ALL, ALL, ALL, ALL},
    {0x80000006, 0, ALL, ALL, ALL, ALL},
    {0x80000007, 0, 0, 0, 0, 0x100}, /* invariant TSC */
    {0x80000008, 0, 0x0000ffff, 0, 0, 0},
};

static struct cpuid_regs basic[MAX_BASIC + 1], ext[MAX_EXT - 0x80000000U + 1];
static struct cpuid_regs xsave_sub[XSAVE_SUBLEAVES];
static struct cpuid_regs cache_sub[4]; /* leaf 4 */

static struct cpuid_regs *slot(uint32_t leaf, uint32_t sub)
{
    if (leaf == 0xd)
        return &xsave_sub[sub];
    return leaf >= 0x80000000U ? &ext[leaf - 0x80000000U] : &basic[leaf];
}

static void patch_tables(void)
{
    struct cpuid_regs max = cpuid(0, 0), extmax = cpuid(0x80000000U, 0);
    uint32_t phys = ext[8].eax & 0xff;

    basic[0] = (struct cpuid_regs){MAX_BASIC, max.ebx, max.ecx, max.edx};
    ext[0] = (struct cpuid_regs){MAX_EXT, extmax.ebx, extmax.ecx, extmax.edx};
    basic[1].ecx |= 1U << 31 | 1U << 21; /* hypervisor, x2APIC */
    ext[7].edx |= 0x100;
    ext[8].eax = 48U << 8 | MIN(phys, MAX_GPA_BITS);
    if (!(fpu_features & 0xe0))
        basic[7].ebx &= 0x0f9effffU & ~(1U << 17 | 1U << 16);
    if (!(fpu_features & 0x200))
        basic[7].ecx &= ~(1U << 3);
    xsave_sub[0].eax = (uint32_t)fpu_features;
    xsave_sub[0].ecx = fpu_area_bytes;
    xsave_sub[0].edx = (uint32_t)(fpu_features >> 32);
    for (uint32_t i = 2; i < XSAVE_SUBLEAVES; i++)
        if (!(fpu_features >> i & 1))
            xsave_sub[i] = (struct cpuid_regs){0, 0, 0, 0};
    for (uint32_t i = 0; i < ARRAY_SIZE(cache_sub); i++) {
        cache_sub[i] = max.eax >= 4 ? cpuid(4, i) : (struct cpuid_regs){0, 0, 0, 0};
        cache_sub[i].eax &= 0x3fff; /* nobody shares a cache as far as a guest is concerned */
    }
}

void cpuid_init(void)
{
    uint32_t max = cpuid(0, 0).eax, extmax = cpuid(0x80000000U, 0).eax;

    for (size_t i = 0; i < ARRAY_SIZE(allow); i++) {
        const struct mask *m = &allow[i];
        struct cpuid_regs r = {0, 0, 0, 0};

        if (m->leaf <= (m->leaf >= 0x80000000U ? extmax : max))
            r = cpuid(m->leaf, m->sub);
        *slot(m->leaf, m->sub) =
            (struct cpuid_regs){r.eax & m->eax, r.ebx & m->ebx, r.ecx & m->ecx, r.edx & m->edx};
    }
    patch_tables();
}

uint64_t cpuid_efer_allowed(void)
{
    uint32_t edx = ext[1].edx;

    return EFER_SCE | EFER_LME | EFER_LMA | (edx & (1U << 20) ? EFER_NXE : 0) |
           (edx & (1U << 25) ? EFER_FFXSR : 0);
}

/* Leaf 0Bh: one thread a core, all cores in one package, APIC id = vcpu id. */
static void topology(const struct vcpu *v, uint32_t sub, struct cpuid_regs *out)
{
    *out = (struct cpuid_regs){0, 0, sub & 0xff, v->lapic.id};
    if (sub == 0) {
        out->ebx = 1;
        out->ecx |= 1U << 8;
    } else if (sub == 1) {
        out->eax = 4; /* 16 ids */
        out->ebx = v->d->nr_vcpus;
        out->ecx |= 2U << 8;
    }
}

/* Bytes of the XSAVE area for the present XCR0: SDM vol. 1, 13.4 "XSAVE Area". */
static uint32_t xsave_bytes(bool compacted)
{
    uint64_t xcr0 = xgetbv0();
    uint32_t bytes = 576;

    for (uint32_t i = 2; i < XSAVE_SUBLEAVES; i++) {
        if (!(xcr0 >> i & 1))
            continue;
        if (!compacted)
            bytes = MAX(bytes, xsave_sub[i].ebx + xsave_sub[i].eax);
        else if (xsave_sub[i].ecx & 2)
            bytes = ALIGN_UP(bytes, 64U) + xsave_sub[i].eax;
        else
            bytes += xsave_sub[i].eax;
    }
    return bytes;
}

/* Leaf 0Dh: the sizes for the present XCR0 are worked out from the sub-leaves. */
static void xsave_leaf(uint32_t sub, struct cpuid_regs *out)
{
    *out = sub < XSAVE_SUBLEAVES ? xsave_sub[sub] : (struct cpuid_regs){0, 0, 0, 0};
    if (sub == 0)
        out->ebx = xsave_bytes(false);
    else if (sub == 1 && (out->eax & 2)) /* XSAVEC */
        out->ebx = xsave_bytes(true);
}

static void xen_leaf(const struct vcpu *v, uint32_t leaf, uint32_t sub, struct cpuid_regs *out)
{
    *out = (struct cpuid_regs){0, 0, 0, 0};
    switch (leaf - XEN_BASE) {
    case 0:
        *out = (struct cpuid_regs){XEN_BASE + XEN_LEAVES - 1, 0x566e6558, 0x65584d4d, 0x4d4d566e};
        break;
    case 1:
        out->eax = XEN_VERSION;
        break;
    case 2: /* one hypercall page, by this MSR */
        out->eax = 1;
        out->ebx = XEN_BASE;
        break;
    case 3: /* the TSC is never emulated */
        if (sub == 0) {
            out->ebx = 2;
            out->ecx = (uint32_t)tsc_khz;
        }
        break;
    case 4: /* the vcpu id is valid; nothing else, so upcalls come by HVM_PARAM_CALLBACK_IRQ */
        if (sub == 0) {
            out->eax = 1U << 3;
            out->ebx = v->id;
        }
        break;
    }
}

void cpuid_guest(struct vcpu *v, uint32_t leaf, uint32_t sub, struct cpuid_regs *out)
{
    struct guest_paging paging;

    if (leaf - XEN_BASE < XEN_LEAVES) {
        xen_leaf(v, leaf, sub, out);
        return;
    }
    if (leaf >= 0x80000000U && leaf <= MAX_EXT) {
        *out = ext[leaf - 0x80000000U];
        return;
    }
    if (leaf > MAX_BASIC) {
        *out = (struct cpuid_regs){0, 0, 0, 0};
        return;
    }
    *out = basic[leaf];
    switch (leaf) {
    case 1:
        out->ebx |= v->lapic.id << 24 | v->d->nr_vcpus << 16;
        if (v->d->nr_vcpus > 1)
            out->edx |= 1U << 28;
        hvm->get_paging(v, &paging);
        if (paging.cr4 & CR4_OSXSAVE)
            out->ecx |= 1U << 27;
        break;
    case 4:
        *out = sub < ARRAY_SIZE(cache_sub) ? cache_sub[sub] : (struct cpuid_regs){0, 0, 0, 0};
        break;
    case 7:
        if (sub)
            *out = (struct cpuid_regs){0, 0, 0, 0};
        hvm->get_paging(v, &paging);
        if (!sub && (paging.cr4 & CR4_PKE))
            out->ecx |= 1U << 4;
        break;
    case 0xb:
        topology(v, sub, out);
        break;
    case 0xd:
        xsave_leaf(sub, out);
        break;
    }
}
