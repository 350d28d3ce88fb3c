/* SPDX-License-Identifier: MIT */
/*
 * The client's side of a libxenvchan ring pair (Xen public/io/libxenvchan.h) over memory that the
 * server, a sandbox, can change at any time: own indices, sizes and grants are private copies.
 */
#ifndef BH_VCHAN_H
#define BH_VCHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rt/event.h>
#include <rt/grant.h>

#define VCHAN_ORDER 16U /* BH_AGENT_RING_ORDER: the only one accepted */
#define VCHAN_SIZE (1U << VCHAN_ORDER)

struct vchan_interface;

struct vchan {
    struct vchan_interface *shared;
    uint8_t *left;  /* we write */
    uint8_t *right; /* we read */
    uint32_t wr_prod, rd_cons;
    evtchn_port port;
    bool dead; /* an index was out of range */
    struct gnt_mapping page_map, left_map, right_map;
};

/* Maps the ring that the server offers. -EPROTO: not of the agreed layout. */
int vchan_connect(struct vchan *v, uint16_t domid, grant_ref ref, evtchn_port remote_port);
void vchan_disconnect(struct vchan *v); /* safe to call twice */
uint32_t vchan_readable(struct vchan *v);
/* The server's write index, to compare only: it tells whether anything came since. */
uint32_t vchan_peer_written(const struct vchan *v);
uint32_t vchan_writable(struct vchan *v);
/* n must not be more than is readable, writable. */
void vchan_peek(const struct vchan *v, void *buf, uint32_t n);
void vchan_skip(struct vchan *v, uint32_t n);
void vchan_put(struct vchan *v, const void *buf, uint32_t n);
/* Makes what was put or skipped visible and wakes the server if it asked for that. */
void vchan_publish(struct vchan *v);
/* Asks for an event when there is more to read and, if wanted, when there is more room. Look again
 * after. */
void vchan_ask(struct vchan *v, bool room);

#endif
