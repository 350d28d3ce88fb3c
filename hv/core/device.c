/* SPDX-License-Identifier: MIT */
/*
 * PCI functions given to driver domains (mgmt and net): who owns which, what of its configuration
 * the owner may write, its BARs, and memory that the device can reach.
 *
 * BARs stay where the firmware put them: the owner cannot move them, nor switch MSI or MSI-X on
 * (without an IOMMU an interrupt message is a write to anywhere; drivers poll). device_lock guards
 * the tables; it is taken outside of domain.lock and p2m.lock.
 */
#include <hv/config.h>
#include <hv/device.h>
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/p2m.h>
#include <hv/pci.h>
#include <hv/vcpu.h>

#define MAX_DEVICES 16U
#define MAX_POOLS 32U
#define POOL_FRAMES_MAX 2048U
#define BAR_LENGTH_MAX (16UL << 20)
#define PORTS_SAFE 0x400U /* below: the machine's own */
#define IO_BAR_LENGTH_MAX 0x400U

/* Machine addresses of interrupt controllers; no BAR may lie there. */
#define PLATFORM_MMIO_FIRST 0xfec00000ULL
#define PLATFORM_MMIO_LAST 0xfeefffffULL

#define COMMAND_WRITABLE                                                                           \
    (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX)

#define CLASS_IDE 0x0101U
#define IDE_NATIVE_PRIMARY 0x01U
#define IDE_NATIVE_SECONDARY 0x04U

struct device {
    bool used;
    uint16_t bdf;
    uint16_t domid;
    struct pci_bar bars[PCI_NR_BARS];
};

struct pool {
    uint16_t domid;
    unsigned int order;
    mfn_t first; /* pinned frames: the domain cannot free what a device writes */
};

static struct spinlock device_lock;
static struct device devices[MAX_DEVICES];
static struct pool pools[MAX_POOLS];
static uint32_t nr_pools;

static struct device *find_device(uint16_t bdf)
{
    for (uint32_t i = 0; i < MAX_DEVICES; i++)
        if (devices[i].used && devices[i].bdf == bdf)
            return &devices[i];
    return NULL;
}

static struct device *owned_device(const struct domain *d, uint16_t bdf)
{
    struct device *dev = find_device(bdf);

    return dev && dev->domid == d->id ? dev : NULL;
}

/* Legacy ports of an IDE function whose channels are in compatibility mode; they are in no BAR. */
static void add_ide_ports(struct device *dev)
{
    static const struct pci_bar legacy[4] = {
        {0x1f0, 8, true}, {0x3f6, 1, true}, {0x170, 8, true}, {0x376, 1, true}};
    uint32_t class = pci_read(dev->bdf, PCI_CLASS, 4);

    if (class >> 16 != CLASS_IDE)
        return;
    for (unsigned int i = 0; i < ARRAY_SIZE(legacy); i++)
        if (!(class >> 8 & (i < 2 ? IDE_NATIVE_PRIMARY : IDE_NATIVE_SECONDARY)))
            dev->bars[i] = legacy[i];
}

static int check_function(uint16_t bdf)
{
    if ((pci_read(bdf, PCI_VENDOR, 2) & 0xffff) == 0xffff)
        return -ENODEV;
    return pci_read(bdf, PCI_HEADER_TYPE, 1) & (uint8_t)~PCI_HEADER_MULTI ? -EOPNOTSUPP : 0;
}

static void stop_device(uint16_t bdf)
{
    uint32_t command = pci_read(bdf, PCI_COMMAND, 2);

    pci_write(bdf, PCI_COMMAND, 2, (command & ~COMMAND_WRITABLE) | PCI_COMMAND_NO_INTX);
    (void)pci_read(bdf, PCI_COMMAND, 2); /* what the device had sent is on its way before this */
}

int device_assign(struct domain *d, uint16_t bdf)
{
    struct device *dev = NULL;
    int rc;

    if (d->id >= BH_DOMID_FIRST_SANDBOX)
        return -EPERM;
    rc = check_function(bdf);
    if (rc)
        return rc;
    spin_lock(&device_lock);
    for (uint32_t i = 0; i < MAX_DEVICES && !dev; i++)
        if (!devices[i].used)
            dev = &devices[i];
    if (find_device(bdf))
        rc = -EBUSY;
    else if (!dev)
        rc = -ENOSPC;
    else if (d->dying)
        rc = -ESRCH;
    if (!rc) {
        *dev = (struct device){.used = true, .bdf = bdf, .domid = d->id};
        stop_device(bdf);
        pci_size_bars(bdf, dev->bars);
        add_ide_ports(dev);
    }
    spin_unlock(&device_lock);
    return rc;
}

static bool config_ok(const struct bh_ctl_pcicfg *cfg)
{
    return (cfg->width == 1 || cfg->width == 2 || cfg->width == 4) &&
           cfg->offset % cfg->width == 0 && cfg->offset < 4096 && cfg->write <= 1;
}

