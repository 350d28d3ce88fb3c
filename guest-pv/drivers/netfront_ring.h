/* SPDX-License-Identifier: MIT */
/*
 * The two shared rings of a network interface (Xen public/io/netif.h, ring.h) as netfront sees
 * them, without waiting or hypercalls. The back end is not trusted: responses are copied once, then
 * checked; the number of requests outstanding is kept privately. Pure.
 */
#ifndef PV_NETFRONT_RING_H
#define PV_NETFRONT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/netif.h>

#define NF_SLOTS 256U /* of a ring of one page, for both directions */
#define NF_PAGE 4096U
#define NF_MAX_FRAME 1514U
#define NF_MIN_FRAME 14U

struct nf_ids {
    bool in_flight[NF_SLOTS]; /* the back end has the page of this id */
};

struct nf_rx {
    struct netif_rx_front_ring ring;
    struct nf_ids ids;
    bool dropping; /* in a chain of fragments, which we never asked for */
};

struct nf_tx {
    struct netif_tx_front_ring ring;
    struct nf_ids ids;
    uint32_t free[NF_SLOTS]; /* stack of ids not in flight */
    uint32_t nr_free;
};

/* sring: a zeroed page, shared later. */
void nf_rx_init(struct nf_rx *rx, struct netif_rx_sring *sring);
void nf_tx_init(struct nf_tx *tx, struct netif_tx_sring *sring);

/* Offers page `id` to the back end; nf_rx_push() makes what was posted visible. */
void nf_rx_post(struct nf_rx *rx, uint16_t id, uint32_t ref);
bool nf_rx_push(struct nf_rx *rx); /* true: notify the back end */

/*
 * Takes one response. 1: page `id` is ours again, with a frame at `offset` of `len` bytes (0: no
 * frame, the page is to be posted again). 0: no more. -EPROTO: the back end broke the rules;
 * nothing it says is to be used any more.
 */
int nf_rx_take(struct nf_rx *rx, uint16_t *id, uint16_t *offset, uint16_t *len);
bool nf_rx_check(struct nf_rx *rx); /* asks for an event; true: there is more already */

/* Takes a free slot: its id is its page. -EAGAIN: none. Then the frame is copied and posted. */
int nf_tx_slot(struct nf_tx *tx, uint16_t *id);
void nf_tx_post(struct nf_tx *tx, uint16_t id, uint32_t ref, uint16_t len);
bool nf_tx_push(struct nf_tx *tx);
/* Takes back what was sent. Number of slots, or -EPROTO. */
int nf_tx_reap(struct nf_tx *tx);
bool nf_tx_check(struct nf_tx *tx);

#endif
