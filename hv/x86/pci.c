/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space by configuration mechanism #1 (PCI Local Bus Specification 3.0, 3.2.2.3.2
 * "Software Generation of Configuration Transactions"): an address and a data port, under one lock.
 */
#include <hv/device.h>
#include <hv/pci.h>
#include <hv/spinlock.h>

#define CONFIG_ADDRESS 0xcf8U
#define CONFIG_DATA 0xcfcU
#define CONFIG_ENABLE 0x80000000U

#define BAR_IO 1U
#define BAR_64BIT 4U
#define BAR_IO_MASK 0xfffcU /* x86 has 64 K ports */
#define BAR_MEMORY_MASK (~0xfULL)

static struct spinlock pci_lock;

static void select_register(uint16_t bdf, unsigned int offset)
{
    port_out(CONFIG_ADDRESS, 4, CONFIG_ENABLE | (uint32_t)bdf << 8 | (offset & 0xfcU));
}

uint32_t pci_read(uint16_t bdf, unsigned int offset, unsigned int width)
{
    uint32_t value;

    spin_lock(&pci_lock);
    select_register(bdf, offset);
    value = port_in((uint16_t)(CONFIG_DATA + (offset & 3)), width);
    spin_unlock(&pci_lock);
    return value;
}

void pci_write(uint16_t bdf, unsigned int offset, unsigned int width, uint32_t value)
{
    spin_lock(&pci_lock);
    select_register(bdf, offset);
    port_out((uint16_t)(CONFIG_DATA + (offset & 3)), width, value);
    spin_unlock(&pci_lock);
}

/* Writes all-ones, reads what stuck, puts the old value back. */
static uint32_t probe(uint16_t bdf, unsigned int offset, uint32_t *old)
{
    uint32_t mask;

    *old = pci_read(bdf, offset, 4);
    pci_write(bdf, offset, 4, ~0U);
    mask = pci_read(bdf, offset, 4);
    pci_write(bdf, offset, 4, *old);
    return mask;
}

/* Returns the number of slots that the BAR takes. */
static unsigned int size_bar(uint16_t bdf, unsigned int slot, struct pci_bar *bar)
{
    unsigned int offset = PCI_BAR0 + 4 * slot;
    uint32_t low, high = 0;
    uint64_t mask = probe(bdf, offset, &low);

    *bar = (struct pci_bar){.is_io = low & BAR_IO};
    if (!mask || mask == 0xffffffffU)
        return 1;
    if (bar->is_io) {
        mask &= BAR_IO_MASK;
        bar->base = low & BAR_IO_MASK;
        bar->length = mask ? mask & (0 - mask) : 0;
        return 1;
    }
    if ((low & BAR_64BIT) && slot + 1 < PCI_NR_BARS)
        mask |= (uint64_t)probe(bdf, offset + 4, &high) << 32;
    mask &= BAR_MEMORY_MASK;
    bar->base = ((uint64_t)high << 32 | low) & BAR_MEMORY_MASK;
    bar->length = mask & (0 - mask);
    return low & BAR_64BIT ? 2 : 1;
}

void pci_size_bars(uint16_t bdf, struct pci_bar bars[PCI_NR_BARS])
{
    uint32_t command = pci_read(bdf, PCI_COMMAND, 2);

    for (unsigned int i = 0; i < PCI_NR_BARS; i++)
        bars[i] = (struct pci_bar){0};
    pci_write(bdf, PCI_COMMAND, 2, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
    for (unsigned int i = 0; i < PCI_NR_BARS;)
        i += size_bar(bdf, i, &bars[i]);
    pci_write(bdf, PCI_COMMAND, 2, command);
}
