/* SPDX-License-Identifier: MIT */
/*
 * Inside of a transaction, for view.c and tx.c only: one entry for each node it looked at or
 * changed.
 */
#ifndef BH_XS_TX_H
#define BH_XS_TX_H

#include "view.h"

#define GEN_ABSENT 0U /* the node was not there */

struct tx_entry {
    struct tx_entry *next;
    uint64_t base_gen;
    bool hidden;    /* lay below a node this transaction had removed: the real one does not count */
    bool exists;    /* as the transaction sees it */
    bool changed;   /* value and perms are the entry's own */
    bool tombstone; /* was removed: nothing real below it counts, even if it was made again */
    size_t value_len;
    char *value;
    struct xs_perms perms;
    char path[];
};

struct tx {
    struct tx *next;
    uint32_t id;
    uint32_t entries;
    uint32_t created; /* nodes the domain would own, for its quota */
    struct tx_entry *first;
};

/* Finds or makes the entry of a path. -ENOSPC: the transaction touches too many nodes. */
int tx_touch(struct xs_conn *c, struct tx *tx, const char *path, struct tx_entry **out);
struct tx_entry *tx_entry_find(const struct tx *tx, const char *path);
/* True if a node above the path was removed in the transaction. */
bool tx_hides(const struct tx *tx, const char *path);
/* Gives the entry contents of its own, copied from what it shows now. */
int tx_own(struct xs_conn *c, struct tx_entry *e);
int tx_set_value(struct tx_entry *e, const char *value, size_t len);

/* Direct changes of the tree with accounting and watches; used without a transaction and at its
 * end. */
int tree_make(struct store *s, struct node *parent, const char *name, size_t len,
              const struct xs_perms *perms, struct node **out);
void tree_remove(struct store *s, struct node *n);
void tree_set_perms(struct store *s, struct node *n, const struct xs_perms *perms);

/* Length of the parent's part of a canonical path, at least 1. */
size_t path_parent_len(const char *path);

#endif
