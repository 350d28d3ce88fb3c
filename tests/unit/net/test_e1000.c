/* SPDX-License-Identifier: MIT */
/*
 * e1000 against registers and rings in memory. A device that answers by itself is tested in QEMU
 * and Bochs.
 */
#include <errno.h>
#include <rt/rt.h>
#include <string.h>

#include "nic.h"
#include "test.h"

#define BUS 0x40000000ULL
#define POOL_BYTES (256U * 4096U)
#define RING 128U

static uint32_t regs[0x20000 / 4] __attribute__((aligned(4096)));
static uint8_t pool[POOL_BYTES] __attribute__((aligned(4096)));

int pci_enable(const struct pci_fn *fn)
{
    (void)fn;
    return 0;
}

int pci_map_bar(const struct pci_fn *fn, unsigned int number, volatile uint8_t **base,
                size_t *length)
{
    (void)fn;
    CHECK_EQ(number, 0);
    *base = (void *)regs;
    *length = sizeof(regs);
    return 0;
}

int pci_dma_pool(uint32_t pages, uint8_t **base, uint64_t *bus)
{
    CHECK(pages * 4096U <= POOL_BYTES);
    memset(pool, 0, sizeof(pool));
    *base = pool;
    *bus = BUS;
    return 0;
}

/* Time passes, and with it the device is done with a reset. */
uint64_t rt_now(void)
{
    static uint64_t now;

    regs[0] &= ~(1U << 26);
    return ++now;
}

static struct nic *probe(void)
{
    struct pci_fn fn = {.vendor = 0x8086, .device = 0x100e, .class_code = 0x020000};
    struct nic *nic = NULL;

    memset(regs, 0, sizeof(regs));
    regs[0x5400 / 4] = 0x12005452;
    regs[0x5404 / 4] = 0x80005634;
    CHECK_EQ(e1000_probe(&fn, &nic), 0);
    return nic;
}

static uint64_t address(const uint8_t *descriptor)
{
    uint64_t a;

    memcpy(&a, descriptor, 8);
    CHECK(a >= BUS && a + 2048 <= BUS + POOL_BYTES);
    return a - BUS;
}

static void receive_one(unsigned int i, uint16_t length, uint8_t status, uint8_t errors)
{
    uint8_t *d = pool + (i % RING) * 16U;

    memset(pool + address(d), 0x44, 2048);
    memcpy(d + 8, &length, 2);
    d[13] = errors;
    d[12] = status;
}

TEST(e1000_sets_up_and_receives)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
    struct nic *nic = probe();
    uint8_t buf[1514];

    CHECK(memcmp(nic->mac, mac, 6) == 0);
    CHECK_EQ(regs[0x2808 / 4], RING * 16);
    CHECK_EQ(regs[0x2818 / 4], RING - 1);
    CHECK(!nic->ops->pending(nic));
    CHECK_EQ(nic->ops->receive(nic, buf), 0);
    receive_one(0, 1514, 3, 0);
    CHECK(nic->ops->pending(nic));
    CHECK_EQ(nic->ops->receive(nic, buf), 1514);
    CHECK(buf[1513] == 0x44);
    nic->ops->kick(nic);
    CHECK_EQ(regs[0x2818 / 4], 0);
    receive_one(1, 1515, 3, 0); /* too long, in pieces, damaged, empty */
    receive_one(2, 60, 1, 0);
    receive_one(3, 60, 3, 1);
    receive_one(4, 0, 3, 0);
    for (unsigned int i = 0; i < 4; i++)
        CHECK_EQ(nic->ops->receive(nic, buf), -EIO);
    for (unsigned int i = 5; i < 1000; i++) {
        receive_one(i, 60, 3, 0);
        CHECK_EQ(nic->ops->receive(nic, buf), 60);
    }
}

TEST(e1000_sends)
{
    struct nic *nic = probe();
    uint8_t frame[1514], *d = pool + 4096;

    memset(frame, 0x55, sizeof(frame));
    CHECK_EQ(nic->ops->send(nic, frame, 1515), -EMSGSIZE);
    CHECK_EQ(nic->ops->send(nic, frame, 42), 0);
    CHECK(pool[address(d) + 41] == 0x55 && pool[address(d) + 42] == 0);
    CHECK(d[8] == 60 && d[11] == 0x0b);
    nic->ops->kick(nic);
    CHECK_EQ(regs[0x3818 / 4], 1);
    for (unsigned int i = 1; i < RING - 1; i++)
        CHECK_EQ(nic->ops->send(nic, frame, 1514), 0);
    CHECK_EQ(nic->ops->send(nic, frame, 1514), -EAGAIN);
    d[12] = 1; /* the first is done */
    CHECK_EQ(nic->ops->send(nic, frame, 1514), 0);
    CHECK_EQ(nic->ops->send(nic, frame, 1514), -EAGAIN);
}
