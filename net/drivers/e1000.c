/* SPDX-License-Identifier: MIT */
/*
 * Intel 82540EM ("PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual"),
 * as QEMU's `-device e1000` and Bochs emulate it: legacy descriptors, one queue each way, polled.
 * Descriptor i points at buffer i for good.
 */
#include <errno.h>
#include <string.h>

#include <rt/rt.h>

#include "nic.h"

#define INTEL 0x8086U
#define E1000_82540EM 0x100eU

/* Registers: the manual, 13.3 "Register Descriptions". */
#define REG_CTRL 0x0000U
#define CTRL_ASDE (1U << 5)
#define CTRL_SLU (1U << 6)
#define CTRL_RST (1U << 26)
#define REG_EERD 0x0014U
#define EERD_START (1U << 0)
#define EERD_DONE (1U << 4)
#define REG_ICR 0x00c0U
#define REG_IMC 0x00d8U
#define REG_RCTL 0x0100U
#define RCTL_EN (1U << 1)
#define RCTL_BAM (1U << 15)
#define RCTL_SECRC (1U << 26) /* buffer size bits 0: 2048 */
#define REG_TCTL 0x0400U
#define TCTL_EN (1U << 1)
#define TCTL_PSP (1U << 3)
#define TCTL_CT (0x0fU << 4)
#define TCTL_COLD (0x40U << 12)
#define REG_TIPG 0x0410U
#define TIPG_COPPER (10U | 8U << 10 | 6U << 20)
#define REG_RDBAL 0x2800U
#define REG_RDBAH 0x2804U
#define REG_RDLEN 0x2808U
#define REG_RDH 0x2810U
#define REG_RDT 0x2818U
#define REG_TDBAL 0x3800U
#define REG_TDBAH 0x3804U
#define REG_TDLEN 0x3808U
#define REG_TDH 0x3810U
#define REG_TDT 0x3818U
#define REG_MTA 0x5200U
#define REG_RAL 0x5400U
#define REG_RAH 0x5404U
#define RAH_VALID (1U << 31)
#define REGS_LENGTH 0x6000U

#define ANSWER_NS 100000000ULL /* what the card gets for a reset or an EEPROM word */
#define RING 128U
#define BUFFER 2048U
#define POOL_PAGES 256U
#define OFF_TX_RING 4096U
#define OFF_RX_BUFFERS 8192U
#define OFF_TX_BUFFERS (OFF_RX_BUFFERS + RING * BUFFER)
_Static_assert(OFF_TX_BUFFERS + RING * BUFFER <= POOL_PAGES * 4096U, "all fits in the pool");

#define STATUS_DONE 1U
#define RX_STATUS_EOP 2U
#define TX_COMMAND (1U | 2U | 8U) /* end of packet, insert FCS, report status */

struct rx_desc {
    uint64_t addr;
    uint16_t length, checksum;
    uint8_t status, errors;
    uint16_t special;
};

struct tx_desc {
    uint64_t addr;
    uint16_t length;
    uint8_t cso, cmd, status, css;
    uint16_t special;
};
_Static_assert(sizeof(struct rx_desc) == 16 && sizeof(struct tx_desc) == 16,
               "manual, 3.2.3, 3.3.3");

struct e1000 {
    struct nic nic;
    volatile uint8_t *regs;
    volatile struct rx_desc *rx;
    volatile struct tx_desc *tx;
    uint8_t *rx_buffers, *tx_buffers;
    uint32_t rx_next;          /* next descriptor to look at */
    uint32_t tx_next, tx_done; /* free running: used are [tx_done, tx_next) */
    bool rx_dirty, tx_dirty;
};

static struct e1000 the_device;

static struct e1000 *of_nic(const struct nic *nic)
{
    return (struct e1000 *)(void *)(uintptr_t)nic; /* first member */
}

static void put(struct e1000 *e, uint32_t reg, uint32_t value)
{
    *(volatile uint32_t *)(volatile void *)(e->regs + reg) = value;
}

static uint32_t get(struct e1000 *e, uint32_t reg)
{
    return *(volatile uint32_t *)(volatile void *)(e->regs + reg);
}

static bool e1000_pending(const struct nic *nic)
{
    const struct e1000 *e = of_nic(nic);

    return (e->rx[e->rx_next].status & STATUS_DONE) != 0;
}

static int e1000_receive(struct nic *nic, uint8_t *buf)
{
    struct e1000 *e = of_nic(nic);
    volatile struct rx_desc *d = &e->rx[e->rx_next];
    uint8_t status = d->status;
    uint16_t length;
    int rc = -EIO;

    if ((status & STATUS_DONE) == 0)
        return 0;
    __sync_synchronize(); /* the rest is read after the status */
    length = d->length;
    if ((status & RX_STATUS_EOP) != 0 && d->errors == 0 && length != 0 && length <= NIC_FRAME_MAX) {
        memcpy(buf, e->rx_buffers + (size_t)e->rx_next * BUFFER, length);
        rc = length;
    }
    d->status = 0;
    e->rx_next = (e->rx_next + 1) % RING;
    e->rx_dirty = true;
    return rc;
}

