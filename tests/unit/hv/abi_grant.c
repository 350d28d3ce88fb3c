/* SPDX-License-Identifier: MIT */
/*
 * Grants: the handshake with the shared entry, mapping and copying with every refusal, counts that
 * return to zero, and the end of either side.
 */
#include "abi_machine.h"

#include <string.h>

#include <hv/control.h>
#include <hv/errno.h>
#include <hv/grant.h>
#include <xen/grant_table.h>
#include <xen/memory.h>

#include "../../../hv/core/grant_table.h"
#include "test.h"

#define WINDOW 0x10000ULL /* a guest frame with nothing in it */

static struct domain *mgmt, *net, *box, *other;

static void start(void)
{
    sim_start();
    mgmt = sim_domain(BH_DOMID_MGMT, 1, 64);
    net = sim_domain(BH_DOMID_NET, 1, 64);
    box = sim_domain(~0U, 1, 64);
    other = sim_domain(~0U, 1, 64);
}

static struct grant_entry_v1 *entry(struct domain *d, uint32_t ref)
{
    return &d->grant->shared[ref / GRANTS_PER_FRAME][ref % GRANTS_PER_FRAME];
}

static void grant(struct domain *d, uint32_t ref, uint16_t to, uint32_t gfn, uint16_t flags)
{
    *entry(d, ref) =
        (struct grant_entry_v1){.flags = GTF_permit_access | flags, .domid = to, .frame = gfn};
}

static int16_t map(struct domain *d, const struct domain *rd, uint32_t ref, uint64_t gfn,
                   uint32_t flags, uint32_t *handle)
{
    struct gnttab_map_grant_ref op = {.host_addr = gfn << PAGE_SHIFT,
                                      .flags = GNTMAP_host_map | flags,
                                      .ref = ref,
                                      .dom = rd->id,
                                      .status = 77};

    CHECK_EQ(sim_call_arg(d, __HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, &op, sizeof(op)),
             0);
    *handle = op.handle;
    return op.status;
}

static int16_t unmap(struct domain *d, uint64_t gfn, uint32_t handle)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = gfn << PAGE_SHIFT, .handle = handle};

    CHECK_EQ(
        sim_call_arg(d, __HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, &op, sizeof(op)), 0);
    return op.status;
}

static unsigned int pins(struct domain *d, uint64_t gfn)
{
    return frame_pins(frame_of(sim_page(d, gfn)));
}

