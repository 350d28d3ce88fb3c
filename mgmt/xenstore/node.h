/* SPDX-License-Identifier: MIT */
/*
 * The tree of the xenstore: nodes with a value, permissions, a generation and sorted children.
 * Paths here are canonical: absolute, no empty component, no trailing slash ("/" is the root).
 * Knows nothing of connections, watches or transactions.
 */
#ifndef BH_XS_NODE_H
#define BH_XS_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XS_PERM_READ 1U
#define XS_PERM_WRITE 2U
#define XS_PERMS_MAX 6U
#define XS_DEPTH_MAX 24U /* components; bounds recursion */

struct xs_perm {
    uint16_t id;
    uint8_t mode; /* XS_PERM_* */
};

/* As in Xen: the first entry names the owner, who may do everything; its mode is for everybody who
 * is not named by a later entry. */
struct xs_perms {
    uint32_t n;
    struct xs_perm p[XS_PERMS_MAX];
};

struct node {
    struct node *parent;
    struct node **child; /* sorted by name */
    uint32_t nchild, child_cap;
    uint32_t value_len;
    char *value;
    uint64_t gen; /* changes with value, permissions and the set of children */
    struct xs_perms perms;
    char name[];
};

/* Called for each node just before it goes, children first. */
typedef void node_visit_fn(void *ctx, struct node *n);

struct node *node_new_root(void);
struct node *node_lookup(struct node *root, const char *path);
struct node *node_child(const struct node *n, const char *name, size_t len);
/* The new child inherits the parent's permissions. NULL: out of memory. */
struct node *node_add(struct node *parent, const char *name, size_t len, uint64_t gen);
int node_set_value(struct node *n, const void *value, size_t len, uint64_t gen);
/* Removes n and all below; the root only loses its children. */
void node_remove(struct node *n, uint64_t gen, node_visit_fn *visit, void *ctx);
bool perms_allow(const struct xs_perms *perms, uint16_t domid, unsigned int mode);

#endif
