/* SPDX-License-Identifier: MIT */
/*
 * Pool of small numbers: grant references and ring slot ids. Pure. Numbers are handed out last in,
 * first out; a stray or double return is refused instead of corrupting the pool.
 */
#ifndef RT_REFPOOL_H
#define RT_REFPOOL_H

#include <stdbool.h>
#include <stdint.h>

#define REFPOOL_END UINT32_MAX
#define REFPOOL_TAKEN (UINT32_MAX - 1)

struct refpool {
    uint32_t *next; /* of `size` numbers: the next free one, REFPOOL_END or REFPOOL_TAKEN */
    uint32_t size;
    uint32_t head;
    uint32_t free;
};

/* All numbers start out taken; add them with refpool_give(). next: room for `size` numbers. */
void refpool_init(struct refpool *pool, uint32_t *next, uint32_t size);
int refpool_take(struct refpool *pool, uint32_t *ref); /* 0 or -ENOSPC */
int refpool_give(struct refpool *pool, uint32_t ref);  /* 0 or -EINVAL */
bool refpool_is_taken(const struct refpool *pool, uint32_t ref);

#endif