TEST(map_and_unmap_leave_no_trace)
{
    uint32_t h;

    start();
    grant(box, 8, BH_DOMID_MGMT, 40, 0);
    CHECK_EQ(map(mgmt, box, 8, WINDOW, 0, &h), GNTST_okay);
    CHECK(sim_page(mgmt, WINDOW) == sim_page(box, 40));
    CHECK_EQ(entry(box, 8)->flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(pins(box, 40), 1);
    sim_put(mgmt, WINDOW << PAGE_SHIFT, "hello", 5);
    CHECK(memcmp(sim_page(box, 40), "hello", 5) == 0);
    CHECK_EQ(unmap(mgmt, WINDOW + 1, h), GNTST_bad_virt_addr);
    CHECK_EQ(unmap(mgmt, WINDOW, h), GNTST_okay);
    CHECK_EQ(unmap(mgmt, WINDOW, h), GNTST_bad_handle);
    CHECK(sim_page(mgmt, WINDOW) == NULL);
    CHECK_EQ(entry(box, 8)->flags, GTF_permit_access);
    CHECK_EQ(pins(box, 40), 0);
    CHECK_EQ(box->grant->in_use, 0);
    CHECK(sim_end());
}

TEST(two_mappings_of_one_grant_are_counted)
{
    uint32_t a, b, c;

    start();
    grant(box, 8, BH_DOMID_MGMT, 40, 0);
    CHECK_EQ(map(mgmt, box, 8, WINDOW, GNTMAP_readonly, &a), GNTST_okay);
    CHECK_EQ(entry(box, 8)->flags, GTF_permit_access | GTF_reading);
    CHECK_EQ(map(mgmt, box, 8, WINDOW + 1, 0, &b), GNTST_okay);
    CHECK_EQ(entry(box, 8)->flags, GTF_permit_access | GTF_reading | GTF_writing);
    entry(box, 8)->frame = 41; /* too late: it is pinned */
    entry(box, 8)->domid = BH_DOMID_NET;
    CHECK_EQ(map(mgmt, box, 8, WINDOW + 2, 0, &c), GNTST_okay);
    CHECK(sim_page(mgmt, WINDOW + 2) == sim_page(box, 40));
    CHECK_EQ(map(net, box, 8, WINDOW, 0, &c), GNTST_general_error);
    CHECK_EQ(unmap(mgmt, WINDOW + 1, b), GNTST_okay);
    CHECK_EQ(entry(box, 8)->flags & GTF_writing, GTF_writing);
    CHECK_EQ(unmap(mgmt, WINDOW, a), GNTST_okay);
    CHECK_EQ(pins(box, 40), 1);
    CHECK(sim_end());
}

TEST(read_only_grants_cannot_be_written)
{
    struct gnttab_copy copy = {.dest = {.u.ref = 8, .domid = box->id},
                               .source = {.u.gmfn = 5, .domid = DOMID_SELF},
                               .len = 4,
                               .flags = GNTCOPY_dest_gref};
    uint32_t h;
    uint8_t byte = 1;

    start();
    grant(box, 8, BH_DOMID_MGMT, 40, GTF_readonly);
    CHECK_EQ(map(mgmt, box, 8, WINDOW, 0, &h), GNTST_general_error);
    CHECK_EQ(map(mgmt, box, 8, WINDOW, GNTMAP_readonly, &h), GNTST_okay);
    CHECK_EQ(map(mgmt, box, 8, WINDOW + 1, 0, &h), GNTST_general_error); /* nor later */
    CHECK_EQ(sim_call(mgmt, __HYPERVISOR_xen_version, 1, WINDOW << PAGE_SHIFT, 0), -EFAULT);
    sim_get(mgmt, WINDOW << PAGE_SHIFT, &byte, 1);
    CHECK_EQ(byte, 0);
    copy.dest.domid = box->id;
    CHECK_EQ(sim_call_arg(mgmt, __HYPERVISOR_grant_table_op, GNTTABOP_copy, &copy, sizeof(copy)),
             0);
    CHECK_EQ(copy.status, GNTST_general_error);
    CHECK(sim_end());
}

TEST(grants_that_are_wrong_are_refused)
{
    uint32_t h;

    start();
    CHECK_EQ(map(mgmt, box, 9, WINDOW, 0, &h), GNTST_general_error); /* empty */
    CHECK_EQ(map(mgmt, box, 512, WINDOW, 0, &h), GNTST_bad_gntref);  /* beyond the table */
    CHECK_EQ(map(mgmt, box, ~0U, WINDOW, 0, &h), GNTST_bad_gntref);
    grant(box, 8, BH_DOMID_NET, 40, 0);
    CHECK_EQ(map(mgmt, box, 8, WINDOW, 0, &h), GNTST_general_error);
    grant(box, 8, BH_DOMID_MGMT, 4000, 0); /* no RAM there */
    CHECK_EQ(map(mgmt, box, 8, WINDOW, 0, &h), GNTST_bad_page);
    CHECK_EQ(entry(box, 8)->flags, GTF_permit_access);
    grant(box, 8, BH_DOMID_MGMT, ~0U, 0);
    CHECK_EQ(map(mgmt, box, 8, WINDOW, 0, &h), GNTST_bad_page);
    grant(box, 8, BH_DOMID_MGMT, 40, GTF_sub_page);
    CHECK_EQ(map(mgmt, box, 8, WINDOW, 0, &h), GNTST_general_error);
    grant(box, 8, BH_DOMID_MGMT, 40, 0);
    CHECK_EQ(map(mgmt, box, 8, 5, 0, &h), GNTST_general_error); /* RAM in the way */
    CHECK_EQ(map(mgmt, box, 8, 1ULL << 40, 0, &h), GNTST_general_error);
    CHECK_EQ(map(mgmt, box, 8, WINDOW, GNTMAP_contains_pte, &h), GNTST_general_error);
    grant(box, 8, other->id, 40, 0);
    CHECK_EQ(map(other, box, 8, WINDOW, 0, &h), GNTST_permission_denied); /* sandbox to sandbox */
    CHECK_EQ(pins(box, 40), 0);
    CHECK_EQ(box->grant->in_use, 0);
    CHECK(sim_end());
}

TEST(grants_of_foreign_or_special_frames_are_refused)
{
    struct xen_add_to_physmap add = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = WINDOW};
    uint32_t h, g;

    start();
    grant(mgmt, 8, box->id, 40, 0);
    CHECK_EQ(map(box, mgmt, 8, WINDOW + 1, 0, &h), GNTST_okay);
    grant(box, 8, BH_DOMID_NET, WINDOW + 1, 0); /* hand on what was granted */
    CHECK_EQ(map(net, box, 8, WINDOW, 0, &g), GNTST_bad_page);
    CHECK_EQ(sim_call_arg(box, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add, sizeof(add)),
             0);
    grant(box, 8, BH_DOMID_NET, WINDOW, 0);
    CHECK_EQ(map(net, box, 8, WINDOW, 0, &g), GNTST_bad_page);
    CHECK_EQ(unmap(box, WINDOW + 1, h), GNTST_okay);
    CHECK(sim_end());
}

