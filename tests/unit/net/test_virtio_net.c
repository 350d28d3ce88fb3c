/* SPDX-License-Identifier: MIT */
/*
 * virtio-net against a device in memory: its configuration space, its registers in a BAR, and
 * the device's part of the rings played by the test, honestly and not.
 */
#include <errno.h>
#include <rt/rt.h>
#include <string.h>

#include "nic.h"
#include "test.h"
#include "virtio_net.h"

#define BUS 0x40000000ULL
#define POOL_BYTES (256U * 4096U)

static uint8_t config[256];
static uint8_t bar[16384] __attribute__((aligned(4096)));
static uint8_t pool[POOL_BYTES] __attribute__((aligned(4096)));
static struct virtio_common *common = (void *)bar;
static size_t bar_length;
static unsigned int enabled;

/* ---- the platform, pci.h ---- */

uint32_t pci_read(const struct pci_fn *fn, uint16_t offset, unsigned int width)
{
    uint32_t value = 0;

    (void)fn;
    if ((size_t)offset + width > sizeof(config))
        return ~0U;
    memcpy(&value, config + offset, width);
    return value;
}

int pci_enable(const struct pci_fn *fn)
{
    (void)fn;
    enabled++;
    return 0;
}

int pci_map_bar(const struct pci_fn *fn, unsigned int number, volatile uint8_t **base,
                size_t *length)
{
    (void)fn;
    if (number != 4)
        return -EINVAL;
    *base = bar;
    *length = bar_length;
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

uint64_t rt_now(void)
{
    static uint64_t now;

    return ++now;
}

/* ---- the device ---- */

static void put32(unsigned int offset, uint32_t value)
{
    memcpy(config + offset, &value, 4);
}

static void add_cap(uint8_t at, uint8_t next, uint8_t type, uint32_t offset, uint32_t length)
{
    config[at] = 9;
    config[at + 1] = next;
    config[at + 2] = 20;
    config[at + 3] = type;
    config[at + 4] = 4;
    put32(at + 8U, offset);
    put32(at + 12U, length);
    put32(at + 16U, 4); /* notify multiplier */
}

static const struct pci_fn the_fn = {
    .bdf = 8, .vendor = 0x1af4, .device = 0x1041, .class_code = 0x020000};
static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};

static void begin(void)
{
    memset(config, 0, sizeof(config));
    memset(bar, 0, sizeof(bar));
    bar_length = sizeof(bar);
    config[0x34] = 0x40;
    config[0x40] = 0x11; /* MSI-X comes first in the list */
    config[0x41] = 0x50;
    add_cap(0x50, 0x64, VIRTIO_CAP_COMMON, 0, 4096);
    add_cap(0x64, 0x78, VIRTIO_CAP_DEVICE, 8192, 4096);
    add_cap(0x78, 0, VIRTIO_CAP_NOTIFY, 12288, 4096);
    memcpy(bar + 8192, mac, 6);
    common->device_feature = ~0U; /* both words: everything */
    common->queue_size = 256;
}

static struct nic *probe(void)
{
    struct nic *nic = NULL;

    CHECK_EQ(virtio_net_probe(&the_fn, &nic), 0);
    CHECK(nic != NULL && memcmp(nic->mac, mac, 6) == 0);
    return nic;
}

/* The parts of queue q as the driver lays them out (descriptors, available, used: a page each). */
static uint8_t *queue(unsigned int q)
{
    return pool + q * (3U * 4096U + 128U * 2048U);
}

static struct virtq_desc *desc(unsigned int q)
{
    return (void *)queue(q);
}

static struct virtq_avail *avail(unsigned int q)
{
    return (void *)(queue(q) + 4096);
}

static struct virtq_used *used(unsigned int q)
{
    return (void *)(queue(q) + 8192);
}

static uint8_t *at_bus(uint64_t address)
{
    CHECK(address >= BUS && address < BUS + POOL_BYTES);
    return pool + (address - BUS);
}

static void give_back(unsigned int q, uint32_t id, uint32_t len)
{
    struct virtq_used *u = used(q);

    u->ring[u->idx % 128] = (struct virtq_used_elem){id, len};
    u->idx++;
}

TEST(virtio_net_sets_up)
{
    struct nic *nic;

    begin();
    nic = probe();
    CHECK_EQ(common->device_status, 1 + 2 + 4 + 8);
    CHECK_EQ(common->driver_feature, 1); /* the last word written: VERSION_1 alone */
    CHECK_EQ(common->queue_size, 128);
    CHECK_EQ(common->queue_enable, 1);
    CHECK_EQ(common->queue_msix_vector, 0xffff);
    CHECK_EQ(avail(0)->idx, 128);
    CHECK_EQ(avail(0)->flags, 1);
    for (unsigned int i = 0; i < 128; i++) {
        CHECK_EQ(desc(0)[i].flags, VIRTQ_WRITE);
        CHECK_EQ(desc(0)[i].len, 2048);
        at_bus(desc(0)[i].addr + 2047);
        CHECK_EQ(desc(1)[i].flags, 0);
        at_bus(desc(1)[i].addr + 2047);
    }
    CHECK(!nic->ops->pending(nic));
}