static int e1000_send(struct nic *nic, const uint8_t *frame, size_t len)
{
    struct e1000 *e = of_nic(nic);
    uint32_t i = e->tx_next % RING;
    uint8_t *buffer = e->tx_buffers + (size_t)i * BUFFER;

    if (len > NIC_FRAME_MAX)
        return -EMSGSIZE;
    while (e->tx_done != e->tx_next && (e->tx[e->tx_done % RING].status & STATUS_DONE) != 0)
        e->tx_done++;
    if (e->tx_next - e->tx_done >= RING - 1)
        return -EAGAIN;
    memcpy(buffer, frame, len);
    if (len < 60) {
        memset(buffer + len, 0, 60 - len);
        len = 60;
    }
    e->tx[i].length = (uint16_t)len;
    e->tx[i].cso = 0;
    e->tx[i].status = 0;
    e->tx[i].cmd = TX_COMMAND;
    e->tx_next++;
    e->tx_dirty = true;
    return 0;
}

static void e1000_kick(struct nic *nic)
{
    struct e1000 *e = of_nic(nic);

    __sync_synchronize();
    if (e->tx_dirty)
        put(e, REG_TDT, e->tx_next % RING);
    if (e->rx_dirty) /* the last one we looked at: never the one we look at next */
        put(e, REG_RDT, (e->rx_next + RING - 1) % RING);
    e->tx_dirty = e->rx_dirty = false;
}

static const struct nic_ops e1000_ops = {
    .name = "e1000",
    .receive = e1000_receive,
    .pending = e1000_pending,
    .send = e1000_send,
    .kick = e1000_kick,
};

static uint16_t read_eeprom(struct e1000 *e, uint32_t word)
{
    uint64_t deadline = rt_now() + ANSWER_NS;
    uint32_t value;

    put(e, REG_EERD, EERD_START | word << 8);
    do {
        value = get(e, REG_EERD);
    } while ((value & EERD_DONE) == 0 && rt_now() < deadline);
    return (uint16_t)(value >> 16);
}

static int reset(struct e1000 *e)
{
    uint64_t deadline = rt_now() + ANSWER_NS;

    put(e, REG_IMC, ~0U);
    put(e, REG_CTRL, get(e, REG_CTRL) | CTRL_RST);
    while ((get(e, REG_CTRL) & CTRL_RST) != 0) {
        if (rt_now() >= deadline)
            return -ETIMEDOUT;
    }
    put(e, REG_IMC, ~0U);
    (void)get(e, REG_ICR);
    put(e, REG_CTRL, get(e, REG_CTRL) | CTRL_SLU | CTRL_ASDE);
    return 0;
}

/* The first receive address is loaded from the EEPROM by the reset; if not, it is read here. */
static int read_mac(struct e1000 *e)
{
    uint32_t low = get(e, REG_RAL), high = get(e, REG_RAH);

    if ((high & RAH_VALID) == 0 || low == 0) {
        low = read_eeprom(e, 0) | (uint32_t)read_eeprom(e, 1) << 16;
        high = read_eeprom(e, 2);
        put(e, REG_RAL, low);
        put(e, REG_RAH, high | RAH_VALID);
    }
    for (unsigned int i = 0; i < 4; i++)
        e->nic.mac[i] = (uint8_t)(low >> (8 * i));
    e->nic.mac[4] = (uint8_t)high;
    e->nic.mac[5] = (uint8_t)(high >> 8);
    return (e->nic.mac[0] & 1) == 0 && low != 0 ? 0 : -EIO;
}

static void setup_rings(struct e1000 *e, uint8_t *memory, uint64_t bus)
{
    e->rx = (volatile void *)memory;
    e->tx = (volatile void *)(memory + OFF_TX_RING);
    e->rx_buffers = memory + OFF_RX_BUFFERS;
    e->tx_buffers = memory + OFF_TX_BUFFERS;
    for (uint32_t i = 0; i < RING; i++) {
        e->rx[i].addr = bus + OFF_RX_BUFFERS + (uint64_t)i * BUFFER;
        e->tx[i].addr = bus + OFF_TX_BUFFERS + (uint64_t)i * BUFFER;
    }
    put(e, REG_RDBAL, (uint32_t)bus);
    put(e, REG_RDBAH, (uint32_t)(bus >> 32));
    put(e, REG_RDLEN, RING * 16);
    put(e, REG_RDH, 0);
    put(e, REG_RDT, RING - 1);
    put(e, REG_TDBAL, (uint32_t)(bus + OFF_TX_RING));
    put(e, REG_TDBAH, (uint32_t)((bus + OFF_TX_RING) >> 32));
    put(e, REG_TDLEN, RING * 16);
    put(e, REG_TDH, 0);
    put(e, REG_TDT, 0);
}

static int start(struct e1000 *e)
{
    uint8_t *memory;
    uint64_t bus;
    int rc = reset(e);

    if (rc == 0)
        rc = read_mac(e);
    if (rc == 0)
        rc = pci_dma_pool(POOL_PAGES, &memory, &bus);
    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < 128; i++) /* no multicast */
        put(e, REG_MTA + i * 4, 0);
    setup_rings(e, memory, bus);
    put(e, REG_TIPG, TIPG_COPPER);
    put(e, REG_TCTL, TCTL_EN | TCTL_PSP | TCTL_CT | TCTL_COLD);
    put(e, REG_RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC);
    e->nic.ops = &e1000_ops;
    return 0;
}

int e1000_probe(const struct pci_fn *fn, struct nic **nic)
{
    struct e1000 *e = &the_device;
    size_t length;
    int rc;

    if (fn->vendor != INTEL || fn->device != E1000_82540EM)
        return -ENODEV;
    memset(e, 0, sizeof(*e));
    rc = pci_enable(fn);
    if (rc == 0)
        rc = pci_map_bar(fn, 0, &e->regs, &length);
    if (rc == 0 && length < REGS_LENGTH)
        rc = -ENODEV;
    if (rc == 0)
        rc = start(e);
    if (rc == 0)
        *nic = &e->nic;
    return rc;
}
