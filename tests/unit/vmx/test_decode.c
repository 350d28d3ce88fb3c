/* SPDX-License-Identifier: MIT */
/* Exit qualifications, double faults, MOV to CR0. */
#include <hv/x86.h>
#include "test.h"
#include "vmx.h"

TEST(decode_io)
{
    struct vmexit e = {0};

    vmx_decode_io(0x3f80008, &e); /* in al, dx */
    CHECK_EQ(e.reason, VMEXIT_IO);
    CHECK(e.u.io.port == 0x3f8 && e.u.io.width == 1 && e.u.io.in && !e.u.io.string);
    vmx_decode_io(0xcf80003, &e); /* out dx, eax */
    CHECK(e.u.io.port == 0xcf8 && e.u.io.width == 4 && !e.u.io.in);
    vmx_decode_io(0x1f00039, &e); /* rep insw */
    CHECK(e.u.io.width == 2 && e.u.io.in && e.u.io.string);
    vmx_decode_io(0xffff0041ULL | 0x100000000ULL,
                  &e); /* immediate operand, bits above 31 ignored */
    CHECK(e.u.io.port == 0xffff && e.u.io.width == 2 && !e.u.io.string);
}

TEST(decode_ept)
{
    struct vmexit e = {0};

    vmx_decode_ept(0x182, 0xfee00020, 0xffff888000001234ULL, &e); /* write, nothing there */
    CHECK_EQ(e.reason, VMEXIT_P2M_FAULT);
    CHECK(e.u.fault.write && !e.u.fault.read && !e.u.fault.fetch && !e.u.fault.present);
    CHECK(e.u.fault.gva_valid);
    CHECK_EQ(e.u.fault.gva, 0xffff888000001234ULL);
    vmx_decode_ept(0x2c, 0x1000, 0x99, &e); /* fetch from a page readable and executable-user */
    CHECK(e.u.fault.fetch && e.u.fault.present && !e.u.fault.gva_valid);
    CHECK_EQ(e.u.fault.gva, 0);
}

#define HARD(vector) (EVENT_VALID | EVENT_HARD_EXCEPTION | (vector))
#define DOUBLE_FAULT (HARD(8U) | EVENT_HAS_ERROR)

TEST(exceptions_merge_by_the_table)
{
    CHECK_EQ(vmx_merge_exception(0, 13, true), HARD(13U) | EVENT_HAS_ERROR);
    CHECK_EQ(vmx_merge_exception(0, 6, false), HARD(6U));
    CHECK_EQ(vmx_merge_exception(HARD(13U), 13, true), DOUBLE_FAULT);
    CHECK_EQ(vmx_merge_exception(HARD(14U), 13, true), DOUBLE_FAULT);
    CHECK_EQ(vmx_merge_exception(HARD(14U), 14, true), DOUBLE_FAULT);
    CHECK_EQ(vmx_merge_exception(HARD(0U), 10, true), DOUBLE_FAULT);
    CHECK_EQ(vmx_merge_exception(HARD(13U), 14, true), HARD(14U) | EVENT_HAS_ERROR);
    CHECK_EQ(vmx_merge_exception(HARD(14U), 6, false), HARD(6U));
    /* an interrupt or a benign exception before it does not count */
    CHECK_EQ(vmx_merge_exception(EVENT_VALID | EVENT_EXTERNAL | 13, 13, true),
             HARD(13U) | EVENT_HAS_ERROR);
    CHECK_EQ(vmx_merge_exception(HARD(6U), 13, true), HARD(13U) | EVENT_HAS_ERROR);
    CHECK_EQ(vmx_merge_exception(HARD(8U), 13, true), DOUBLE_FAULT);
}

static struct vmx_cr0_write cr0(uint64_t old, uint64_t value)
{
    return (struct vmx_cr0_write){.old = old, .value = value};
}

TEST(cr0_refuses_impossible_values)
{
    struct vmx_cr0_write w = cr0(CR0_PE, CR0_PG);

    CHECK(vmx_decide_cr0(&w) != 0);
    w = cr0(CR0_PE, CR0_PE | CR0_NW);
    CHECK(vmx_decide_cr0(&w) != 0);
    w = cr0(CR0_PE, CR0_PE | 1ULL << 32);
    CHECK(vmx_decide_cr0(&w) != 0);
    w = cr0(CR0_PE, CR0_PE | CR0_NW | CR0_CD);
    CHECK_EQ(vmx_decide_cr0(&w), 0);
    CHECK(!w.flush && !w.load_pdptes);
}

/* What Linux does on a second CPU: CD and NW off, NE and PG on in one instruction. */
TEST(cr0_enters_long_mode)
{
    struct vmx_cr0_write w = cr0(CR0_PE | CR0_CD | CR0_NW, CR0_PE | CR0_PG | CR0_NE | CR0_WP);

    w.efer = EFER_LME;
    CHECK(vmx_decide_cr0(&w) != 0); /* no PAE */
    w.cr4 = CR4_PAE;
    CHECK_EQ(vmx_decide_cr0(&w), 0);
    CHECK_EQ(w.new_efer, EFER_LME | EFER_LMA);
    CHECK(w.flush && !w.load_pdptes);
    w.tss16 = true;
    CHECK(vmx_decide_cr0(&w) != 0);
    w.tss16 = false;
    w.code64 = true;
    CHECK(vmx_decide_cr0(&w) != 0);
}

TEST(cr0_leaves_long_mode)
{
    struct vmx_cr0_write w = cr0(CR0_PE | CR0_PG, CR0_PE | CR0_CD);

    w.efer = EFER_LME | EFER_LMA;
    w.cr4 = CR4_PAE;
    CHECK_EQ(vmx_decide_cr0(&w), 0);
    CHECK_EQ(w.new_efer, EFER_LME);
    CHECK(w.flush && !w.load_pdptes);
    w.code64 = true;
    CHECK(vmx_decide_cr0(&w) != 0);
    w.code64 = false;
    w.cr4 |= CR4_PCIDE;
    CHECK(vmx_decide_cr0(&w) != 0);
}

TEST(cr0_loads_pdptes_for_pae)
{
    struct vmx_cr0_write w = cr0(CR0_PE, CR0_PE | CR0_PG | CR0_NE);

    CHECK_EQ(vmx_decide_cr0(&w), 0);
    CHECK(!w.load_pdptes); /* two-level paging */
    w.cr4 = CR4_PAE;
    CHECK_EQ(vmx_decide_cr0(&w), 0);
    CHECK(w.load_pdptes && w.new_efer == 0);
}
