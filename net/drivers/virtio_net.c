/* SPDX-License-Identifier: MIT */
/*
 * virtio-net over PCI through the modern interface (transitional devices have it too), one pair of
 * split queues, no offloads, polled. Every buffer belongs to one descriptor for good: descriptor i
 * points at buffer i, so an id is all that comes back from the device, and an id that is not
 * outstanding is ignored.
 */
#include "virtio_net.h"

#include <errno.h>
#include <string.h>

#include <rt/rt.h>

#include "nic.h"

#define RESET_NS 100000000ULL
#define QUEUE_MAX 128U
#define BUFFER 2048U
#define POOL_PAGES 256U
/* One queue's part of the pool: descriptors, available ring, used ring, each in its own page, then
 * the buffers. */
#define QUEUE_RINGS (3U * 4096U)
#define QUEUE_BYTES (QUEUE_RINGS + QUEUE_MAX * BUFFER)
_Static_assert(2U * QUEUE_BYTES <= POOL_PAGES * 4096U, "both queues fit in the pool");

enum { RX, TX, NR_QUEUES };

#define CAP_POINTER 0x34U
#define CAP_VENDOR 9U
#define CAPS_MAX 48U

struct queue {
    volatile struct virtq_desc *desc;
    volatile struct virtq_avail *avail;
    volatile struct virtq_used *used;
    uint8_t *buffers;
    volatile uint16_t *notify;
    uint16_t index, size;
    uint16_t avail_idx, used_idx;
    bool dirty;                  /* published something since the last notification */
    bool outstanding[QUEUE_MAX]; /* the device has it */
    uint16_t free[QUEUE_MAX];    /* TX: descriptors that are ours */
    uint16_t nr_free;
};

struct virtio_net {
    struct nic nic;
    volatile struct virtio_common *common;
    volatile uint8_t *device;
    volatile uint8_t *notify_base;
    size_t notify_length;
    uint32_t notify_multiplier;
    struct queue queue[NR_QUEUES];
};

static struct virtio_net the_device;

static struct virtio_net *of_nic(const struct nic *nic)
{
    return (struct virtio_net *)(void *)(uintptr_t)nic; /* first member */
}

/* ---- set-up ---- */

struct bar_cache {
    volatile uint8_t *base[6];
    size_t length[6];
};

/* The structure that a vendor capability describes, if it lies within its BAR. */
static volatile uint8_t *map_cap(const struct pci_fn *fn, uint16_t cap, uint32_t min_length,
                                 struct bar_cache *bars, uint32_t *cap_length)
{
    uint32_t bar = pci_read(fn, (uint16_t)(cap + 4), 1);
    uint32_t offset = pci_read(fn, (uint16_t)(cap + 8), 4);
    uint32_t length = pci_read(fn, (uint16_t)(cap + 12), 4);

    if (bar > 5 || length < min_length)
        return NULL;
    if (bars->base[bar] == NULL && pci_map_bar(fn, bar, &bars->base[bar], &bars->length[bar]) != 0)
        return NULL;
    if (offset > bars->length[bar] || length > bars->length[bar] - offset || offset % 4 != 0)
        return NULL;
    *cap_length = length;
    return bars->base[bar] + offset;
}

/* Takes the first usable capability of each type, as 4.1.4.1 asks. */
static int map_structures(struct virtio_net *v, const struct pci_fn *fn)
{
    struct bar_cache bars = {0};
    uint16_t cap = (uint16_t)(pci_read(fn, CAP_POINTER, 1) & 0xfcU);

    for (unsigned int i = 0; cap != 0 && i < CAPS_MAX; i++) {
        uint32_t length = 0;

        if (pci_read(fn, cap, 1) == CAP_VENDOR) {
            uint32_t type = pci_read(fn, (uint16_t)(cap + 3), 1);

            if (type == VIRTIO_CAP_COMMON && v->common == NULL)
                v->common = (volatile void *)map_cap(fn, cap, sizeof(*v->common), &bars, &length);
            if (type == VIRTIO_CAP_DEVICE && v->device == NULL)
                v->device = map_cap(fn, cap, 6, &bars, &length);
            if (type == VIRTIO_CAP_NOTIFY && v->notify_base == NULL) {
                v->notify_base = map_cap(fn, cap, 2, &bars, &length);
                v->notify_length = length;
                v->notify_multiplier = pci_read(fn, (uint16_t)(cap + 16), 4);
            }
        }
        cap = (uint16_t)(pci_read(fn, (uint16_t)(cap + 1), 1) & 0xfcU);
    }
    return v->common != NULL && v->device != NULL && v->notify_base != NULL ? 0 : -ENODEV;
}

