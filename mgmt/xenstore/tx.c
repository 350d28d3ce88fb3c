/* SPDX-License-Identifier: MIT */
/*
 * Transactions: their entries, and the commit that checks every generation first and then applies.
 */
#include "tx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tx_entry *tx_entry_find(const struct tx *tx, const char *path)
{
    for (struct tx_entry *e = tx->first; e != NULL; e = e->next) {
        if (strcmp(e->path, path) == 0)
            return e;
    }
    return NULL;
}

bool tx_hides(const struct tx *tx, const char *path)
{
    for (const struct tx_entry *e = tx->first; e != NULL; e = e->next) {
        size_t len = strlen(e->path);

        if (e->tombstone && strncmp(e->path, path, len) == 0 && path[len] == '/')
            return true;
    }
    return false;
}

int tx_touch(struct xs_conn *c, struct tx *tx, const char *path, struct tx_entry **out)
{
    struct tx_entry *e = tx_entry_find(tx, path);
    size_t len = strlen(path);
    struct node *n;

    if (e != NULL) {
        *out = e;
        return 0;
    }
    if (tx->entries >= c->quota->tx_entries)
        return -ENOSPC;
    e = calloc(1, sizeof(*e) + len + 1);
    if (e == NULL)
        return -ENOMEM;
    memcpy(e->path, path, len + 1);
    e->hidden = tx_hides(tx, path);
    n = e->hidden ? NULL : node_lookup(c->store->root, path);
    e->exists = n != NULL;
    e->base_gen = n != NULL ? n->gen : GEN_ABSENT;
    e->next = tx->first;
    tx->first = e;
    tx->entries++;
    *out = e;
    return 0;
}

int tx_set_value(struct tx_entry *e, const char *value, size_t len)
{
    char *copy = NULL;

    if (len > 0) {
        copy = malloc(len);
        if (copy == NULL)
            return -ENOMEM;
        memcpy(copy, value, len);
    }
    free(e->value);
    e->value = copy;
    e->value_len = len;
    return 0;
}

int tx_own(struct xs_conn *c, struct tx_entry *e)
{
    struct node *n;
    int rc;

    if (e->changed)
        return 0;
    n = e->exists ? node_lookup(c->store->root, e->path) : NULL;
    if (n != NULL) {
        rc = tx_set_value(e, n->value, n->value_len);
        if (rc != 0)
            return rc;
        e->perms = n->perms;
    }
    e->changed = true;
    return 0;
}

int tx_start(struct xs_conn *c, uint32_t *id)
{
    struct tx *tx;

    if (c->nr_txs >= c->quota->txs)
        return -ENOSPC;
    tx = calloc(1, sizeof(*tx));
    if (tx == NULL)
        return -ENOMEM;
    do {
        tx->id = ++c->last_tx;
    } while (tx->id == 0 || tx_find(c, tx->id) != NULL);
    tx->next = c->txs;
    c->txs = tx;
    c->nr_txs++;
    *id = tx->id;
    return 0;
}

struct tx *tx_find(struct xs_conn *c, uint32_t id)
{
    struct tx *tx = c->txs;

    while (tx != NULL && tx->id != id)
        tx = tx->next;
    return tx;
}

static void tx_free(struct xs_conn *c, struct tx *tx)
{
    struct tx **link = &c->txs;

    while (*link != tx)
        link = &(*link)->next;
    *link = tx->next;
    c->nr_txs--;
    while (tx->first != NULL) {
        struct tx_entry *e = tx->first;

        tx->first = e->next;
        free(e->value);
        free(e);
    }
    free(tx);
}

void tx_reset(struct xs_conn *c)
{
    while (c->txs != NULL)
        tx_free(c, c->txs);
}

static bool still_holds(struct store *s, const struct tx *tx)
{
    for (const struct tx_entry *e = tx->first; e != NULL; e = e->next) {
        const struct node *n;

        if (e->hidden)
            continue;
        n = node_lookup(s->root, e->path);
        if ((n != NULL ? n->gen : GEN_ABSENT) != e->base_gen)
            return false;
    }
    return true;
}

static unsigned int path_depth(const char *path)
{
    unsigned int depth = 0;

    for (; *path != '\0'; path++)
        depth += *path == '/';
    return depth;
}

static int apply_entry(struct store *s, const struct tx_entry *e)
{
    struct node *n = node_lookup(s->root, e->path);
    int rc = 0;

    if (n == NULL) {
        size_t len = path_parent_len(e->path);
        char parent_path[XS_PATH_SPACE];
        struct node *parent;

        memcpy(parent_path, e->path, len);
        parent_path[len] = '\0';
        parent = node_lookup(s->root, parent_path);
        if (parent == NULL)
            return -EIO; /* cannot be: what lay above was remembered too */
        const char *name = e->path + (len == 1 ? 1 : len + 1);

        rc = tree_make(s, parent, name, strlen(name), &e->perms, &n);
    } else {
        tree_set_perms(s, n, &e->perms);
    }
    if (rc == 0)
        rc = node_set_value(n, e->value, e->value_len, ++s->gen);
    return rc;
}

static int commit(struct store *s, const struct tx *tx)
{
    int rc = 0;

    for (const struct tx_entry *e = tx->first; e != NULL; e = e->next) {
        struct node *n = e->tombstone && !e->hidden ? node_lookup(s->root, e->path) : NULL;

        if (n != NULL && n->parent != NULL)
            tree_remove(s, n);
    }
    /* What lies above is made first. */
    for (unsigned int depth = 1; depth <= XS_DEPTH_MAX; depth++) {
        for (const struct tx_entry *e = tx->first; e != NULL && rc == 0; e = e->next) {
            if (e->exists && e->changed && path_depth(e->path) == depth)
                rc = apply_entry(s, e);
        }
    }
    for (const struct tx_entry *e = tx->first; e != NULL && rc == 0; e = e->next) {
        if (e->exists && e->changed)
            watch_fire(s, e->path, &e->perms);
    }
    return rc;
}

int tx_end(struct xs_conn *c, struct tx *tx, bool commit_it)
{
    int rc = 0;

    if (commit_it)
        rc = still_holds(c->store, tx) ? commit(c->store, tx) : -EAGAIN;
    tx_free(c, tx);
    return rc;
}