int device_config_read(struct bh_ctl_pcicfg *cfg)
{
    if (!config_ok(cfg))
        return -EINVAL;
    cfg->value = cfg->offset < PCI_CONFIG_SIZE ? pci_read(cfg->bdf, cfg->offset, cfg->width) : ~0U;
    if (cfg->width < 4)
        cfg->value &= (1U << 8 * cfg->width) - 1;
    return 0;
}

/* device_lock held. The command register is all that an owner may write; other bits of it stay. */
static int config_write(const struct device *dev, const struct bh_ctl_pcicfg *cfg)
{
    uint32_t old;

    if (cfg->offset != PCI_COMMAND || cfg->width != 2)
        return -EPERM;
    old = pci_read(dev->bdf, PCI_COMMAND, 2);
    pci_write(dev->bdf, PCI_COMMAND, 2,
              (old & 0xffffU & ~COMMAND_WRITABLE) | (cfg->value & COMMAND_WRITABLE));
    return 0;
}

static int dev_get(const struct domain *d, struct bh_dev_get *get)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < MAX_DEVICES; i++) {
        if (!devices[i].used || devices[i].domid != d->id || n++ != get->index)
            continue;
        get->bdf = devices[i].bdf;
        get->vendor = (uint16_t)pci_read(get->bdf, PCI_VENDOR, 2);
        get->device = (uint16_t)pci_read(get->bdf, PCI_VENDOR + 2, 2);
        get->class_code = pci_read(get->bdf, PCI_CLASS, 4) >> 8;
        return 0;
    }
    return -ENOENT;
}

static int dev_config(const struct domain *d, struct bh_ctl_pcicfg *cfg)
{
    const struct device *dev = owned_device(d, cfg->bdf);

    if (!dev)
        return -ENODEV;
    if (!config_ok(cfg))
        return -EINVAL;
    return cfg->write ? config_write(dev, cfg) : device_config_read(cfg);
}

static int open_ports(struct domain *d, const struct pci_bar *bar, struct bh_dev_bar *out)
{
    bool legacy_ide = bar->base < PORTS_SAFE && bar->length <= 8;

    if (bar->length > IO_BAR_LENGTH_MAX || (bar->base < PORTS_SAFE && !legacy_ide) ||
        (bar->base <= 0xcffU && bar->base + bar->length > 0xcf8U))
        return -EPERM;
    out->is_io = 1;
    out->base = bar->base;
    out->length = bar->length;
    return ioport_allow(d, (uint16_t)bar->base, (uint32_t)bar->length);
}

/* Does a BAR of this function begin in the page? Whoever is larger than a page has its own. */
static bool has_bar_in(uint16_t bdf, uint64_t page)
{
    for (unsigned int i = 0; i < PCI_NR_BARS; i++) {
        uint32_t low = pci_read(bdf, PCI_BAR0 + 4 * i, 4);

        if (!(low & 1) && low >> PAGE_SHIFT == page)
            return true;
    }
    return false;
}

static bool page_is_shared(uint16_t own, uint64_t page)
{
    for (uint32_t bdf = 0; bdf < 0x10000; bdf++) {
        if ((pci_read((uint16_t)bdf, PCI_VENDOR, 2) & 0xffff) == 0xffff) {
            if (bdf % 8 == 0)
                bdf |= 7; /* no function 0: no device */
        } else if (bdf != own && has_bar_in((uint16_t)bdf, page)) {
            return true;
        }
    }
    return false;
}

static int check_memory_bar(const struct device *dev, const struct pci_bar *bar)
{
    uint64_t first = bar->base >> PAGE_SHIFT, last = (bar->base + bar->length - 1) >> PAGE_SHIFT;

    if (bar->length > BAR_LENGTH_MAX)
        return -E2BIG;
    if (last >= 1ULL << (MAX_PHYS_BITS - PAGE_SHIFT) ||
        (bar->base <= PLATFORM_MMIO_LAST && bar->base + bar->length > PLATFORM_MMIO_FIRST))
        return -EPERM;
    for (uint64_t n = first; n <= last; n++)
        if (frame_is_ram(MFN(n)))
            return -EPERM;
    return bar->length < PAGE_SIZE && page_is_shared(dev->bdf, first) ? -EBUSY : 0;
}

/* Map count frames from mfn at gfn, all or nothing. */
static int map_frames(struct domain *d, gfn_t gfn, mfn_t mfn, uint64_t count, enum p2m_type type)
{
    uint64_t n = 0;
    int rc = 0;

    spin_lock(&d->p2m.lock);
    while (n < count && !rc) {
        rc = p2m_set(&d->p2m, gfn_add(gfn, n), mfn_add(mfn, n), 0, type);
        n += !rc;
    }
    while (rc && n > 0)
        (void)!p2m_clear(&d->p2m, gfn_add(gfn, --n), NULL);
    spin_unlock(&d->p2m.lock);
    if (rc)
        p2m_flush(&d->p2m);
    return rc;
}

