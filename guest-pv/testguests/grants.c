/* SPDX-License-Identifier: MIT */
/*
 * Grant tables with ourselves as the other side: copy, map, permissions, references and handles
 * that are not there. Xen does not let a domain map its own grants; where hv does not either, the
 * maps are skipped and copies still run.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>

#include "report.h"
#include "rt/event.h"
#include "rt/grant.h"

/* Runtime internals: reads and writes that may fault. */
int rt_probe_read(const void *p, uint8_t *out);
int rt_probe_write(void *p, uint8_t value);

static uint8_t *page, *other;
static uint16_t self;

static int copy(bool to_foreign, grant_ref ref, uint16_t offset, uint16_t length, void *local)
{
    struct gnt_copy op = {.to_foreign = to_foreign,
                          .dom = self,
                          .ref = ref,
                          .offset = offset,
                          .length = length,
                          .local = local};
    int r = gnt_copy(&op, 1);

    return r < 0 ? r : op.status;
}

static void test_copy(grant_ref rw, grant_ref ro)
{
    int r;

    for (int i = 0; i < 4096; i++) {
        page[i] = (uint8_t)(i * 7);
        other[i] = 0;
    }
    r = copy(false, rw, 0, 4096, other);
    EXPECT("copy a page from a grant", r == GNTST_okay && memcmp(page, other, 4096) == 0, r);
    memset(other, 0xee, 4096);
    r = copy(false, ro, 100, 50, other + 1000);
    EXPECT("copy a part from a read-only grant",
           r == GNTST_okay && memcmp(page + 100, other + 1000, 50) == 0 && other[999] == 0xee &&
               other[1050] == 0xee,
           r);
    memset(other, 0x33, 4096);
    r = copy(true, rw, 4000, 96, other);
    EXPECT("copy to the end of a grant",
           r == GNTST_okay && page[4095] == 0x33 && page[3999] == (uint8_t)(3999 * 7), r);
    r = copy(true, ro, 0, 16, other);
    EXPECT("copy to a read-only grant is refused",
           r == GNTST_permission_denied || r == GNTST_general_error, r);
    EXPECT("and wrote nothing", page[0] == 0 && page[1] == 7, page[0]);
}

static void test_bad_copy(grant_ref rw)
{
    int r = copy(false, rw, 4000, 97, other);

    EXPECT("copy across the end is refused", r == GNTST_bad_copy_arg, r);
    r = copy(false, rw, 0, 4096, other + 1);
    EXPECT("copy across our page is refused", r == GNTST_bad_copy_arg, r);
    r = copy(false, 400, 0, 16, other);
    EXPECT("copy of a reference not granted", r < 0, r);
    r = copy(false, UINT32_MAX, 0, 16, other);
    EXPECT("copy of reference ~0", r == GNTST_bad_gntref, r);
    r = copy(false, rw, 0, 16, (void *)(UINT64_C(60) << 30));
    EXPECT("copy to a frame that is not there", r < 0, r);
    self = 0x7000;
    r = copy(false, rw, 0, 16, other);
    EXPECT("copy from a domain that is not there", r < 0, r);
    self = DOMID_SELF;
}

static bool test_map(grant_ref rw)
{
    struct gnt_mapping m = {0};
    int r = gnt_map(self, &rw, 1, false, &m);

    if (r != 0) {
        SKIP("map", "own grants cannot be mapped here: %d", r);
        return false;
    }
    memcpy(page, "granted", 8);
    EXPECT("a mapped page shows what was written", memcmp(m.addr, "granted", 8) == 0, 0);
    memcpy(m.addr, "written", 8);
    EXPECT("a write to the map arrives", memcmp(page, "written", 8) == 0, 0);
    r = gnt_end(rw);
    EXPECT("a mapped grant cannot be ended", r == -EBUSY, r);
    gnt_unmap(&m);
    EXPECT("unmapped", m.addr == NULL, 0);
    gnt_unmap(&m);
    return true;
}

