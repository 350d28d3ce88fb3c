/* SPDX-License-Identifier: MIT */
/*
 * MSRs as guests see them: an allowlist, everything else is #GP. x2APIC registers go to vlapic.c,
 * what lives in the control block to the backend.
 */
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/hvm.h>
#include <hv/lib.h>
#include <hv/vcpu.h>
#include <hv/x86.h>

#define MSR_XEN_HYPERCALL_PAGE 0x40000000U
#define HYPERCALL_STUBS 128U
#define STUB_BYTES 32U

enum action {
    READ_CONST, /* reads as value, writes are ignored */
    READ_ONLY,  /* reads as value, writes are #GP */
};

static const struct {
    uint32_t index;
    enum action action;
    uint64_t value;
} policy[] = {
    {0x17, READ_ONLY, 0},                /* PLATFORM_ID */
    {MSR_FEATURE_CONTROL, READ_ONLY, 1}, /* locked, nothing on */
    {0x79, READ_CONST, 0},               /* microcode update trigger */
    {0x8b, READ_CONST, 0},               /* microcode revision */
    {0xce, READ_ONLY, 0},                /* PLATFORM_INFO */
    {0x1a0, READ_CONST, 1},              /* MISC_ENABLE: fast strings */
    {0x1d9, READ_CONST, 0},              /* DEBUGCTL */
    {0xc0010055, READ_CONST, 0},         /* INT_PENDING */
    {0xc0010058, READ_ONLY, 0},          /* MMIO_CFG_BASE: off */
};

static uint64_t apic_base(const struct vcpu *v)
{
    return 0xfee00c00ULL | (v->id ? 0 : 0x100); /* enabled, x2APIC; boot CPU */
}

int msr_guest_read(struct vcpu *v, uint32_t index, uint64_t *value)
{
    int r;

    if (index - 0x800 < 0x100)
        return vlapic_read(v, index, value);
    r = hvm->get_msr(v, index, value);
    if (r != -ENOENT)
        return r;
    if (index == MSR_APIC_BASE) {
        *value = apic_base(v);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(policy); i++)
        if (policy[i].index == index) {
            *value = policy[i].value;
            return 0;
        }
    return -EINVAL;
}

/* Xen's hypercall page: stub n is "mov $n, %eax; vmcall or vmmcall; ret" at n * 32. */
static int fill_hypercall_page(struct vcpu *v, uint64_t gpa)
{
    uint8_t stub[STUB_BYTES];

    for (uint32_t n = 0; n < HYPERCALL_STUBS; n++) {
        memset(stub, 0xcc, sizeof(stub));
        stub[0] = 0xb8;
        memcpy(stub + 1, &n, 4);
        memcpy(stub + 5, hvm->hypercall_insn, 3);
        stub[8] = 0xc3;
        if (guest_copy_to_gpa(v->d, gpa + n * STUB_BYTES, stub, sizeof(stub)))
            return -EINVAL;
    }
    return 0;
}

int msr_guest_write(struct vcpu *v, uint32_t index, uint64_t value)
{
    int r;

    if (index - 0x800 < 0x100)
        return vlapic_write(v, index, value);
    r = hvm->set_msr(v, index, value);
    if (r != -ENOENT)
        return r;
    if (index == MSR_APIC_BASE)
        return value == apic_base(v) ? 0 : -EINVAL;
    if (index == MSR_XEN_HYPERCALL_PAGE)
        return value & (PAGE_SIZE - 1) ? -EINVAL : fill_hypercall_page(v, value);
    for (size_t i = 0; i < ARRAY_SIZE(policy); i++)
        if (policy[i].index == index)
            return policy[i].action == READ_CONST ? 0 : -EINVAL;
    return -EINVAL;
}