TEST(a_granted_page_cannot_be_given_back)
{
    struct xen_memory_reservation op = {.nr_extents = 1, .domid = DOMID_SELF};
    struct xen_remove_from_physmap rem = {.domid = DOMID_SELF, .gpfn = WINDOW};
    uint64_t gfn = 40;
    uint32_t h;

    start();
    grant(box, 8, BH_DOMID_MGMT, 40, 0);
    CHECK_EQ(map(mgmt, box, 8, WINDOW, 0, &h), GNTST_okay);
    sim_put(box, 0x4000, &gfn, 8);
    *(uint64_t *)&op.extent_start = 0x4000;
    CHECK_EQ(
        sim_call_arg(box, __HYPERVISOR_memory_op, XENMEM_decrease_reservation, &op, sizeof(op)), 0);
    CHECK(sim_page(box, 40) != NULL);
    /* nor can the mapper drop it behind the grant table's back */
    CHECK_EQ(
        sim_call_arg(mgmt, __HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &rem, sizeof(rem)),
        -EINVAL);
    CHECK_EQ(unmap(mgmt, WINDOW, h), GNTST_okay);
    CHECK_EQ(
        sim_call_arg(box, __HYPERVISOR_memory_op, XENMEM_decrease_reservation, &op, sizeof(op)), 1);
    CHECK(sim_page(box, 40) == NULL);
    grant(box, 8, BH_DOMID_MGMT, 40, 0);
    CHECK_EQ(map(mgmt, box, 8, WINDOW, 0, &h), GNTST_bad_page);
    CHECK(sim_end());
}

TEST(a_domain_with_mapped_pages_is_busy_until_they_are_unmapped)
{
    uint64_t before;
    uint32_t h, g;

    start();
    before = frames_free();
    grant(box, 8, BH_DOMID_MGMT, 40, 0);
    grant(box, 9, BH_DOMID_MGMT, 41, 0);
    CHECK_EQ(map(mgmt, box, 8, WINDOW, 0, &h), GNTST_okay);
    CHECK_EQ(sim_destroy(box), -EBUSY);
    CHECK_EQ(map(mgmt, box, 9, WINDOW + 1, 0, &g), GNTST_bad_domain); /* dying */
    CHECK_EQ(sim_destroy(box), -EBUSY);
    CHECK(sim_page(box, 40) != NULL);
    CHECK_EQ(unmap(mgmt, WINDOW, h), GNTST_okay);
    CHECK_EQ(sim_destroy(box), 0);
    CHECK_EQ(frames_free() > before, true);
    CHECK(sim_end());
}

TEST(the_end_of_the_mapper_releases_everything)
{
    uint32_t h;

    start();
    for (uint32_t i = 0; i < 300; i++) {
        grant(mgmt, 8 + i, box->id, 40 + i % 8, i % 2 ? GTF_readonly : 0);
        CHECK_EQ(map(box, mgmt, 8 + i, WINDOW + i, i % 2 ? GNTMAP_readonly : 0, &h), GNTST_okay);
    }
    CHECK_EQ(mgmt->grant->in_use, 300);
    CHECK_EQ(sim_destroy(box), 0);
    CHECK_EQ(mgmt->grant->in_use, 0);
    for (uint32_t i = 0; i < 300; i++)
        CHECK_EQ(entry(mgmt, 8 + i)->flags & (GTF_reading | GTF_writing), 0);
    CHECK_EQ(pins(mgmt, 40), 0);
    CHECK(sim_end());
}

TEST(a_sandbox_has_a_bounded_number_of_mappings)
{
    uint32_t h, limit = MAPPING_PAGES_SANDBOX * MAPPINGS_PER_PAGE;

    start();
    grant(mgmt, 8, box->id, 40, 0);
    for (uint32_t i = 0; i < limit; i++)
        CHECK_EQ(map(box, mgmt, 8, WINDOW + i, 0, &h), GNTST_okay);
    CHECK_EQ(map(box, mgmt, 8, WINDOW + limit, 0, &h), GNTST_no_space);
    CHECK_EQ(pins(mgmt, 40), 1);
    CHECK_EQ(unmap(box, WINDOW + limit - 1, limit), GNTST_bad_handle);
    CHECK_EQ(unmap(box, WINDOW + limit - 1, ~0U), GNTST_bad_handle);
    CHECK(sim_end());
}

