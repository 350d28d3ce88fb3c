/* SPDX-License-Identifier: MIT */
/*
 * Reading and changing the tree, inside or outside a transaction, with permissions and quotas.
 */
#include "tx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t path_parent_len(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == path ? 1 : (size_t)(slash - path);
}

static void parent_path(const char *path, char out[XS_PATH_SPACE])
{
    size_t len = path_parent_len(path);

    memcpy(out, path, len);
    out[len] = '\0';
}

/* ---- the real tree ---- */

static void account(struct store *s, uint16_t domid, bool add)
{
    struct xs_conn *c = store_find_conn(s, domid);

    if (c == NULL)
        return;
    if (add)
        c->nodes++;
    else if (c->nodes > 0)
        c->nodes--;
}

int tree_make(struct store *s, struct node *parent, const char *name, size_t len,
              const struct xs_perms *perms, struct node **out)
{
    struct node *n = node_add(parent, name, len, ++s->gen);

    if (n == NULL)
        return -ENOMEM;
    n->perms = *perms;
    account(s, perms->p[0].id, true);
    *out = n;
    return 0;
}

void tree_set_perms(struct store *s, struct node *n, const struct xs_perms *perms)
{
    account(s, n->perms.p[0].id, false);
    n->perms = *perms;
    n->gen = ++s->gen;
    account(s, perms->p[0].id, true);
}

static void node_path(const struct node *n, char out[XS_PATH_SPACE])
{
    size_t len = 0, at;

    for (const struct node *i = n; i->parent != NULL; i = i->parent)
        len += strlen(i->name) + 1;
    out[len] = '\0';
    for (const struct node *i = n; i->parent != NULL; i = i->parent) {
        at = strlen(i->name);
        len -= at;
        memcpy(out + len, i->name, at);
        out[--len] = '/';
    }
}

struct removal {
    struct store *store;
    const struct node *top;
};

static void removed(void *ctx, struct node *n)
{
    struct removal *r = ctx;

    account(r->store, n->perms.p[0].id, false);
}

/* Watches below a removed node fire too, while the paths can still be told. */
static void fire_below(struct store *s, const struct node *n)
{
    char path[XS_PATH_SPACE];

    for (uint32_t i = 0; i < n->nchild; i++) {
        fire_below(s, n->child[i]);
        node_path(n->child[i], path);
        watch_fire_exact(s, path, &n->child[i]->perms);
    }
}

void tree_remove(struct store *s, struct node *n)
{
    char path[XS_PATH_SPACE];
    struct xs_perms perms = n->perms;
    struct removal r = {.store = s, .top = n};

    node_path(n, path);
    fire_below(s, n);
    node_remove(n, ++s->gen, removed, &r);
    watch_fire(s, path, &perms);
}

/* ---- the view ---- */

static int look(struct xs_conn *c, struct tx *tx, const char *path, struct node_view *out)
{
    const struct node *n;
    struct tx_entry *e;
    int rc;

    memset(out, 0, sizeof(*out));
    if (tx != NULL) {
        rc = tx_touch(c, tx, path, &e);
        if (rc != 0)
            return rc;
        if (e->changed || !e->exists) {
            out->exists = e->exists;
            out->value = e->value;
            out->value_len = e->value_len;
            out->perms = e->perms;
            return 0;
        }
    }
    n = node_lookup(c->store->root, path);
    if (n == NULL)
        return 0;
    out->exists = true;
    out->value = n->value;
    out->value_len = n->value_len;
    out->perms = n->perms;
    return 0;
}

/* The nearest node above that exists; the root always does. */
static int look_above(struct xs_conn *c, struct tx *tx, const char *path, char above[XS_PATH_SPACE],
                      struct node_view *out)
{
    int rc;

    strcpy(above, path);
    do {
        parent_path(above, above);
        rc = look(c, tx, above, out);
        if (rc != 0)
            return rc;
    } while (!out->exists && above[1] != '\0');
    return 0;
}