static void test_map_readonly(grant_ref rw, grant_ref ro)
{
    struct gnt_mapping m = {0};
    uint8_t byte = 0;
    int r = gnt_map(self, &ro, 1, false, &m);

    EXPECT("writable map of a read-only grant is refused", r == -EPERM || r == -EIO, r);
    if (r == 0)
        gnt_unmap(&m);
    r = gnt_map(self, &rw, 1, true, &m);
    if (r != 0) {
        FAIL("read-only map", "%d", r);
        return;
    }
    page[10] = 77;
    r = rt_probe_read((uint8_t *)m.addr + 10, &byte);
    EXPECT("read-only map can be read", r == 0 && byte == 77, byte);
    r = rt_probe_write((uint8_t *)m.addr + 10, 78);
    EXPECT("a write to it faults", r == -EFAULT, r);
    EXPECT("and did not arrive", page[10] == 77, page[10]);
    gnt_unmap(&m);
}

static void test_bad_map(void)
{
    struct gnttab_unmap_grant_ref unmap = {.host_addr = UINT64_C(20) << 30, .handle = 12345};
    struct gnt_mapping m = {0};
    grant_ref bad = 401;
    int r = gnt_map(self, &bad, 1, false, &m);

    EXPECT("map of a reference not granted", r != 0, r);
    bad = UINT32_MAX;
    r = gnt_map(self, &bad, 1, false, &m);
    EXPECT("map of reference ~0", r == -EINVAL, r);
    r = (int)rt_hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, (uintptr_t)&unmap,
                          1, 0, 0);
    EXPECT("unmap of a handle not had", r == 0 && unmap.status < 0, unmap.status);
}

/* More grants than the first frame of the table holds. */
static void test_many(uint16_t id)
{
    static grant_ref refs[1500];
    unsigned int n = 0;
    int r = 0;

    while (n < 1500 && (r = gnt_grant(id, page, false, &refs[n])) == 0)
        n++;
    EXPECT("1500 grants", n == 1500, r);
    if (n > 0) {
        memset(other, 0, 16);
        r = copy(false, refs[n - 1], 0, 16, other);
        EXPECT("the last of them works", r == GNTST_okay && memcmp(page, other, 16) == 0, r);
    }
    for (unsigned int i = 0; i < n; i++)
        r = gnt_end(refs[i]) != 0 ? -1 : r;
    EXPECT("all can be ended", r == 0, r);
    EXPECT("ended once only", gnt_end(refs[0]) == -EINVAL, 0);
}

/* A grant entry names its user by id, not by DOMID_SELF. Nobody tells us ours, but the status of a
 * port that waits for ourselves does. */
static uint16_t own_id(void)
{
    struct evtchn_status st = {.dom = DOMID_SELF};
    evtchn_port port;
    long r;

    if (evtchn_alloc_unbound(DOMID_SELF, DOMID_SELF, &port) != 0)
        return DOMID_INVALID;
    st.port = port;
    r = rt_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_status, (uintptr_t)&st, 0, 0, 0);
    evtchn_close(port);
    return r == 0 && st.status == EVTCHNSTAT_unbound ? st.u.unbound.dom : DOMID_INVALID;
}

int rt_main(void)
{
    uint16_t id = own_id();
    grant_ref rw, ro;
    int r;

    self = DOMID_SELF;
    page = rt_pages_alloc(1);
    other = rt_pages_alloc(2);
    if (page == NULL || other == NULL) {
        ERROR("grants", "no memory");
        return REPORT_RESULT();
    }
    if (id == DOMID_INVALID) {
        ERROR("grants", "cannot find out our own id");
        return REPORT_RESULT();
    }
    r = gnt_grant(id, page, false, &rw);
    if (r == 0)
        r = gnt_grant(id, page, true, &ro);
    EXPECT("grant a page", r == 0, r);
    if (r != 0)
        return REPORT_RESULT();
    test_copy(rw, ro);
    test_bad_copy(rw);
    if (test_map(rw))
        test_map_readonly(rw, ro);
    test_bad_map();
    test_many(id);
    r = gnt_end(rw);
    EXPECT("end the grant", r == 0, r);
    r = copy(false, rw, 0, 16, other);
    EXPECT("an ended grant cannot be used", r < 0, r);
    return REPORT_RESULT();
}