TEST(mapping_fails_cleanly_at_each_allocation)
{
    uint32_t h;

    for (uint64_t n = 0; n < 8; n++) {
        int16_t status;

        start();
        grant(box, 8, BH_DOMID_MGMT, 40, 0);
        sim_keep_free(n);
        status = map(mgmt, box, 8, WINDOW << 9, 0, &h);
        CHECK_EQ(pins(box, 40), status ? 0 : 1);
        CHECK_EQ(box->grant->in_use, status ? 0 : 1);
        CHECK_EQ(entry(box, 8)->flags & GTF_reading, status ? 0 : GTF_reading);
        CHECK(n < 4 || !status);
        CHECK(sim_end());
    }
}

static int16_t copy(struct domain *d, struct gnttab_copy *op)
{
    op->status = 77;
    CHECK_EQ(sim_call_arg(d, __HYPERVISOR_grant_table_op, GNTTABOP_copy, op, sizeof(*op)), 0);
    return op->status;
}

TEST(copies_go_both_ways_and_check_their_bounds)
{
    struct gnttab_copy in = {.source = {.u.ref = 8, .offset = 100},
                             .dest = {.u.gmfn = 20, .domid = DOMID_SELF, .offset = 7},
                             .len = 50,
                             .flags = GNTCOPY_source_gref};
    struct gnttab_copy out = {.source = {.u.gmfn = 20, .domid = DOMID_SELF, .offset = 4000},
                              .dest = {.u.ref = 9, .offset = 0},
                              .len = 96,
                              .flags = GNTCOPY_dest_gref};

    start();
    in.source.domid = out.dest.domid = box->id;
    grant(box, 8, BH_DOMID_NET, 40, GTF_readonly);
    grant(box, 9, BH_DOMID_NET, 41, 0);
    memset(sim_page(box, 40), 0xab, PAGE_SIZE);
    memset(sim_page(net, 20), 0x11, PAGE_SIZE);
    CHECK_EQ(copy(net, &in), GNTST_okay);
    CHECK(sim_page(net, 20)[6] == 0x11 && sim_page(net, 20)[7] == 0xab);
    CHECK(sim_page(net, 20)[56] == 0xab && sim_page(net, 20)[57] == 0x11);
    CHECK_EQ(copy(net, &out), GNTST_okay);
    CHECK(sim_page(box, 41)[95] == 0x11 && sim_page(box, 41)[96] == 0);
    out.len = 97;
    CHECK_EQ(copy(net, &out), GNTST_bad_copy_arg);
    out.len = 0xffff;
    CHECK_EQ(copy(net, &out), GNTST_bad_copy_arg);
    in.dest.offset = 0xffff;
    CHECK_EQ(copy(net, &in), GNTST_bad_copy_arg);
    in.dest.offset = 0;
    in.dest.domid = box->id; /* by frame only one's own */
    CHECK_EQ(copy(net, &in), GNTST_permission_denied);
    in.dest = (struct gnttab_copy_ptr){.u.gmfn = 5000, .domid = DOMID_SELF};
    CHECK_EQ(copy(net, &in), GNTST_bad_page);
    in.source.domid = 999;
    CHECK_EQ(copy(net, &in), GNTST_bad_domain);
    CHECK_EQ(entry(box, 8)->flags, GTF_permit_access | GTF_readonly);
    CHECK_EQ(entry(box, 9)->flags, GTF_permit_access);
    CHECK(pins(box, 40) == 0 && pins(net, 20) == 0 && box->grant->in_use == 0);
    CHECK(sim_end());
}

TEST(net_copies_from_one_sandbox_to_another)
{
    struct gnttab_copy op = {.source = {.u.ref = 8},
                             .dest = {.u.ref = 8},
                             .len = 4096,
                             .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref};

    start();
    op.source.domid = box->id;
    op.dest.domid = other->id;
    grant(box, 8, BH_DOMID_NET, 40, GTF_readonly);
    grant(other, 8, BH_DOMID_NET, 41, 0);
    memset(sim_page(box, 40), 0xcd, PAGE_SIZE);
    CHECK_EQ(copy(net, &op), GNTST_okay);
    CHECK(sim_page(other, 41)[4095] == 0xcd);
    op.dest.domid = box->id; /* within one domain, the same grant as source and read-only dest */
    CHECK_EQ(copy(net, &op), GNTST_general_error);
    CHECK_EQ(copy(box, &op), GNTST_general_error);
    CHECK_EQ(box->grant->in_use, 0);
    CHECK(sim_end());
}

