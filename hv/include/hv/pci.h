/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space of segment 0 through ports cf8/cfc: x86/pci.c. bdf is
 * bus << 8 | device << 3 | function. Any CPU, any lock but console_lock held.
 */
#ifndef HV_PCI_H
#define HV_PCI_H

#include <hv/types.h>

#define PCI_CONFIG_SIZE 256U

#define PCI_VENDOR 0x00U /* device id above it */
#define PCI_COMMAND 0x04U
#define PCI_COMMAND_IO 0x001U
#define PCI_COMMAND_MEMORY 0x002U
#define PCI_COMMAND_MASTER 0x004U
#define PCI_COMMAND_NO_INTX 0x400U
#define PCI_CLASS 0x08U /* class << 24 | subclass << 16 | interface << 8 | revision */
#define PCI_HEADER_TYPE 0x0eU
#define PCI_HEADER_MULTI 0x80U
#define PCI_BAR0 0x10U
#define PCI_NR_BARS 6U
#define PCI_CAP_POINTER 0x34U

/* width 1, 2 or 4, offset aligned to it and below PCI_CONFIG_SIZE. All-ones: nothing there. */
uint32_t pci_read(uint16_t bdf, unsigned int offset, unsigned int width);
void pci_write(uint16_t bdf, unsigned int offset, unsigned int width, uint32_t value);

struct pci_bar {
    uint64_t base;   /* 0: not there, or not assigned by the firmware */
    uint64_t length; /* power of two */
    bool is_io;
};

/* Find the BARs of a function with header type 0, sizing them with its decoding off. The upper half
   of a 64-bit BAR is an empty slot. */
void pci_size_bars(uint16_t bdf, struct pci_bar bars[PCI_NR_BARS]);

#endif