static void add_status(struct virtio_net *v, uint8_t bits)
{
    v->common->device_status = v->common->device_status | bits;
}

static int negotiate(struct virtio_net *v)
{
    volatile struct virtio_common *c = v->common;
    uint64_t deadline = rt_now() + RESET_NS;
    uint32_t low, high;

    c->device_status = 0;
    while (c->device_status != 0) {
        if (rt_now() >= deadline)
            return -ETIMEDOUT;
    }
    add_status(v, VIRTIO_STATUS_ACKNOWLEDGE);
    add_status(v, VIRTIO_STATUS_DRIVER);
    c->device_feature_select = 0;
    low = c->device_feature;
    c->device_feature_select = 1;
    high = c->device_feature;
    if ((high & 1U << VIRTIO_F_VERSION_1) == 0 || (low & 1U << VIRTIO_NET_F_MAC) == 0)
        return -ENOTSUP;
    c->driver_feature_select = 0;
    c->driver_feature = 1U << VIRTIO_NET_F_MAC;
    c->driver_feature_select = 1;
    c->driver_feature = 1U << VIRTIO_F_VERSION_1;
    add_status(v, VIRTIO_STATUS_FEATURES_OK);
    return (c->device_status & VIRTIO_STATUS_FEATURES_OK) != 0 ? 0 : -ENOTSUP;
}

static uint32_t address_low(uint64_t a)
{
    return (uint32_t)a;
}

static uint32_t address_high(uint64_t a)
{
    return (uint32_t)(a >> 32);
}

static int setup_queue(struct virtio_net *v, uint16_t index, uint8_t *memory, uint64_t bus)
{
    volatile struct virtio_common *c = v->common;
    struct queue *q = &v->queue[index];
    uint16_t offered, notify_off;

    c->queue_select = index;
    offered = c->queue_size;
    if (offered == 0 || (offered & (offered - 1)) != 0)
        return -ENOTSUP;
    q->index = index;
    q->size = offered < QUEUE_MAX ? offered : (uint16_t)QUEUE_MAX;
    notify_off = c->queue_notify_off;
    if ((uint64_t)notify_off * v->notify_multiplier + 2 > v->notify_length)
        return -ENOTSUP;
    q->notify = (volatile void *)(v->notify_base + (size_t)notify_off * v->notify_multiplier);
    q->desc = (volatile void *)memory;
    q->avail = (volatile void *)(memory + 4096);
    q->used = (volatile void *)(memory + 2 * 4096);
    q->buffers = memory + QUEUE_RINGS;
    q->avail->flags = VIRTQ_NO_INTERRUPT;
    for (uint16_t i = 0; i < q->size; i++) {
        q->desc[i].addr = bus + QUEUE_RINGS + (uint64_t)i * BUFFER;
        q->desc[i].len = BUFFER;
        q->desc[i].flags = index == RX ? VIRTQ_WRITE : 0;
    }
    c->queue_size = q->size;
    c->queue_msix_vector = VIRTIO_NO_VECTOR;
    c->queue_desc_lo = address_low(bus);
    c->queue_desc_hi = address_high(bus);
    c->queue_driver_lo = address_low(bus + 4096);
    c->queue_driver_hi = address_high(bus + 4096);
    c->queue_device_lo = address_low(bus + 2 * 4096);
    c->queue_device_hi = address_high(bus + 2 * 4096);
    c->queue_enable = 1;
    return 0;
}

/* ---- rings ---- */

static void publish(struct queue *q, uint16_t id)
{
    q->outstanding[id] = true;
    q->avail->ring[q->avail_idx & (q->size - 1)] = id;
    q->avail_idx++;
    __sync_synchronize(); /* the entry is there before the index covers it */
    q->avail->idx = q->avail_idx;
    q->dirty = true;
}

/* Next buffer the device is done with: its id, or -1. *len is what the device says, unchecked. */
static int reclaim(struct queue *q, uint32_t *len)
{
    for (unsigned int i = 0; q->used->idx != q->used_idx && i < q->size; i++) {
        uint16_t slot = q->used_idx & (uint16_t)(q->size - 1);
        uint32_t id;

        __sync_synchronize(); /* the entry is read after the index that covers it */
        id = q->used->ring[slot].id;
        *len = q->used->ring[slot].len;
        q->used_idx++;
        if (id < q->size && q->outstanding[id]) {
            q->outstanding[id] = false;
            return (int)id;
        }
    }
    return -1;
}

