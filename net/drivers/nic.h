/* SPDX-License-Identifier: MIT */
/*
 * What the switch loop needs of a network card. Cards are polled: no interrupt is used. A card may
 * be broken or hostile: what it wrote into descriptors is bounds-checked on a copy, and frames are
 * copied out of DMA memory before anybody looks at them.
 */
#ifndef NET_NIC_H
#define NET_NIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci.h"

struct nic;

struct nic_ops {
    const char *name;
    /* Next received frame into buf (NIC_FRAME_MAX bytes). Its length; 0: none; -EIO: a bad one was
     * skipped, there may be more. */
    int (*receive)(struct nic *nic, uint8_t *buf);
    bool (*pending)(const struct nic *nic); /* receive() would not return 0 */
    /* Queues one frame (copied, padded to the minimum). -EAGAIN: ring full. */
    int (*send)(struct nic *nic, const uint8_t *frame, size_t len);
    void (*kick)(struct nic *nic); /* after a batch of receive() and send() */
};

#define NIC_FRAME_MAX 1514U

struct nic {
    const struct nic_ops *ops;
    uint8_t mac[6];
};

/* Each sets up its card if fn is one. 0 with *nic (static memory: one card a driver), -ENODEV: not
 * for this driver, or an error. */
int virtio_net_probe(const struct pci_fn *fn, struct nic **nic);
int e1000_probe(const struct pci_fn *fn, struct nic **nic);

#endif
