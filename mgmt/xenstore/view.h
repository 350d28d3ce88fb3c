/* SPDX-License-Identifier: MIT */
/*
 * The tree as a request sees it: the real one, or the real one beneath a transaction's changes. A
 * transaction remembers the generation of every node it looked at and keeps its changes to itself;
 * at its end all remembered generations must still hold, else -EAGAIN and nothing has happened.
 * Permissions and quotas are checked here.
 */
#ifndef BH_XS_VIEW_H
#define BH_XS_VIEW_H

#include "store.h"

struct node_view {
    bool exists;
    const char *value; /* valid until the next change */
    size_t value_len;
    struct xs_perms perms;
};

/* tx: NULL for none. All return 0 or -errno; paths are canonical. */
int view_get(struct xs_conn *c, struct tx *tx, const char *path, unsigned int mode,
             struct node_view *out);
/* Names of the children, each with its NUL, in order. -E2BIG: more than size bytes. */
int view_list(struct xs_conn *c, struct tx *tx, const char *path, char *out, size_t size,
              size_t *len);
/* Creates the node and missing ones above it; value NULL leaves the value of an existing node. */
int view_write(struct xs_conn *c, struct tx *tx, const char *path, const char *value, size_t len);
int view_rm(struct xs_conn *c, struct tx *tx, const char *path);
int view_set_perms(struct xs_conn *c, struct tx *tx, const char *path,
                   const struct xs_perms *perms);

int tx_start(struct xs_conn *c, uint32_t *id);
struct tx *tx_find(struct xs_conn *c, uint32_t id);
int tx_end(struct xs_conn *c, struct tx *tx, bool commit); /* frees tx in every case */
void tx_reset(struct xs_conn *c);

#endif
