/* SPDX-License-Identifier: MIT */
/*
 * Requests of the xenstore protocol: paths, decoding, and the dispatch to tree, transactions and
 * watches.
 */
#include "view.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

const struct xs_quota xs_quota_sandbox = {
    .nodes = 256, .watches = 64, .txs = 8, .tx_entries = 64, .out_bytes = 65536};
const struct xs_quota xs_quota_driver = {
    .nodes = 32768, .watches = 4096, .txs = 32, .tx_entries = 256, .out_bytes = 1U << 20};
const struct xs_quota xs_quota_mgmt = {
    .nodes = 1U << 20, .watches = 4096, .txs = 256, .tx_entries = 256, .out_bytes = 1U << 20};

#define HOME "/local/domain/"

/* ---- paths ---- */

static bool valid_path(const char *p)
{
    unsigned int depth = 0;
    size_t len = strlen(p);

    if (len == 0 || len >= XS_PATH_SPACE || p[0] != '/')
        return false;
    if (len == 1)
        return true;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '/') {
            if (p[i + 1] == '/' || p[i + 1] == '\0' || ++depth > XS_DEPTH_MAX)
                return false;
        } else if (!isalnum((unsigned char)p[i]) && strchr("-_@", p[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/*
 * Finds where a canonical path may hold a domain's own id: /local/domain/<ID>… or
 * /local/domain/X/backend/TYPE/<ID>…. Returns the offset of the id or 0.
 */
static size_t find_own_id(const char *path, size_t nth)
{
    size_t at = strlen(HOME), component;

    if (strncmp(path, HOME, at) != 0)
        return 0;
    if (nth == 0)
        return at;
    at += strcspn(path + at, "/");
    if (strncmp(path + at, "/backend/", 9) != 0)
        return 0;
    at += 9;
    component = strcspn(path + at, "/");
    return path[at + component] == '/' ? at + component + 1 : 0;
}

static int replace_id(char path[XS_PATH_SPACE], unsigned int from, unsigned int to)
{
    for (size_t nth = 0; nth < 2; nth++) {
        size_t at = find_own_id(path, nth), len;
        char old[12], with[12], rest[XS_PATH_SPACE];
        int n;

        if (at == 0)
            continue;
        len = strcspn(path + at, "/");
        snprintf(old, sizeof(old), "%u", from);
        snprintf(with, sizeof(with), "%u", to);
        if (strlen(old) != len || memcmp(path + at, old, len) != 0)
            continue;
        strcpy(rest, path + at + len);
        n = snprintf(path + at, XS_PATH_SPACE - at, "%s%s", with, rest);
        if (n < 0 || (size_t)n >= XS_PATH_SPACE - at)
            return -EINVAL;
    }
    return 0;
}

int path_canonical(const struct xs_conn *c, const char *given, char out[XS_PATH_SPACE])
{
    int n;

    if (given[0] == '/')
        n = snprintf(out, XS_PATH_SPACE, "%s", given);
    else
        n = snprintf(out, XS_PATH_SPACE, HOME "%u/%s", c->domid, given);
    if (n < 0 || (size_t)n >= XS_PATH_SPACE || !valid_path(out))
        return -EINVAL;
    return c->view && given[0] == '/' ? replace_id(out, XS_VIEW_DOMID, c->domid) : 0;
}

void path_to_view(const struct xs_conn *c, const char *path, char out[XS_PATH_SPACE])
{
    snprintf(out, XS_PATH_SPACE, "%s", path);
    if (c->view)
        (void)replace_id(out, c->domid,
                         XS_VIEW_DOMID); /* on failure the path stays: it was too long */
}

/* ---- connections ---- */

int store_init(struct store *s)
{
    memset(s, 0, sizeof(*s));
    s->root = node_new_root();
    s->gen = 1;
    return s->root != NULL ? 0 : -ENOMEM;
}

void store_destroy(struct store *s)
{
    node_remove(s->root, 0, NULL, NULL);
    free(s->root->child);
    free(s->root->value);
    free(s->root);
    s->root = NULL;
}

struct xs_conn *store_find_conn(struct store *s, uint16_t domid)
{
    struct xs_conn *c = s->conns[domid % XS_BUCKETS];

    while (c != NULL && c->domid != domid)
        c = c->next;
    return c;
}

void store_open(struct store *s, struct xs_conn *c, uint16_t domid, bool view,
                const struct xs_quota *quota, xs_event_fn *event, void *owner)
{
    struct xs_conn **bucket = &s->conns[domid % XS_BUCKETS];

    *c = (struct xs_conn){.store = s,
                          .next = *bucket,
                          .quota = quota,
                          .event = event,
                          .owner = owner,
                          .domid = domid,
                          .view = view};
    *bucket = c;
}

void store_close(struct xs_conn *c)
{
    struct xs_conn **link = &c->store->conns[c->domid % XS_BUCKETS];

    watch_reset(c);
    tx_reset(c);
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
}

/* ---- decoding ---- */

struct request {
    struct xs_conn *c;
    struct tx *tx;
    const char *in; /* starts with a NUL-terminated string */
    size_t in_len;
    const char *rest; /* what follows it */
    size_t rest_len;
    char path[XS_PATH_SPACE]; /* canonical form of that string where it is a path */
    char *out;
    size_t *out_len;
};

static int reply(struct request *r, const void *data, size_t len)
{
    if (len > XS_REPLY_MAX)
        return -E2BIG;
    memcpy(r->out, data, len);
    *r->out_len = len;
    return 0;
}

static int reply_ok(struct request *r, int rc)
{
    return rc != 0 ? rc : reply(r, "OK", 3);
}

static int decode_string(struct request *r)
{
    const char *end = memchr(r->in, '\0', r->in_len);

    if (end == NULL)
        return -EINVAL;
    r->rest = end + 1;
    r->rest_len = r->in_len - (size_t)(r->rest - r->in);
    return 0;
}

static int decode_number(const char *s, unsigned int max, unsigned int *out)
{
    uint64_t v = 0;

    if (*s == '\0')
        return -EINVAL;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9')
            return -EINVAL;
        v = v * 10 + (uint64_t)(*s - '0');
        if (v > max)
            return -EINVAL;
    }
    *out = (unsigned int)v;
    return 0;
}

static int decode_perm(const struct xs_conn *c, const char *s, struct xs_perm *p)
{
    unsigned int id;

    switch (s[0]) {
    case 'n':
        p->mode = 0;
        break;
    case 'r':
        p->mode = XS_PERM_READ;
        break;
    case 'w':
        p->mode = XS_PERM_WRITE;
        break;
    case 'b':
        p->mode = XS_PERM_READ | XS_PERM_WRITE;
        break;
    default:
        return -EINVAL;
    }
    if (decode_number(s + 1, 0x7fef, &id) != 0)
        return -EINVAL;
    p->id = (uint16_t)(c->view && id == XS_VIEW_DOMID ? c->domid : id);
    return 0;
}

/* ---- requests ---- */

static int do_read(struct request *r)
{
    struct node_view v;
    int rc = view_get(r->c, r->tx, r->path, XS_PERM_READ, &v);

    return rc != 0 ? rc : reply(r, v.value != NULL ? v.value : "", v.value_len);
}

static int do_directory(struct request *r)
{
    struct node_view v;
    int rc = view_get(r->c, r->tx, r->path, XS_PERM_READ, &v);

    return rc != 0 ? rc : view_list(r->c, r->tx, r->path, r->out, XS_REPLY_MAX, r->out_len);
}

static int do_write(struct request *r)
{
    if (r->rest_len > XS_VALUE_MAX)
        return -E2BIG;
    return reply_ok(r, view_write(r->c, r->tx, r->path, r->rest, r->rest_len));
}

static int do_mkdir(struct request *r)
{
    return reply_ok(r, view_write(r->c, r->tx, r->path, NULL, 0));
}

static int do_rm(struct request *r)
{
    return reply_ok(r, view_rm(r->c, r->tx, r->path));
}

static int do_get_perms(struct request *r)
{
    static const char modes[] = "nrwb";
    struct node_view v;
    size_t len = 0;
    int rc = view_get(r->c, r->tx, r->path, XS_PERM_READ, &v);

    for (uint32_t i = 0; rc == 0 && i < v.perms.n; i++) {
        unsigned int id = v.perms.p[i].id;

        if (r->c->view && id == r->c->domid)
            id = XS_VIEW_DOMID;
        len += (size_t)snprintf(r->out + len, 16, "%c%u", modes[v.perms.p[i].mode & 3U], id) + 1;
    }
    if (rc == 0)
        *r->out_len = len;
    return rc;
}

static int do_set_perms(struct request *r)
{
    struct xs_perms perms = {.n = 0};
    const char *s = r->rest;
    size_t left = r->rest_len;

    while (left > 0) {
        const char *end = memchr(s, '\0', left);

        if (end == NULL)
            return -EINVAL;
        if (perms.n == XS_PERMS_MAX)
            return -ENOSPC;
        if (decode_perm(r->c, s, &perms.p[perms.n]) != 0)
            return -EINVAL;
        perms.n++;
        left -= (size_t)(end + 1 - s);
        s = end + 1;
    }
    if (perms.n == 0)
        return -EINVAL;
    return reply_ok(r, view_set_perms(r->c, r->tx, r->path, &perms));
}

static int do_watch(struct request *r, bool add)
{
    if (r->rest_len == 0 || memchr(r->rest, '\0', r->rest_len) == NULL)
        return -EINVAL;
    return reply_ok(r, add ? watch_add(r->c, r->in, r->rest) : watch_del(r->c, r->in, r->rest));
}

static int do_tx_start(struct request *r)
{
    char text[12];
    uint32_t id;
    int rc;

    if (r->tx != NULL)
        return -EBUSY;
    rc = tx_start(r->c, &id);
    if (rc != 0)
        return rc;
    return reply(r, text, (size_t)snprintf(text, sizeof(text), "%" PRIu32, id) + 1);
}

static int do_tx_end(struct request *r)
{
    bool commit = strcmp(r->in, "T") == 0;

    if (r->tx == NULL)
        return -ENOENT;
    if (!commit && strcmp(r->in, "F") != 0)
        return -EINVAL;
    return reply_ok(r, tx_end(r->c, r->tx, commit));
}

static int do_domain_path(struct request *r)
{
    char text[32];
    unsigned int id;

    if (decode_number(r->in, 0x7fff, &id) != 0)
        return -EINVAL;
    return reply(r, text, (size_t)snprintf(text, sizeof(text), HOME "%u", id) + 1);
}

static int do_is_introduced(struct request *r)
{
    unsigned int id;

    if (decode_number(r->in, 0x7fff, &id) != 0)
        return -EINVAL;
    if (r->c->domid != 0)
        return -EACCES;
    return reply(r, store_find_conn(r->c->store, (uint16_t)id) != NULL ? "T" : "F", 2);
}

static int do_reset_watches(struct request *r)
{
    watch_reset(r->c);
    tx_reset(r->c);
    return reply_ok(r, 0);
}

static int dispatch_path(struct request *r, uint32_t type)
{
    int rc = path_canonical(r->c, r->in, r->path);

    if (rc != 0)
        return rc;
    switch (type) {
    case XS_READ:
        return do_read(r);
    case XS_DIRECTORY:
        return do_directory(r);
    case XS_GET_PERMS:
        return do_get_perms(r);
    case XS_SET_PERMS:
        return do_set_perms(r);
    case XS_WRITE:
        return do_write(r);
    case XS_MKDIR:
        return do_mkdir(r);
    default:
        return do_rm(r);
    }
}

int store_request(struct xs_conn *c, uint32_t type, uint32_t tx_id, const char *in, size_t in_len,
                  char *out, size_t *out_len)
{
    struct request r = {.c = c, .in = in, .in_len = in_len, .out = out, .out_len = out_len};
    int rc;

    *out_len = 0;
    if (tx_id != 0) {
        r.tx = tx_find(c, tx_id);
        if (r.tx == NULL)
            return -ENOENT;
    }
    rc = type == XS_RESET_WATCHES ? 0 : decode_string(&r);
    if (rc != 0)
        return rc;
    switch (type) {
    case XS_READ:
    case XS_DIRECTORY:
    case XS_GET_PERMS:
    case XS_SET_PERMS:
    case XS_WRITE:
    case XS_MKDIR:
    case XS_RM:
        return dispatch_path(&r, type);
    case XS_WATCH:
    case XS_UNWATCH:
        return do_watch(&r, type == XS_WATCH);
    case XS_TRANSACTION_START:
        return do_tx_start(&r);
    case XS_TRANSACTION_END:
        return do_tx_end(&r);
    case XS_GET_DOMAIN_PATH:
        return do_domain_path(&r);
    case XS_IS_DOMAIN_INTRODUCED:
        return do_is_introduced(&r);
    case XS_RESET_WATCHES:
        return do_reset_watches(&r);
    default:
        return -ENOSYS;
    }
}
