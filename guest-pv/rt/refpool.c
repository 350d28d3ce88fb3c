/* SPDX-License-Identifier: MIT */
/* Pool of numbers: see refpool.h. */
#include "refpool.h"

#include <errno.h>

void refpool_init(struct refpool *pool, uint32_t *next, uint32_t size)
{
    *pool = (struct refpool){.next = next, .size = size, .head = REFPOOL_END};
    for (uint32_t i = 0; i < size; i++)
        next[i] = REFPOOL_TAKEN;
}

int refpool_take(struct refpool *pool, uint32_t *ref)
{
    if (pool->head == REFPOOL_END)
        return -ENOSPC;
    *ref = pool->head;
    pool->head = pool->next[*ref];
    pool->next[*ref] = REFPOOL_TAKEN;
    pool->free--;
    return 0;
}

int refpool_give(struct refpool *pool, uint32_t ref)
{
    if (!refpool_is_taken(pool, ref))
        return -EINVAL;
    pool->next[ref] = pool->head;
    pool->head = ref;
    pool->free++;
    return 0;
}

bool refpool_is_taken(const struct refpool *pool, uint32_t ref)
{
    return ref < pool->size && pool->next[ref] == REFPOOL_TAKEN;
}
