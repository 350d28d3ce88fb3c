/* SPDX-License-Identifier: MIT */
/*
 * Frame buffers; see frame.h.
 */
#include "frame.h"

#include <stddef.h>

void frame_pool_init(struct frame_pool *pool, struct frame *frames, uint8_t *data,
                     uint32_t capacity)
{
    *pool = (struct frame_pool){.capacity = capacity};
    for (uint32_t i = 0; i < capacity; i++) {
        frames[i].data = data + (size_t)i * FRAME_ROOM;
        frame_put(pool, &frames[i]);
    }
}

struct frame *frame_get(struct frame_pool *pool)
{
    struct frame *f = pool->free_list;

    if (f == NULL)
        return NULL;
    pool->free_list = f->next;
    pool->free_count--;
    f->next = NULL;
    f->len = 0;
    f->checksum_blank = 0;
    return f;
}

void frame_put(struct frame_pool *pool, struct frame *f)
{
    f->next = pool->free_list;
    pool->free_list = f;
    pool->free_count++;
}

void frame_queue_push(struct frame_queue *q, struct frame *f)
{
    f->next = NULL;
    if (q->tail != NULL)
        q->tail->next = f;
    else
        q->head = f;
    q->tail = f;
    q->count++;
}

struct frame *frame_queue_pop(struct frame_queue *q)
{
    struct frame *f = q->head;

    if (f == NULL)
        return NULL;
    q->head = f->next;
    if (q->head == NULL)
        q->tail = NULL;
    f->next = NULL;
    q->count--;
    return f;
}
