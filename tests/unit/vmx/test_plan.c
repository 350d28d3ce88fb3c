/* SPDX-License-Identifier: MIT */
/* The choice of controls from the capability MSRs of Bochs' corei7_skylake_x, as read there. */
#include <string.h>
#include "test.h"
#include "vmx.h"

static const struct vmx_caps bochs = {
    .basic = 0x00d810000000002bULL,
    .pin = 0x0000007f00000016ULL,
    .cpu = 0xf7f9fffe04006172ULL,
    .cpu2 = 0x02177fff00000000ULL,
    .exit = 0x007fffff00036dfbULL,
    .entry = 0x0000ffff000011fbULL,
    .misc = 0x00000000600401e0ULL,
    .ept_vpid = 0x00000f0106334141ULL,
    .cr0_fixed0 = 0x80000021ULL,
    .cr0_fixed1 = 0xffffffffULL,
    .cr4_fixed0 = 0x2000ULL,
    .cr4_fixed1 = 0x3727ffULL,
};

static const char *refusal(const struct vmx_caps *caps)
{
    struct vmx_plan plan;
    const char *missing = NULL;

    memset(&plan, 0x5a, sizeof(plan));
    CHECK_EQ(vmx_make_plan(caps, &plan, &missing), (uint64_t)-19); /* -ENODEV */
    CHECK_EQ(plan.revision, 0x5a5a5a5a);
    return missing;
}

TEST(plan_for_bochs)
{
    struct vmx_plan p;
    const char *missing;

    CHECK_EQ(vmx_make_plan(&bochs, &p, &missing), 0);
    CHECK_EQ(p.revision, 0x2b);
    CHECK_EQ(p.pin, 0x16 | PIN_EXTERNAL_INTERRUPT | PIN_NMI);
    CHECK_EQ(p.cpu, 0x04006172U | CPU_TSC_OFFSETTING | CPU_HLT | CPU_MWAIT | CPU_RDPMC |
                        CPU_CR8_LOAD | CPU_CR8_STORE | CPU_MOV_DR | CPU_IO_BITMAPS |
                        CPU_MSR_BITMAPS | CPU_MONITOR | CPU_SECONDARY);
    CHECK_EQ(p.cpu2,
             CPU2_EPT | CPU2_VPID | CPU2_WBINVD | CPU2_UNRESTRICTED | CPU2_RDTSCP | CPU2_INVPCID);
    CHECK_EQ(p.entry & ENTRY_IA32E, 0);
    CHECK_EQ(p.exit & EXIT_ACK_INTERRUPT, 0);
    CHECK_EQ(p.guest_cr4_may, 0x3707ff); /* no VMXE */
}

TEST(plan_names_what_is_missing)
{
    struct vmx_caps c = bochs;
    const char *missing;

    c.cpu2 &= ~((uint64_t)CPU2_UNRESTRICTED << 32);
    CHECK(strcmp(refusal(&c), "unrestricted guest") == 0);
    c.cpu2 = 0;
    CHECK(strcmp(refusal(&c), "EPT and VPID") == 0);
    c = bochs;
    c.ept_vpid &= ~EPT_CAP_INVEPT_SINGLE;
    CHECK(strstr(refusal(&c), "INVEPT") != NULL);
    c = bochs;
    c.misc &= ~VMX_MISC_STORES_LMA;
    CHECK(strcmp(refusal(&c), "unrestricted guest") == 0);
    c = bochs;
    c.pin &= ~((uint64_t)PIN_NMI << 32);
    CHECK(strcmp(refusal(&c), "interrupt exits") == 0);
    c = bochs;
    c.basic &= ~VMX_BASIC_TRUE_CONTROLS;
    missing = refusal(&c);
    CHECK(strcmp(missing, "true controls") == 0);
}

/* The old, "default1" MSR forces CR3 exits: such a CPU must be refused, not run with wrong exits.
 */
TEST(plan_refuses_forced_exits)
{
    struct vmx_caps c = bochs;

    c.cpu = 0xf7f9fffe0401e172ULL;
    CHECK(strcmp(refusal(&c), "processor-based controls") == 0);
    c = bochs;
    c.entry |= ENTRY_IA32E;
    CHECK(strcmp(refusal(&c), "entry controls") == 0);
}

/* A CPU with SGX: its instructions must exit. PCONFIG raises #UD as long as it is not enabled. */
TEST(plan_takes_optional_intercepts)
{
    struct vmx_caps c = bochs;
    struct vmx_plan p;
    const char *missing;

    c.cpu2 |= (uint64_t)(CPU2_ENCLS | 1U << 27 | CPU2_ENCLV) << 32;
    CHECK_EQ(vmx_make_plan(&c, &p, &missing), 0);
    CHECK((p.cpu2 & CPU2_ENCLS) && (p.cpu2 & CPU2_ENCLV) && !(p.cpu2 & 1U << 27));
}
