/* SPDX-License-Identifier: MIT */
/*
 * Watches. They hang in a hash by the watched path, so that a change asks once for each ancestor
 * of the changed node, however many sandboxes there are. An event is only for who may read the
 * node.
 */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct watch {
    struct watch *hash_next;
    struct watch *conn_next;
    struct xs_conn *conn;
    bool fresh;      /* set by the request being served: fires once after the reply */
    size_t path_len; /* canonical */
    char *given;     /* as the connection wrote it */
    char *token;
    char path[]; /* then given, then token */
};

static uint32_t hash_path(const char *path, size_t len)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)path[i]) * 16777619U;
    return h % XS_BUCKETS;
}

static void unlink_hash(struct store *s, struct watch *w)
{
    struct watch **link = &s->watches[hash_path(w->path, w->path_len)];

    while (*link != w)
        link = &(*link)->hash_next;
    *link = w->hash_next;
}

static struct watch **find(struct xs_conn *c, const char *path, const char *token)
{
    for (struct watch **link = &c->watches; *link != NULL; link = &(*link)->conn_next) {
        if (strcmp((*link)->path, path) == 0 && strcmp((*link)->token, token) == 0)
            return link;
    }
    return NULL;
}

static int watch_path(const struct xs_conn *c, const char *given, char path[XS_PATH_SPACE])
{
    if (given[0] != '@')
        return path_canonical(c, given, path);
    if (c->domid != 0)
        return -EACCES;
    if (strcmp(given, "@introduceDomain") != 0 && strcmp(given, "@releaseDomain") != 0)
        return -EINVAL;
    strcpy(path, given);
    return 0;
}

int watch_add(struct xs_conn *c, const char *given, const char *token)
{
    char path[XS_PATH_SPACE];
    size_t path_len, given_len = strlen(given), token_len = strlen(token);
    struct watch *w, **bucket;
    int rc = watch_path(c, given, path);

    if (rc != 0)
        return rc;
    if (token_len > XS_TOKEN_MAX)
        return -EINVAL;
    if (find(c, path, token) != NULL)
        return -EEXIST;
    if (c->nr_watches >= c->quota->watches)
        return -E2BIG;
    path_len = strlen(path);
    w = malloc(sizeof(*w) + path_len + given_len + token_len + 3);
    if (w == NULL)
        return -ENOMEM;
    *w = (struct watch){.conn = c, .fresh = true, .path_len = path_len};
    memcpy(w->path, path, path_len + 1);
    w->given = w->path + path_len + 1;
    memcpy(w->given, given, given_len + 1);
    w->token = w->given + given_len + 1;
    memcpy(w->token, token, token_len + 1);
    bucket = &c->store->watches[hash_path(path, path_len)];
    w->hash_next = *bucket;
    *bucket = w;
    w->conn_next = c->watches;
    c->watches = w;
    c->nr_watches++;
    return 0;
}

int watch_del(struct xs_conn *c, const char *given, const char *token)
{
    char path[XS_PATH_SPACE];
    struct watch **link, *w;
    int rc = watch_path(c, given, path);

    if (rc != 0)
        return rc;
    link = find(c, path, token);
    if (link == NULL)
        return -ENOENT;
    w = *link;
    *link = w->conn_next;
    unlink_hash(c->store, w);
    free(w);
    c->nr_watches--;
    return 0;
}

void watch_reset(struct xs_conn *c)
{
    while (c->watches != NULL) {
        struct watch *w = c->watches;

        c->watches = w->conn_next;
        unlink_hash(c->store, w);
        free(w);
    }
    c->nr_watches = 0;
}

void store_fire_new_watch(struct xs_conn *c)
{
    struct watch *w = c->watches;

    /* New watches are put in front. */
    if (w == NULL || !w->fresh)
        return;
    w->fresh = false;
    c->event(c, w->given, w->token);
}

/* The event's path continues what the connection wrote by what lies below the watched node. */
static void deliver(struct watch *w, const char *path)
{
    char name[XS_PATH_SPACE * 2];
    const char *rest = path + w->path_len;
    size_t given_len = strlen(w->given), rest_len = strlen(rest);

    if (w->path_len == 1 && rest_len > 0) /* "/" watched: its slash is the rest's first */
        rest--, rest_len++, given_len = 0;
    if (given_len + rest_len >= sizeof(name))
        return;
    memcpy(name, w->given, given_len);
    memcpy(name + given_len, rest, rest_len + 1);
    if (w->conn->view) {
        char seen[XS_PATH_SPACE];

        /* Only what lies below an absolute watch can hold the own id still. */
        if (name[0] == '/' && strlen(name) < XS_PATH_SPACE) {
            path_to_view(w->conn, name, seen);
            w->conn->event(w->conn, seen, w->token);
            return;
        }
    }
    w->conn->event(w->conn, name, w->token);
}

static void fire_at(struct store *s, const char *path, size_t len, const struct xs_perms *perms)
{
    struct watch *next;

    for (struct watch *w = s->watches[hash_path(path, len)]; w != NULL; w = next) {
        next = w->hash_next;
        if (w->path_len != len || memcmp(w->path, path, len) != 0)
            continue;
        if (perms_allow(perms, w->conn->domid, XS_PERM_READ))
            deliver(w, path);
    }
}

void watch_fire_exact(struct store *s, const char *path, const struct xs_perms *perms)
{
    fire_at(s, path, strlen(path), perms);
}

void watch_fire(struct store *s, const char *path, const struct xs_perms *perms)
{
    size_t len = strlen(path);

    for (size_t i = 1; i < len; i++) {
        if (path[i] == '/')
            fire_at(s, path, i, perms);
    }
    if (len > 1)
        fire_at(s, path, 1, perms); /* "/" */
    fire_at(s, path, len, perms);
}

void store_fire_special(struct store *s, const char *name)
{
    static const struct xs_perms mgmt_only = {.n = 1, .p = {{.id = 0, .mode = 0}}};

    fire_at(s, name, strlen(name), &mgmt_only);
}