static int dev_map_bar(struct domain *d, struct bh_dev_bar *op)
{
    const struct device *dev = owned_device(d, op->bdf);
    const struct pci_bar *bar;
    uint64_t offset;
    int rc;

    if (!dev)
        return -ENODEV;
    if (op->bar >= PCI_NR_BARS)
        return -EINVAL;
    bar = &dev->bars[op->bar];
    if (!bar->base || !bar->length)
        return -ENXIO;
    if (bar->is_io)
        return open_ports(d, bar, op);
    rc = check_memory_bar(dev, bar);
    if (rc)
        return rc;
    offset = bar->base & (PAGE_SIZE - 1);
    rc = map_frames(d, GFN(op->gfn), MFN(bar->base >> PAGE_SHIFT),
                    (offset + bar->length + PAGE_SIZE - 1) >> PAGE_SHIFT, P2M_MMIO);
    if (rc)
        return rc;
    op->is_io = 0;
    op->base = offset;
    op->length = bar->length;
    return 0;
}

static void pin_pool(const struct pool *pool, bool pin)
{
    for (uint64_t i = 0; i < 1ULL << pool->order; i++) {
        if (pin)
            (void)!frame_pin(mfn_add(pool->first, i), pool->domid);
        else
            frame_unpin(mfn_add(pool->first, i));
    }
}

static void raise_limit(struct domain *d, int64_t frames)
{
    spin_lock(&d->lock);
    d->max_frames += (uint64_t)frames;
    spin_unlock(&d->lock);
}

/* The pool comes on top of the domain's RAM: its limit moves up with it. */
static int dev_dma_pool(struct domain *d, struct bh_dev_pool *op)
{
    struct pool *pool = &pools[nr_pools];
    int64_t count = op->nr_frames;
    unsigned int order;
    int rc;

    if (!count || count > POOL_FRAMES_MAX || (count & (count - 1)) || op->pad)
        return -EINVAL;
    if (nr_pools == MAX_POOLS)
        return -ENOSPC;
    order = (unsigned int)__builtin_ctzll((uint64_t)count);
    raise_limit(d, count);
    rc = domain_alloc_ram(d, order, &pool->first);
    if (!rc) {
        rc = map_frames(d, GFN(op->gfn), pool->first, (uint64_t)count, P2M_RAM);
        if (rc)
            domain_free_ram(d, pool->first, order);
    }
    if (rc) {
        raise_limit(d, -count);
        return rc;
    }
    pool->domid = d->id;
    pool->order = order;
    pin_pool(pool, true);
    nr_pools++;
    op->bus = pool->first.n << PAGE_SHIFT;
    return 0;
}

static bool owns_any(const struct domain *d)
{
    for (uint32_t i = 0; i < MAX_DEVICES; i++)
        if (devices[i].used && devices[i].domid == d->id)
            return true;
    return false;
}

static int act(struct domain *d, struct bh_device *op)
{
    switch (op->cmd) {
    case BH_DEV_GET:
        return dev_get(d, &op->u.get);
    case BH_DEV_CFG:
        return dev_config(d, &op->u.cfg);
    case BH_DEV_MAP_BAR:
        return dev_map_bar(d, &op->u.bar);
    case BH_DEV_DMA_POOL:
        return owns_any(d) ? dev_dma_pool(d, &op->u.pool) : -EPERM;
    default:
        return -EINVAL;
    }
}

long do_bh_device(struct vcpu *v, uint64_t arg)
{
    struct bh_device op;
    int rc;

    if (v->d->id >= BH_DOMID_FIRST_SANDBOX)
        return -EPERM;
    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    if (op.version != BH_DEVICE_VERSION)
        return -EINVAL;
    spin_lock(&device_lock);
    rc = act(v->d, &op);
    spin_unlock(&device_lock);
    return rc ? rc : guest_copy_to(v, arg, &op, sizeof(op));
}

/* The domain's vcpus have stopped. BARs leave the p2m with the rest of it. */
int device_destroy(struct domain *d)
{
    spin_lock(&device_lock);
    for (uint32_t i = 0; i < MAX_DEVICES; i++)
        if (devices[i].used && devices[i].domid == d->id) {
            stop_device(devices[i].bdf);
            devices[i].used = false;
        }
    for (uint32_t i = nr_pools; i-- > 0;)
        if (pools[i].domid == d->id) {
            pin_pool(&pools[i], false);
            pools[i] = pools[--nr_pools];
        }
    spin_unlock(&device_lock);
    ioport_deny_all(d);
    return 0;
}
