/* SPDX-License-Identifier: MIT */
/*
 * CPUID policy on this machine's own CPUID: what must be hidden is hidden whatever the machine is,
 * what Xen guests look for is there.
 */
#include <hv/domain.h>
#include <hv/hvm.h>
#include <hv/lib.h>
#include <hv/vcpu.h>
#include <hv/x86.h>

#include "host.h"
#include "test.h"

const struct hvm_ops *hvm;
uint64_t fpu_features = 7;
uint32_t fpu_area_bytes = 832;
uint64_t tsc_khz = 2000000;

static struct domain dom = {.id = 4, .nr_vcpus = 3};
static struct vcpu vcpu = {.d = &dom, .id = 2, .lapic = {.id = 2}};
static uint64_t guest_cr4;

static void get_paging(const struct vcpu *v, struct guest_paging *out)
{
    (void)v;
    *out = (struct guest_paging){.cr4 = guest_cr4};
}

static const struct hvm_ops ops = {.get_paging = get_paging};

static struct cpuid_regs ask(uint32_t leaf, uint32_t sub)
{
    struct cpuid_regs r;

    if (!hvm) {
        hvm = &ops;
        cpuid_init();
    }
    cpuid_guest(&vcpu, leaf, sub, &r);
    return r;
}

static bool none(struct cpuid_regs r)
{
    return !r.eax && !r.ebx && !r.ecx && !r.edx;
}

TEST(limits_and_unknown_leaves)
{
    CHECK_EQ(ask(0, 0).eax, 0xd);
    CHECK_EQ(ask(0x80000000U, 0).eax, 0x80000008U);
    CHECK(none(ask(0xe, 0)));
    CHECK(none(ask(0x14, 1)));
    CHECK(none(ask(0x80000009U, 0)));
    CHECK(none(ask(0x8000000aU, 0))); /* SVM */
    CHECK(none(ask(0x8000001fU, 0)));
    CHECK(none(ask(0x40000005U, 0)));
    CHECK(none(ask(0x40000100U, 0)));
    CHECK(none(ask(0xffffffffU, 7)));
    CHECK(none(ask(5, 0))); /* MONITOR */
    CHECK(none(ask(6, 0)));
    CHECK(none(ask(0xa, 0))); /* performance counters */
    CHECK(none(ask(7, 1)));
    CHECK(none(ask(0xd, 8)));
    CHECK(none(ask(0xd, 63)));
}

TEST(hidden_features_stay_hidden)
{
    struct cpuid_regs f = ask(1, 0), s = ask(7, 0), x = ask(0x80000001U, 0);

    CHECK_EQ(f.ecx & (1U << 3 | 1U << 5 | 1U << 6 | 1U << 15 | 1U << 24), 0);
    CHECK_EQ(f.edx & (1U << 7 | 1U << 12 | 1U << 14 | 1U << 22 | 1U << 21 | 1U << 29), 0);
    CHECK_EQ(s.ecx & (1U << 16 | 1U << 7), 0); /* LA57, shadow stacks */
    CHECK_EQ(s.ebx & (1U << 2 | 1U << 4 | 1U << 11 | 1U << 14 | 1U << 25), 0);
    CHECK_EQ(x.ecx & (1U << 2 | 1U << 22), 0); /* SVM, TOPOEXT */
    CHECK_EQ(ask(0xd, 1).eax & 8, 0);          /* XSAVES */
}

TEST(shown_features_are_shown)
{
    CHECK(ask(1, 0).ecx & 1U << 31); /* hypervisor */
    CHECK(ask(1, 0).ecx & 1U << 21); /* x2APIC */
    CHECK(ask(1, 0).edx & 1U << 9);  /* APIC */
    CHECK(ask(0x80000007U, 0).edx & 1U << 8);
    CHECK(ask(0x80000001U, 0).edx & 1U << 29);
}

TEST(dynamic_bits_follow_the_guest)
{
    guest_cr4 = 0;
    CHECK_EQ(ask(1, 0).ecx & 1U << 27, 0);
    guest_cr4 = 1U << 18;
    CHECK(ask(1, 0).ecx & 1U << 27);
    CHECK_EQ(ask(1, 0).ebx >> 24, 2);
    CHECK_EQ(ask(1, 0).ebx >> 16 & 0xff, 3);
}

TEST(topology_names_the_vcpu)
{
    CHECK_EQ(ask(0xb, 0).edx, 2);
    CHECK_EQ(ask(0xb, 0).ebx, 1);
    CHECK_EQ(ask(0xb, 0).ecx, 0x100);
    CHECK_EQ(ask(0xb, 1).ebx, 3);
    CHECK_EQ(ask(0xb, 1).ecx, 0x201);
    CHECK_EQ(ask(0xb, 2).ecx, 2);
    CHECK_EQ(ask(0xb, 2).eax, 0);
}

TEST(xsave_is_what_guests_may_have)
{
    CHECK_EQ(ask(0xd, 0).eax, 7);
    CHECK_EQ(ask(0xd, 0).ecx, 832);
    CHECK_EQ(ask(0xd, 0).edx, 0);
    CHECK(none(ask(0xd, 5)));
    CHECK(none(ask(0xd, 9)));
    CHECK_EQ(ask(7, 0).ebx & 1U << 16, 0); /* no AVX-512 without its state */
    CHECK_EQ(ask(7, 0).ecx & 1U << 3, 0);  /* no PKU */
}

TEST(xen_leaves)
{
    struct cpuid_regs r = ask(0x40000000U, 0);

    CHECK_EQ(r.eax, 0x40000004U);
    CHECK(!memcmp(&r.ebx, "XenVMMXenVMM", 12));
    CHECK_EQ(ask(0x40000001U, 0).eax, 0x40011);
    CHECK_EQ(ask(0x40000002U, 0).eax, 1);
    CHECK_EQ(ask(0x40000002U, 0).ebx, 0x40000000U);
    CHECK_EQ(ask(0x40000004U, 0).eax, 8); /* the vcpu id, and nothing that ties it to a domain */
    CHECK_EQ(ask(0x40000004U, 0).ebx, 2);
    CHECK_EQ(ask(0x40000004U, 0).ecx, 0);
}
