/* SPDX-License-Identifier: MIT */
/*
 * The PCI functions that mgmt gave to this domain, through hv's device hypercall. What the drivers
 * know of the platform; host tests put a simulated device behind it.
 */
#ifndef NET_PCI_H
#define NET_PCI_H

#include <stddef.h>
#include <stdint.h>

#define PCI_CLASS_ETHERNET 0x0200U

struct pci_fn {
    uint16_t bdf, vendor, device;
    uint32_t class_code; /* class << 16 | subclass << 8 | interface */
};

/* 0, or -ENOENT past the last. */
int pci_get(uint32_t index, struct pci_fn *fn);
/* Configuration space; all ones when the read fails. width: 1, 2, 4. */
uint32_t pci_read(const struct pci_fn *fn, uint16_t offset, unsigned int width);
/* Lets the function decode memory and be bus master. */
int pci_enable(const struct pci_fn *fn);
/* Maps a memory BAR for good. -ENOTSUP: an I/O BAR. */
int pci_map_bar(const struct pci_fn *fn, unsigned int bar, volatile uint8_t **base, size_t *length);
/* Physically contiguous zeroed memory with its bus address, for good. pages: a power of two. */
int pci_dma_pool(uint32_t pages, uint8_t **base, uint64_t *bus);

#endif