TEST(virtio_net_refuses_what_it_cannot_drive)
{
    struct pci_fn other = the_fn;
    struct nic *nic = NULL;

    begin();
    other.device = 0x1042;
    CHECK_EQ(virtio_net_probe(&other, &nic), -ENODEV);
    config[0x34] = 0; /* legacy only */
    CHECK_EQ(virtio_net_probe(&the_fn, &nic), -ENODEV);
    begin();
    config[0x79] = 0x40; /* a list that goes round, without the notify capability */
    config[0x7b] = 9;
    CHECK_EQ(virtio_net_probe(&the_fn, &nic), -ENODEV);
    begin();
    put32(0x58, 0xfffff000); /* a structure beyond its BAR */
    CHECK_EQ(virtio_net_probe(&the_fn, &nic), -ENODEV);
    begin();
    bar_length = 4096;
    CHECK_EQ(virtio_net_probe(&the_fn, &nic), -ENODEV);
    begin();
    config[0x54] = 9; /* no such BAR */
    CHECK_EQ(virtio_net_probe(&the_fn, &nic), -ENODEV);
    begin();
    common->device_feature = 0;
    CHECK_EQ(virtio_net_probe(&the_fn, &nic), -ENOTSUP);
    begin();
    common->queue_notify_off = 4096; /* a doorbell out of the structure */
    CHECK_EQ(virtio_net_probe(&the_fn, &nic), -ENOTSUP);
    CHECK((common->device_status & VIRTIO_STATUS_FAILED) != 0);
    begin();
    common->queue_size = 0;
    CHECK_EQ(virtio_net_probe(&the_fn, &nic), -ENOTSUP);
    begin();
    common->queue_size = 100; /* no power of two */
    CHECK_EQ(virtio_net_probe(&the_fn, &nic), -ENOTSUP);
}

TEST(virtio_net_receives)
{
    uint8_t buf[1514], *dma;
    struct nic *nic;

    begin();
    nic = probe();
    dma = at_bus(desc(0)[5].addr);
    memset(dma, 0x77, 12 + 1514);
    give_back(0, 5, 12 + 1514);
    CHECK(nic->ops->pending(nic));
    CHECK_EQ(nic->ops->receive(nic, buf), 1514);
    CHECK(buf[0] == 0x77 && buf[1513] == 0x77);
    CHECK_EQ(nic->ops->receive(nic, buf), 0);
    CHECK_EQ(avail(0)->idx, 129); /* offered again */
    CHECK_EQ(avail(0)->ring[0], 5);
    memset(bar + 12288, 0xee, 2);
    nic->ops->kick(nic);
    CHECK_EQ(bar[12288], 0);
    give_back(0, 6, 12 + 60); /* many rounds of the indices */
    for (unsigned int i = 0; i < 70000; i++) {
        CHECK_EQ(nic->ops->receive(nic, buf), 60);
        give_back(0, 6, 12 + 60);
    }
}

TEST(virtio_net_bounds_what_the_device_says)
{
    uint8_t buf[1514];
    struct nic *nic;
    static const uint32_t lengths[] = {0, 11, 12, 12 + 1515, 2049, 0xffffffff};

    begin();
    nic = probe();
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        give_back(0, 3, lengths[i]);
        CHECK_EQ(nic->ops->receive(nic, buf), -EIO);
    }
    give_back(0, 128, 72); /* no such descriptor: skipped */
    give_back(0, 0xffffffff, 72);
    give_back(0, 4, 12 + 61);
    CHECK_EQ(nic->ops->receive(nic, buf), 61);
    CHECK_EQ(nic->ops->receive(nic, buf), 0);
    used(0)->idx = (uint16_t)(used(0)->idx + 30000); /* wild index: bounded, and it ends */
    for (unsigned int i = 0; i < 1000; i++)
        CHECK(nic->ops->receive(nic, buf) <= 1514);
}

TEST(virtio_net_sends)
{
    uint8_t frame[1514];
    struct nic *nic;
    uint16_t id;

    begin();
    nic = probe();
    memset(frame, 0x33, sizeof(frame));
    CHECK_EQ(nic->ops->send(nic, frame, 1515), -EMSGSIZE);
    CHECK_EQ(nic->ops->send(nic, frame, 42), 0);
    id = avail(1)->ring[0];
    CHECK_EQ(avail(1)->idx, 1);
    CHECK_EQ(desc(1)[id].len, 12 + 60);
    CHECK(at_bus(desc(1)[id].addr)[12 + 41] == 0x33 && at_bus(desc(1)[id].addr)[12 + 42] == 0);
    for (unsigned int i = 1; i < 128; i++)
        CHECK_EQ(nic->ops->send(nic, frame, 1514), 0);
    CHECK_EQ(nic->ops->send(nic, frame, 1514), -EAGAIN);
    give_back(1, id, 0);
    give_back(1, id, 0); /* twice: only once is taken */
    give_back(1, 500, 0);
    CHECK_EQ(nic->ops->send(nic, frame, 1514), 0);
    CHECK_EQ(nic->ops->send(nic, frame, 1514), -EAGAIN);
}
