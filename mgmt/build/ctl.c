/* SPDX-License-Identifier: MIT */
/*
 * The control hypercall, command by command. The request structure is on the caller's stack:
 * threads only interleave between calls, in the loops that repeat a call for the hypervisor.
 */
#include "ctl.h"

#include <errno.h>
#include <string.h>

#include <rt/rt.h>
#include <rt/thread.h>

static void prepare(struct bh_control *c, uint32_t cmd, uint16_t domid)
{
    memset(c, 0, sizeof(*c));
    c->version = BH_CONTROL_VERSION;
    c->cmd = cmd;
    c->domid = domid;
}

static int issue(struct bh_control *c)
{
    return (int)rt_hypercall(__HYPERVISOR_bh_control, (unsigned long)(uintptr_t)c, 0, 0, 0, 0);
}

static int simple(uint32_t cmd, uint16_t domid)
{
    struct bh_control c;

    prepare(&c, cmd, domid);
    return issue(&c);
}

int ctl_sysinfo(struct bh_ctl_sysinfo *out)
{
    struct bh_control c;
    int rc;

    prepare(&c, BH_CTL_SYSINFO, 0);
    rc = issue(&c);
    if (rc == 0)
        *out = c.u.sysinfo;
    return rc;
}

int ctl_create(uint64_t max_frames, uint32_t nr_vcpus, uint16_t *domid)
{
    struct bh_control c;
    int rc;

    prepare(&c, BH_CTL_CREATE, 0);
    c.u.create.max_frames = max_frames;
    c.u.create.nr_vcpus = nr_vcpus;
    rc = issue(&c);
    if (rc == 0)
        *domid = (uint16_t)c.domid;
    return rc;
}

int ctl_populate(uint16_t domid, uint64_t first_gfn, uint64_t nr_frames)
{
    struct bh_control c;
    int rc;

    for (;;) {
        prepare(&c, BH_CTL_POPULATE, domid);
        c.u.populate.first_gfn = first_gfn;
        c.u.populate.nr_frames = nr_frames;
        rc = issue(&c);
        if (rc != -EAGAIN)
            return rc;
        if (c.u.populate.nr_frames > nr_frames)
            return -EIO;
        first_gfn += nr_frames - c.u.populate.nr_frames;
        nr_frames = c.u.populate.nr_frames;
        thread_yield();
    }
}

/* The hypervisor may take a large copy in slices, so it is cut here: each slice is one call. */
#define WRITE_SLICE (1U << 20)

static int write_slices(uint16_t domid, uint64_t gpa, const uint8_t *data, uint64_t length)
{
    struct bh_control c;
    int rc;

    while (length > 0) {
        uint64_t n = length < WRITE_SLICE ? length : WRITE_SLICE;

        prepare(&c, BH_CTL_WRITE, domid);
        c.u.write.gpa = gpa;
        c.u.write.buffer = (uint64_t)(uintptr_t)data;
        c.u.write.length = n;
        rc = issue(&c);
        if (rc == -EAGAIN) {
            thread_yield();
            continue;
        }
        if (rc != 0)
            return rc;
        gpa += n;
        length -= n;
        if (data != NULL)
            data += n;
        if (length > 0)
            thread_yield();
    }
    return 0;
}

int ctl_write(uint16_t domid, uint64_t gpa, const void *data, uint64_t length)
{
    return data == NULL ? -EINVAL : write_slices(domid, gpa, data, length);
}

int ctl_zero(uint16_t domid, uint64_t gpa, uint64_t length)
{
    return write_slices(domid, gpa, NULL, length);
}

int ctl_set_entry(uint16_t domid, uint32_t eip, uint32_t ebx)
{
    struct bh_control c;

    prepare(&c, BH_CTL_SET_ENTRY, domid);
    c.u.entry.eip = eip;
    c.u.entry.ebx = ebx;
    return issue(&c);
}

int ctl_set_param(uint16_t domid, uint32_t index, uint64_t value)
{
    struct bh_control c;

    prepare(&c, BH_CTL_SET_PARAM, domid);
    c.u.param.index = index;
    c.u.param.value = value;
    return issue(&c);
}

int ctl_get_param(uint16_t domid, uint32_t index, uint64_t *value)
{
    struct bh_control c;
    int rc;

    prepare(&c, BH_CTL_GET_PARAM, domid);
    c.u.param.index = index;
    rc = issue(&c);
    if (rc == 0)
        *value = c.u.param.value;
    return rc;
}

int ctl_seed_grant(uint16_t domid, uint32_t ref, uint16_t to, uint64_t gfn)
{
    struct bh_control c;

    prepare(&c, BH_CTL_SEED_GRANT, domid);
    c.u.grant.ref = ref;
    c.u.grant.to = to;
    c.u.grant.flags = 1; /* GTF_permit_access */
    c.u.grant.gfn = gfn;
    return issue(&c);
}

int ctl_pause(uint16_t domid)
{
    return simple(BH_CTL_PAUSE, domid);
}

int ctl_unpause(uint16_t domid)
{
    return simple(BH_CTL_UNPAUSE, domid);
}

int ctl_shutdown(uint16_t domid, uint32_t reason)
{
    struct bh_control c;

    prepare(&c, BH_CTL_SHUTDOWN, domid);
    c.u.shutdown.reason = reason;
    return issue(&c);
}

int ctl_destroy_step(uint16_t domid)
{
    return simple(BH_CTL_DESTROY, domid);
}

int ctl_getinfo(uint16_t domid, struct bh_ctl_info *out)
{
    struct bh_control c;
    int rc;

    prepare(&c, BH_CTL_GETINFO, domid);
    rc = issue(&c);
    if (rc == 0)
        *out = c.u.info;
    return rc;
}

int ctl_pci_assign(uint16_t domid, uint16_t bdf)
{
    struct bh_control c;

    prepare(&c, BH_CTL_PCI_ASSIGN, domid);
    c.u.pci.bdf = bdf;
    return issue(&c);
}

int ctl_pci_read(uint16_t bdf, uint16_t offset, uint32_t width, uint32_t *value)
{
    struct bh_control c;
    int rc;

    prepare(&c, BH_CTL_PCI_CFG, 0);
    c.u.pcicfg.bdf = bdf;
    c.u.pcicfg.offset = offset;
    c.u.pcicfg.width = width;
    rc = issue(&c);
    if (rc == 0)
        *value = c.u.pcicfg.value;
    return rc;
}

int ctl_power(uint32_t action, uint32_t status)
{
    struct bh_control c;

    prepare(&c, BH_CTL_POWER, 0);
    c.u.power.action = action;
    c.u.power.status = status;
    return issue(&c);
}

int ctl_scan_free(uint64_t pattern, uint64_t *found)
{
    struct bh_control c;
    uint64_t next = 0, sum = 0;
    int rc;

    do {
        prepare(&c, BH_CTL_SCAN_FREE, 0);
        c.u.scan.pattern = pattern;
        c.u.scan.found = sum;
        c.u.scan.next = next;
        rc = issue(&c);
        sum = c.u.scan.found;
        next = c.u.scan.next;
        if (rc == -EAGAIN)
            thread_yield();
    } while (rc == -EAGAIN);
    if (rc == 0)
        *found = sum;
    return rc;
}

int ctl_exits(uint16_t domid, struct bh_ctl_exits *out)
{
    struct bh_control c;
    int rc;

    prepare(&c, BH_CTL_EXITS, domid);
    rc = issue(&c);
    if (rc == 0)
        *out = c.u.exits;
    return rc;
}
