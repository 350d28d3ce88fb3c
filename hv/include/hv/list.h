/* SPDX-License-Identifier: MIT */
/*
 * Circular doubly linked list with a head. A node that is in no list points at itself, so
 * list_del_init() and list_linked() are safe on it. The lock is the caller's.
 */
#ifndef HV_LIST_H
#define HV_LIST_H

#include <hv/types.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_linked(const struct list *l)
{
    return l->next != l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Insert node right before pos; with pos = head: at the end. */
static inline void list_add_before(struct list *pos, struct list *node)
{
    node->prev = pos->prev;
    node->next = pos;
    pos->prev->next = node;
    pos->prev = node;
}

static inline void list_del_init(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_for_each(pos, head) for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)

#endif
