/* SPDX-License-Identifier: MIT */
/*
 * The two rings of one network interface (Xen public/io/netif.h), seen from the back end. The pages
 * are shared with a front end that may do anything at any time: each request is copied once and
 * judged on the copy, our indices are private, packet data comes and goes by grant copy only. A
 * front end whose indices make no sense has its ring marked broken; the caller then closes the
 * interface. One thread; needs nothing of the runtime but gnt_copy().
 */
#ifndef NET_NETBACK_RING_H
#define NET_NETBACK_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define xen_mb() __sync_synchronize()
#define xen_rmb() __asm__ volatile("" ::: "memory") /* x86: loads are not reordered with loads, */
#define xen_wmb() __asm__ volatile("" ::: "memory") /* nor stores with stores */
#include <xen/xen.h>
#include <xen/io/netif.h>

#include "frame.h"

#define RING_PAGE 4096U

struct vif_ring {
    uint16_t domid;
    bool broken;
    struct netif_tx_back_ring tx;
    struct netif_rx_back_ring rx;
    uint64_t tx_errors, rx_errors; /* packets answered with an error */
};

typedef void ring_sink_fn(void *ctx, struct frame *f); /* takes over the frame */

void ring_attach(struct vif_ring *r, uint16_t domid, void *tx_page, void *rx_page);

/*
 * Takes up to `budget` packets that the front end sends and gives each to the sink. Returns how
 * many requests were answered. *more: the ring is not empty yet (call again, no event will come).
 * *notify: send the front end an event.
 */
unsigned int ring_take(struct vif_ring *r, struct frame_pool *pool, unsigned int budget,
                       ring_sink_fn *sink, void *ctx, bool *more, bool *notify);

/*
 * Delivers queued frames into the front end's buffers as far as it offered any; the rest stays
 * queued and an event will say when there are more. Returns how many were delivered or failed.
 */
unsigned int ring_deliver(struct vif_ring *r, struct frame_pool *pool, struct frame_queue *q,
                          bool *notify);

#endif
