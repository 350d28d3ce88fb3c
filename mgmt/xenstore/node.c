/* SPDX-License-Identifier: MIT */
/*
 * The tree of the xenstore. Children are a sorted array, because /local/domain and a back end's
 * directory have as many entries as there are sandboxes and everything else has few.
 */
#include "node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct node *alloc_node(const char *name, size_t len)
{
    struct node *n = calloc(1, sizeof(*n) + len + 1);

    if (n != NULL)
        memcpy(n->name, name, len);
    return n;
}

struct node *node_new_root(void)
{
    struct node *n = alloc_node("", 0);

    if (n != NULL)
        n->perms = (struct xs_perms){.n = 1, .p = {{.id = 0, .mode = 0}}};
    return n;
}

/* Position of the name, or where it would be inserted. */
static uint32_t find_slot(const struct node *n, const char *name, size_t len, bool *found)
{
    uint32_t lo = 0, hi = n->nchild;

    *found = false;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        const char *other = n->child[mid]->name;
        int cmp = strncmp(name, other, len);

        if (cmp == 0 && other[len] != '\0')
            cmp = -1;
        if (cmp == 0) {
            *found = true;
            return mid;
        }
        if (cmp < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

struct node *node_child(const struct node *n, const char *name, size_t len)
{
    bool found;
    uint32_t slot = find_slot(n, name, len, &found);

    return found ? n->child[slot] : NULL;
}

struct node *node_lookup(struct node *root, const char *path)
{
    struct node *n = root;

    while (n != NULL && *path == '/' && path[1] != '\0') {
        size_t len = strcspn(++path, "/");

        n = node_child(n, path, len);
        path += len;
    }
    return n;
}

struct node *node_add(struct node *parent, const char *name, size_t len, uint64_t gen)
{
    bool found;
    uint32_t slot = find_slot(parent, name, len, &found);
    struct node *n;

    if (found)
        return parent->child[slot];
    if (parent->nchild == parent->child_cap) {
        uint32_t cap = parent->child_cap == 0 ? 4 : parent->child_cap * 2;
        struct node **grown = realloc(parent->child, cap * sizeof(*grown));

        if (grown == NULL)
            return NULL;
        parent->child = grown;
        parent->child_cap = cap;
    }
    n = alloc_node(name, len);
    if (n == NULL)
        return NULL;
    n->parent = parent;
    n->perms = parent->perms;
    n->gen = gen;
    memmove(&parent->child[slot + 1], &parent->child[slot],
            (parent->nchild - slot) * sizeof(parent->child[0]));
    parent->child[slot] = n;
    parent->nchild++;
    parent->gen = gen;
    return n;
}

int node_set_value(struct node *n, const void *value, size_t len, uint64_t gen)
{
    char *copy = NULL;

    if (len > 0) {
        copy = malloc(len);
        if (copy == NULL)
            return -ENOMEM;
        memcpy(copy, value, len);
    }
    free(n->value);
    n->value = copy;
    n->value_len = (uint32_t)len;
    n->gen = gen;
    return 0;
}

/* Depth is at most XS_DEPTH_MAX. */
static void free_subtree(struct node *n, node_visit_fn *visit, void *ctx)
{
    for (uint32_t i = 0; i < n->nchild; i++)
        free_subtree(n->child[i], visit, ctx);
    if (visit != NULL)
        visit(ctx, n);
    free(n->child);
    free(n->value);
    free(n);
}

void node_remove(struct node *n, uint64_t gen, node_visit_fn *visit, void *ctx)
{
    struct node *parent = n->parent;
    bool found;

    if (parent == NULL) {
        for (uint32_t i = 0; i < n->nchild; i++)
            free_subtree(n->child[i], visit, ctx);
        n->nchild = 0;
        n->gen = gen;
        return;
    }
    uint32_t slot = find_slot(parent, n->name, strlen(n->name), &found);

    if (found) {
        memmove(&parent->child[slot], &parent->child[slot + 1],
                (parent->nchild - slot - 1) * sizeof(parent->child[0]));
        parent->nchild--;
        parent->gen = gen;
    }
    free_subtree(n, visit, ctx);
}

bool perms_allow(const struct xs_perms *perms, uint16_t domid, unsigned int mode)
{
    if (domid == 0 || perms->p[0].id == domid)
        return true;
    for (uint32_t i = 1; i < perms->n; i++) {
        if (perms->p[i].id == domid)
            return (perms->p[i].mode & mode) == mode;
    }
    return (perms->p[0].mode & mode) == mode;
}