TEST(batches_are_done_one_by_one_and_can_be_interrupted)
{
    struct gnttab_copy op[40];

    start();
    grant(box, 8, BH_DOMID_NET, 40, GTF_readonly);
    for (uint32_t i = 0; i < 40; i++)
        op[i] = (struct gnttab_copy){.source = {.u.ref = i % 2 ? 8 : 100, .domid = box->id},
                                     .dest = {.u.gmfn = 20, .domid = DOMID_SELF},
                                     .len = 1,
                                     .status = 77,
                                     .flags = GNTCOPY_source_gref};
    sim_put(net, 0x8ff8, op, sizeof(op)); /* crosses a page */
    sim_preempt_every = 1;
    CHECK_EQ(sim_call(net, __HYPERVISOR_grant_table_op, GNTTABOP_copy, 0x8ff8, 40), 0);
    sim_get(net, 0x8ff8, op, sizeof(op));
    for (uint32_t i = 0; i < 40; i++)
        CHECK_EQ(op[i].status, i % 2 ? GNTST_okay : GNTST_general_error);
    CHECK_EQ(sim_call(net, __HYPERVISOR_grant_table_op, GNTTABOP_copy, 0x8ff8, 1ULL << 31),
             -EINVAL);
    CHECK_EQ(sim_call(net, __HYPERVISOR_grant_table_op, GNTTABOP_copy, 1ULL << 35, 1), -EFAULT);
    CHECK_EQ(sim_call(net, __HYPERVISOR_grant_table_op, GNTTABOP_copy, 0, 0), 0);
    CHECK(sim_end());
}

TEST(table_size_and_version_answer_as_linux_expects)
{
    struct gnttab_query_size size = {.dom = DOMID_SELF};
    struct gnttab_set_version set = {.version = 2};
    struct gnttab_get_version get = {.dom = DOMID_SELF};
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 3};
    struct xen_add_to_physmap add = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .idx = 2, .gpfn = WINDOW};
    uint64_t list[3];

    start();
#define GOP(name, arg) sim_call_arg(box, __HYPERVISOR_grant_table_op, name, &(arg), sizeof(arg))
    CHECK_EQ(GOP(GNTTABOP_query_size, size), 0);
    CHECK(size.nr_frames == 1 && size.max_nr_frames == GRANT_FRAMES_MAX && !size.status);
    CHECK_EQ(GOP(GNTTABOP_set_version, set), -ENOSYS);
    set.version = 1;
    CHECK_EQ(GOP(GNTTABOP_set_version, set), 0);
    CHECK_EQ(GOP(GNTTABOP_get_version, get), 0);
    CHECK_EQ(get.version, 1);
    CHECK_EQ(sim_call_arg(box, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add, sizeof(add)),
             0);
    CHECK(sim_page(box, WINDOW) == (void *)box->grant->shared[2]);
    *(uint64_t *)&setup.frame_list = 0x5000;
    CHECK_EQ(GOP(GNTTABOP_setup_table, setup), 0);
    CHECK_EQ(setup.status, 0);
    sim_get(box, 0x5000, list, sizeof(list));
    CHECK(list[0] == ~0ULL && list[1] == ~0ULL && list[2] == WINDOW);
    setup.nr_frames = GRANT_FRAMES_MAX + 1;
    CHECK_EQ(GOP(GNTTABOP_setup_table, setup), 0);
    CHECK_EQ(setup.status, GNTST_general_error);
    add.idx = GRANT_FRAMES_MAX;
    CHECK_EQ(sim_call_arg(box, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add, sizeof(add)),
             -EINVAL);
    CHECK_EQ(GOP(GNTTABOP_swap_grant_ref, get), -ENOSYS);
    CHECK(sim_end());
}

TEST(seeding_writes_what_the_guest_would)
{
    start();
    CHECK_EQ(grant_seed(box, 1000, BH_DOMID_MGMT, GTF_permit_access, GFN(40)), 0);
    CHECK(entry(box, 1000)->flags == GTF_permit_access && entry(box, 1000)->frame == 40);
    CHECK_EQ(grant_seed(box, GRANT_FRAMES_MAX * 512, 0, GTF_permit_access, GFN(40)), -EINVAL);
    CHECK_EQ(grant_seed(box, 1, 0, GTF_permit_access | GTF_writing, GFN(40)), -EINVAL);
    CHECK_EQ(grant_seed(box, 1, 0, GTF_permit_access, GFN(1ULL << 32)), -EINVAL);
    CHECK(sim_end());
}
