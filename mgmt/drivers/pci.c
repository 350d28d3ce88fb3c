/* SPDX-License-Identifier: MIT */
/*
 * Walks the buses that bridges lead to (PCI-to-PCI Bridge Architecture Specification 1.2,
 * section 3.2 "PCI-to-PCI Bridge Configuration Space Header Format"), so that absent buses cost
 * nothing.
 */
#include "pci.h"

#include <stdbool.h>
#include <stdint.h>

#include <rt/rt.h>

#include "build/ctl.h"

#define PCI_VENDOR 0x00U
#define PCI_CLASS 0x08U  /* class code in the upper three bytes */
#define PCI_HEADER 0x0eU /* bit 7: more than one function */
#define PCI_BUSES 0x18U  /* of a bridge: primary, secondary, subordinate */
#define CLASS_NETWORK 0x02U
#define CLASS_BRIDGE_PCI 0x0604U

static uint32_t read_config(uint16_t bdf, uint16_t offset, uint32_t width)
{
    uint32_t value;

    return ctl_pci_read(bdf, offset, width, &value) == 0 ? value : UINT32_MAX;
}

struct scan {
    uint32_t bus_queued[8]; /* bit for each bus: still to visit or visited */
    uint8_t queue[256];
    unsigned int nr_queued;
    unsigned int assigned;
};

static void queue_bus(struct scan *s, uint8_t bus)
{
    uint32_t bit = 1U << (bus % 32U);

    if ((s->bus_queued[bus / 32U] & bit) != 0)
        return;
    s->bus_queued[bus / 32U] |= bit;
    s->queue[s->nr_queued++] = bus;
}

static void visit_function(struct scan *s, uint16_t bdf)
{
    uint32_t class_code = read_config(bdf, PCI_CLASS, 4) >> 8;
    int rc;

    if (class_code >> 8 == CLASS_BRIDGE_PCI)
        queue_bus(s, (uint8_t)(read_config(bdf, PCI_BUSES, 4) >> 8));
    if (class_code >> 16 != CLASS_NETWORK)
        return;
    rc = ctl_pci_assign(BH_DOMID_NET, bdf);
    if (rc == 0)
        s->assigned++;
    rt_log("mgmt: network controller %02x:%02x.%x (%08x) %s\n", bdf >> 8, bdf >> 3 & 31, bdf & 7,
           read_config(bdf, PCI_VENDOR, 4), rc == 0 ? "goes to net" : "cannot be given to net");
}

static void visit_device(struct scan *s, uint8_t bus, uint8_t device)
{
    uint16_t bdf = (uint16_t)(bus << 8 | device << 3);
    unsigned int functions;

    if ((uint16_t)read_config(bdf, PCI_VENDOR, 2) == 0xffff)
        return;
    functions = (read_config(bdf, PCI_HEADER, 1) & 0x80U) != 0 ? 8 : 1;
    for (unsigned int f = 0; f < functions; f++) {
        uint16_t function = (uint16_t)(bdf | f);

        if ((uint16_t)read_config(function, PCI_VENDOR, 2) != 0xffff)
            visit_function(s, function);
    }
}

unsigned int pci_assign_network(void)
{
    static struct scan s;

    queue_bus(&s, 0);
    for (unsigned int i = 0; i < s.nr_queued; i++) {
        for (uint8_t device = 0; device < 32; device++)
            visit_device(&s, s.queue[i], device);
    }
    return s.assigned;
}