static bool virtio_pending(const struct nic *nic)
{
    const struct queue *q = &of_nic(nic)->queue[RX];

    return q->used->idx != q->used_idx;
}

static int virtio_receive(struct nic *nic, uint8_t *buf)
{
    struct queue *q = &of_nic(nic)->queue[RX];
    uint32_t len;
    int id = reclaim(q, &len), rc = -EIO;

    if (id < 0)
        return 0;
    if (len > VIRTIO_NET_HDR && len - VIRTIO_NET_HDR <= NIC_FRAME_MAX) {
        memcpy(buf, q->buffers + (size_t)id * BUFFER + VIRTIO_NET_HDR, len - VIRTIO_NET_HDR);
        rc = (int)(len - VIRTIO_NET_HDR);
    }
    publish(q, (uint16_t)id);
    return rc;
}

static int virtio_send(struct nic *nic, const uint8_t *frame, size_t len)
{
    struct queue *q = &of_nic(nic)->queue[TX];
    uint8_t *buffer;
    uint32_t ignored;
    uint16_t id;
    int done;

    if (len > NIC_FRAME_MAX)
        return -EMSGSIZE;
    while ((done = reclaim(q, &ignored)) >= 0)
        q->free[q->nr_free++] = (uint16_t)done;
    if (q->nr_free == 0)
        return -EAGAIN;
    id = q->free[--q->nr_free];
    buffer = q->buffers + (size_t)id * BUFFER;
    memset(buffer, 0, VIRTIO_NET_HDR);
    memcpy(buffer + VIRTIO_NET_HDR, frame, len);
    if (len < 60) {
        memset(buffer + VIRTIO_NET_HDR + len, 0, 60 - len);
        len = 60;
    }
    q->desc[id].len = (uint32_t)(VIRTIO_NET_HDR + len);
    publish(q, id);
    return 0;
}

static void virtio_kick(struct nic *nic)
{
    struct virtio_net *v = of_nic(nic);

    __sync_synchronize();
    for (unsigned int i = 0; i < NR_QUEUES; i++) {
        struct queue *q = &v->queue[i];

        if (q->dirty)
            *q->notify = q->index;
        q->dirty = false;
    }
}

static const struct nic_ops virtio_ops = {
    .name = "virtio-net",
    .receive = virtio_receive,
    .pending = virtio_pending,
    .send = virtio_send,
    .kick = virtio_kick,
};

static int start(struct virtio_net *v)
{
    uint8_t *memory;
    uint64_t bus;
    int rc = negotiate(v);

    if (rc == 0)
        rc = pci_dma_pool(POOL_PAGES, &memory, &bus);
    for (uint16_t i = 0; rc == 0 && i < NR_QUEUES; i++)
        rc = setup_queue(v, i, memory + i * QUEUE_BYTES, bus + i * QUEUE_BYTES);
    if (rc != 0) {
        add_status(v, VIRTIO_STATUS_FAILED);
        return rc;
    }
    for (unsigned int i = 0; i < 6; i++)
        v->nic.mac[i] = v->device[i];
    v->common->msix_config = VIRTIO_NO_VECTOR;
    add_status(v, VIRTIO_STATUS_DRIVER_OK);
    for (uint16_t i = 0; i < v->queue[RX].size; i++)
        publish(&v->queue[RX], i);
    for (uint16_t i = 0; i < v->queue[TX].size; i++)
        v->queue[TX].free[v->queue[TX].nr_free++] = i;
    v->nic.ops = &virtio_ops;
    virtio_kick(&v->nic);
    return 0;
}

int virtio_net_probe(const struct pci_fn *fn, struct nic **nic)
{
    struct virtio_net *v = &the_device;
    int rc;

    if (fn->vendor != VIRTIO_VENDOR ||
        (fn->device != VIRTIO_NET_TRANSITIONAL && fn->device != VIRTIO_NET_MODERN))
        return -ENODEV;
    memset(v, 0, sizeof(*v));
    rc = pci_enable(fn);
    if (rc == 0)
        rc = map_structures(v, fn);
    if (rc == 0)
        rc = start(v);
    if (rc == 0)
        *nic = &v->nic;
    return rc;
}