int view_get(struct xs_conn *c, struct tx *tx, const char *path, unsigned int mode,
             struct node_view *out)
{
    char above[XS_PATH_SPACE];
    struct node_view v;
    int rc = look(c, tx, path, out);

    if (rc != 0)
        return rc;
    if (out->exists)
        return perms_allow(&out->perms, c->domid, mode) ? 0 : -EACCES;
    /* Absence is a secret of who may read the node above. */
    rc = look_above(c, tx, path, above, &v);
    if (rc != 0)
        return rc;
    return perms_allow(&v.perms, c->domid, mode) ? -ENOENT : -EACCES;
}

struct listing {
    char *out;
    size_t size, len;
};

static int list_name(struct listing *l, const char *name)
{
    size_t len = strlen(name) + 1;

    if (len > l->size - l->len)
        return -E2BIG;
    memcpy(l->out + l->len, name, len);
    l->len += len;
    return 0;
}

static int child_path(const char *path, const char *name, char out[XS_PATH_SPACE])
{
    size_t len = path[1] == '\0' ? 0 : strlen(path), name_len = strlen(name);

    if (len + 1 + name_len >= XS_PATH_SPACE)
        return -EINVAL;
    memcpy(out, path, len);
    out[len] = '/';
    memcpy(out + len + 1, name, name_len + 1);
    return 0;
}

