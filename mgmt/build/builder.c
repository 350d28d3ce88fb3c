/* SPDX-License-Identifier: MIT */
/*
 * The steps of building a domain through the control hypercall. The hypervisor hands out zeroed
 * RAM, so only what differs from zero is written.
 */
#include "builder.h"

#include <errno.h>
#include <stdlib.h>

#include <xen/xen.h>
#include <xen/hvm/params.h>

#include <rt/event.h>
#include <rt/rt.h>
#include <rt/thread.h>

#include "ctl.h"
#include "elf.h"
#include "pvh.h"

#define PAGE 4096U
#define LARGE_PAGE (2ULL << 20)

static int populate(uint16_t domid, uint64_t ram_bytes)
{
    uint64_t high = pvh_ram_high(ram_bytes);
    int rc = ctl_populate(domid, 0, pvh_ram_low(ram_bytes) / PAGE);

    if (rc == 0 && high > 0)
        rc = ctl_populate(domid, PVH_HOLE_END / PAGE, high / PAGE);
    return rc;
}

static int load_kernel(uint16_t domid, const struct build_spec *spec, const struct elf_image *elf)
{
    int rc = 0;

    for (uint32_t i = 0; i < elf->nr_segments && rc == 0; i++) {
        const struct elf_segment *s = &elf->segment[i];

        if (s->file_size > 0)
            rc = ctl_write(domid, s->gpa, spec->kernel + s->offset, s->file_size);
    }
    return rc;
}

static int load_info(uint16_t domid, const struct build_spec *spec, uint64_t initrd_gpa)
{
    struct pvh_request r = {.ram_bytes = (uint64_t)spec->memory_mb << 20,
                            .initrd_gpa = initrd_gpa,
                            .initrd_size = spec->initrd_size,
                            .cmdline = spec->cmdline};
    uint8_t *pages = malloc(PVH_INFO_SIZE + PVH_ACPI_SIZE);
    int rc;

    if (pages == NULL)
        return -ENOMEM;
    rc = pvh_make_info(&r, pages);
    if (rc == 0)
        rc = ctl_write(domid, PVH_INFO_GPA, pages, PVH_INFO_SIZE);
    if (rc == 0) {
        pvh_make_acpi(spec->nr_vcpus, pages + PVH_INFO_SIZE);
        rc = ctl_write(domid, PVH_ACPI_GPA, pages + PVH_INFO_SIZE, PVH_ACPI_SIZE);
    }
    free(pages);
    return rc;
}

/* A shared page with its event channel: parameters for the guest, a seeded grant for mgmt. */
static int make_ring(uint16_t domid, uint32_t pfn_param, uint32_t port_param, uint32_t ref,
                     uint64_t gpa, uint32_t *port)
{
    evtchn_port p;
    int rc = evtchn_alloc_unbound(domid, BH_DOMID_MGMT, &p);

    if (rc == 0)
        rc = ctl_set_param(domid, pfn_param, gpa / PAGE);
    if (rc == 0)
        rc = ctl_set_param(domid, port_param, p);
    if (rc == 0)
        rc = ctl_seed_grant(domid, ref, BH_DOMID_MGMT, gpa / PAGE);
    if (rc == 0)
        *port = p;
    return rc;
}

static int make_rings(struct built_domain *d)
{
    int rc = make_ring(d->domid, HVM_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_EVTCHN, BUILD_CONSOLE_REF,
                       PVH_CONSOLE_GPA, &d->console_port);

    if (rc == 0)
        rc = make_ring(d->domid, HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN, BUILD_STORE_REF,
                       PVH_STORE_GPA, &d->store_port);
    return rc;
}

int builder_create(const struct build_spec *spec, struct built_domain *out)
{
    uint64_t ram = (uint64_t)spec->memory_mb << 20, initrd_gpa;
    struct built_domain d = {.domid = 0};
    struct elf_image elf;
    int rc = elf_parse(spec->kernel, spec->kernel_size, PVH_LOW_END, pvh_ram_low(ram), &elf);

    if (rc != 0)
        return rc;
    initrd_gpa = (elf.end + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
    if (initrd_gpa > pvh_ram_low(ram) || spec->initrd_size > pvh_ram_low(ram) - initrd_gpa)
        return -ENOSPC;
    rc = ctl_create(ram / PAGE, spec->nr_vcpus, &d.domid);
    if (rc != 0)
        return rc;
    rc = populate(d.domid, ram);
    if (rc == 0)
        rc = load_kernel(d.domid, spec, &elf);
    if (rc == 0 && spec->initrd_size > 0)
        rc = ctl_write(d.domid, initrd_gpa, spec->initrd, spec->initrd_size);
    if (rc == 0)
        rc = load_info(d.domid, spec, initrd_gpa);
    if (rc == 0)
        rc = make_rings(&d);
    if (rc == 0)
        rc = ctl_set_entry(d.domid, elf.entry, PVH_INFO_GPA);
    if (rc != 0) {
        (void)builder_destroy(d.domid, WAIT_FOREVER);
        return rc;
    }
    *out = d;
    return 0;
}

int builder_destroy(uint16_t domid, uint64_t deadline)
{
    for (;;) {
        int rc = ctl_destroy_step(domid);

        if (rc == -EAGAIN) {
            thread_yield();
        } else if (rc == -EBUSY && rt_now() < deadline) {
            thread_sleep(1000000);
        } else {
            return rc;
        }
    }
}
