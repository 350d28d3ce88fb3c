/* SPDX-License-Identifier: MIT */
/*
 * Device hypercalls; see pci.h. A driver is set up once in the life of the domain, so nothing is
 * ever given back.
 */
#include "pci.h"

#include <errno.h>

#include <bulkhead.h>
#include <rt/rt.h>

#define BAR_PAGES 4096U /* room kept for one BAR: 16 MB */
#define CFG_COMMAND 4U
#define COMMAND_MEMORY 2U
#define COMMAND_MASTER 4U

static int device_call(struct bh_device *d, uint32_t cmd)
{
    d->version = BH_DEVICE_VERSION;
    d->cmd = cmd;
    return (int)rt_hypercall(__HYPERVISOR_bh_device, (unsigned long)d, 0, 0, 0, 0);
}

int pci_get(uint32_t index, struct pci_fn *fn)
{
    struct bh_device d = {.u.get = {.index = index}};
    int rc = device_call(&d, BH_DEV_GET);

    if (rc == 0)
        *fn = (struct pci_fn){d.u.get.bdf, d.u.get.vendor, d.u.get.device, d.u.get.class_code};
    return rc;
}

uint32_t pci_read(const struct pci_fn *fn, uint16_t offset, unsigned int width)
{
    struct bh_device d = {.u.cfg = {.bdf = fn->bdf, .offset = offset, .width = width}};

    return device_call(&d, BH_DEV_CFG) == 0 ? d.u.cfg.value : ~0U;
}

int pci_enable(const struct pci_fn *fn)
{
    uint32_t command = pci_read(fn, CFG_COMMAND, 2) & 0xffffU;
    struct bh_device d = {.u.cfg = {.bdf = fn->bdf,
                                    .offset = CFG_COMMAND,
                                    .width = 2,
                                    .value = command | COMMAND_MEMORY | COMMAND_MASTER,
                                    .write = 1}};

    return device_call(&d, BH_DEV_CFG);
}

int pci_map_bar(const struct pci_fn *fn, unsigned int bar, volatile uint8_t **base, size_t *length)
{
    uint8_t *window = rt_window_reserve(BAR_PAGES);
    struct bh_device d = {
        .u.bar = {.bdf = fn->bdf, .bar = (uint16_t)bar, .gfn = (uintptr_t)window / RT_PAGE}};
    int rc;

    if (window == NULL)
        return -ENOMEM;
    rc = device_call(&d, BH_DEV_MAP_BAR);
    if (rc != 0)
        return rc;
    if (d.u.bar.is_io != 0)
        return -ENOTSUP;
    if (d.u.bar.base >= RT_PAGE || d.u.bar.length > (uint64_t)BAR_PAGES * RT_PAGE - d.u.bar.base)
        return -E2BIG;
    *base = window + d.u.bar.base;
    *length = d.u.bar.length;
    return 0;
}

int pci_dma_pool(uint32_t pages, uint8_t **base, uint64_t *bus)
{
    uint8_t *window = rt_window_reserve(pages);
    struct bh_device d = {.u.pool = {.gfn = (uintptr_t)window / RT_PAGE, .nr_frames = pages}};
    int rc;

    if (window == NULL)
        return -ENOMEM;
    rc = device_call(&d, BH_DEV_DMA_POOL);
    if (rc != 0)
        return rc;
    *base = window;
    *bus = d.u.pool.bus;
    return 0;
}