static int list_real(struct xs_conn *c, const struct tx *tx, const char *path, struct listing *l)
{
    const struct node *n = node_lookup(c->store->root, path);
    char child[XS_PATH_SPACE];
    int rc;

    for (uint32_t i = 0; n != NULL && i < n->nchild; i++) {
        const struct tx_entry *e = NULL;

        if (tx != NULL) {
            rc = child_path(path, n->child[i]->name, child);
            if (rc != 0)
                return rc;
            e = tx_entry_find(tx, child);
        }
        if (e != NULL)
            continue; /* listed from the transaction if it exists there */
        rc = list_name(l, n->child[i]->name);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int view_list(struct xs_conn *c, struct tx *tx, const char *path, char *out, size_t size,
              size_t *len)
{
    struct listing l = {.out = out, .size = size};
    const struct tx_entry *self = NULL;
    int rc = 0;

    if (tx != NULL)
        self = tx_entry_find(tx, path);
    if (tx == NULL || (!tx_hides(tx, path) && (self == NULL || !self->tombstone)))
        rc = list_real(c, tx, path, &l);
    for (const struct tx_entry *e = tx != NULL ? tx->first : NULL; e != NULL && rc == 0;
         e = e->next) {
        size_t at = path_parent_len(e->path);

        if (!e->exists || e->path[1] == '\0' || strlen(path) != at ||
            memcmp(e->path, path, at) != 0)
            continue;
        rc = list_name(&l, e->path + (at == 1 ? 1 : at + 1));
    }
    if (rc == 0)
        *len = l.len;
    return rc;
}

static int make(struct xs_conn *c, struct tx *tx, const char *path, const struct node_view *above)
{
    struct xs_perms perms = above->perms;
    struct tx_entry *e;
    char parent[XS_PATH_SPACE];
    struct node *n;
    int rc;

    if (c->domid != 0)
        perms.p[0].id = c->domid;
    if (c->nodes + (tx != NULL ? tx->created : 0) >= c->quota->nodes)
        return -ENOSPC;
    if (tx == NULL) {
        size_t len = path_parent_len(path);
        const char *name = path + (len == 1 ? 1 : len + 1);

        parent_path(path, parent);
        n = node_lookup(c->store->root, parent);
        return tree_make(c->store, n, name, strlen(name), &perms, &n);
    }
    rc = tx_touch(c, tx, path, &e);
    if (rc != 0)
        return rc;
    rc = tx_set_value(e, NULL, 0);
    if (rc != 0)
        return rc;
    e->exists = e->changed = true;
    e->perms = perms;
    tx->created++;
    return 0;
}

/* Makes every missing node down to the path. */
static int make_down_to(struct xs_conn *c, struct tx *tx, const char *path)
{
    char at[XS_PATH_SPACE];
    struct node_view above;
    size_t end;
    int rc = look_above(c, tx, path, at, &above);

    if (rc != 0)
        return rc;
    if (!perms_allow(&above.perms, c->domid, XS_PERM_WRITE))
        return -EACCES;
    end = at[1] == '\0' ? 0 : strlen(at);
    while (path[end] != '\0') {
        end += 1 + strcspn(path + end + 1, "/");
        memcpy(at, path, end);
        at[end] = '\0';
        rc = make(c, tx, at, &above);
        if (rc == 0)
            rc = look(c, tx, at, &above);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int set_value(struct xs_conn *c, struct tx *tx, const char *path, const char *value,
                     size_t len)
{
    struct tx_entry *e;
    int rc;

    if (tx == NULL)
        return node_set_value(node_lookup(c->store->root, path), value, len, ++c->store->gen);
    rc = tx_touch(c, tx, path, &e);
    if (rc == 0)
        rc = tx_own(c, e);
    return rc == 0 ? tx_set_value(e, value, len) : rc;
}

int view_write(struct xs_conn *c, struct tx *tx, const char *path, const char *value, size_t len)
{
    struct node_view v;
    bool fresh;
    int rc = look(c, tx, path, &v);

    if (rc != 0)
        return rc;
    fresh = !v.exists;
    if (v.exists && !perms_allow(&v.perms, c->domid, XS_PERM_WRITE))
        return -EACCES;
    if (fresh)
        rc = make_down_to(c, tx, path);
    if (rc == 0 && value != NULL)
        rc = set_value(c, tx, path, value, len);
    if (rc == 0 && tx == NULL && (fresh || value != NULL)) {
        v.perms = node_lookup(c->store->root, path)->perms;
        watch_fire(c->store, path, &v.perms);
    }
    return rc;
}

static void tx_remove(struct tx *tx, struct tx_entry *e)
{
    size_t len = strlen(e->path);

    e->exists = false;
    e->changed = e->tombstone = true;
    for (struct tx_entry *i = tx->first; i != NULL; i = i->next) {
        if (strncmp(i->path, e->path, len) == 0 && i->path[len] == '/')
            i->exists = false, i->changed = true;
    }
}

int view_rm(struct xs_conn *c, struct tx *tx, const char *path)
{
    char parent[XS_PATH_SPACE];
    struct node_view v;
    struct tx_entry *e;
    int rc;

    if (path[1] == '\0')
        return -EINVAL;
    rc = view_get(c, tx, path, XS_PERM_WRITE, &v);
    if (rc == -ENOENT) { /* as in Xen: fine where it could have been */
        parent_path(path, parent);
        rc = look(c, tx, parent, &v);
        return rc != 0 ? rc : v.exists ? 0 : -ENOENT;
    }
    if (rc != 0)
        return rc;
    if (tx == NULL) {
        tree_remove(c->store, node_lookup(c->store->root, path));
        return 0;
    }
    /* The node above loses a child: that must not have changed either. */
    parent_path(path, parent);
    rc = tx_touch(c, tx, parent, &e);
    if (rc == 0)
        rc = tx_touch(c, tx, path, &e);
    if (rc == 0)
        tx_remove(tx, e);
    return rc;
}

int view_set_perms(struct xs_conn *c, struct tx *tx, const char *path, const struct xs_perms *perms)
{
    struct node_view v;
    struct tx_entry *e;
    int rc = view_get(c, tx, path, 0, &v);

    if (rc != 0)
        return rc;
    if (c->domid != 0 && (v.perms.p[0].id != c->domid || perms->p[0].id != c->domid))
        return -EPERM;
    if (tx == NULL) {
        tree_set_perms(c->store, node_lookup(c->store->root, path), perms);
        watch_fire(c->store, path, perms);
        return 0;
    }
    rc = tx_touch(c, tx, path, &e);
    if (rc == 0)
        rc = tx_own(c, e);
    if (rc == 0)
        e->perms = *perms;
    return rc;
}
