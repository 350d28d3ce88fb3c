/* SPDX-License-Identifier: MIT */
/*
 * Frame buffers: one fixed pool made at the start, so that moving a packet never allocates. A frame
 * has exactly one holder: a ring handler, the switch, or a port's queue.
 */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include <stdint.h>

#define FRAME_ROOM 2048U /* two in a page: a frame never crosses one (grant copy's condition) */

struct frame {
    struct frame *next;
    uint8_t *data; /* FRAME_ROOM bytes */
    uint16_t len;
    uint8_t checksum_blank; /* the sender left the transport checksum to us */
};

struct frame_pool {
    struct frame *free_list;
    uint32_t capacity, free_count;
};

/* A bounded FIFO, zero-initialized empty. */
struct frame_queue {
    struct frame *head, *tail;
    uint32_t count;
};

/* frames: capacity structs; data: capacity * FRAME_ROOM bytes, page-aligned. */
void frame_pool_init(struct frame_pool *pool, struct frame *frames, uint8_t *data,
                     uint32_t capacity);
struct frame *frame_get(struct frame_pool *pool); /* NULL: none left */
void frame_put(struct frame_pool *pool, struct frame *f);

void frame_queue_push(struct frame_queue *q, struct frame *f);
struct frame *frame_queue_pop(struct frame_queue *q); /* NULL: empty */

#endif
