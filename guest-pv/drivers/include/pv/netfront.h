/* SPDX-License-Identifier: MIT */
/*
 * Network front end for PV programs (Xen public/io/netif.h): one queue, feature-rx-copy, no
 * offloads but checksum-blank on request. Frames are Ethernet without FCS, 14..1514 bytes.
 */
#ifndef PV_NETFRONT_H
#define PV_NETFRONT_H

#include <stddef.h>
#include <stdint.h>

struct netfront;

/* Called in thread context for each received frame; data is valid during the call only. */
typedef void netfront_rx_fn(void *arg, const uint8_t *frame, size_t len);

/* Connects device/vif/INDEX and waits for the back end (up to `deadline`). */
int netfront_open(unsigned int index, netfront_rx_fn *rx, void *arg, uint64_t deadline,
                  struct netfront **nf);
void netfront_mac(const struct netfront *nf, uint8_t mac[6]);
/* Sends one frame (copied). -EAGAIN: ring full, frame not taken; retry after netfront_wait_tx(). */
int netfront_send(struct netfront *nf, const uint8_t *frame, size_t len);
/* Waits until a frame can be taken. 0, -ETIMEDOUT, or -EIO when the connection is broken. */
int netfront_wait_tx(struct netfront *nf, uint64_t deadline);
void netfront_close(struct netfront *nf);

#endif
