/* SPDX-License-Identifier: MIT */
/*
 * Xenstore requests and watches over either transport. A watch's events queue up, bounded: an event
 * that is queued already is not queued again, and when too many differ the watched path itself is
 * reported, which says that anything below may have changed.
 */
#include "rt/xs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/rt.h"
#include "rt/thread.h"
#include "xs_wire.h"

#define MAX_QUEUED 256U

struct event {
    struct event *next;
    char path[];
};

struct xs_watch {
    struct xs_watch *next;
    char token[16];
    char *path;
    struct event *first, **last;
    unsigned int queued;
    struct waitq changed;
};

static xs_call_fn *transport;
static void *transport_ctx;
static struct xs_watch *watches;
static uint32_t last_token;

void xs_init_local(xs_call_fn *call, void *ctx)
{
    transport = call;
    transport_ctx = ctx;
}

static int call(uint32_t type, uint32_t tx, const void *in, size_t in_len, char **out,
                size_t *out_len)
{
    void *data = NULL;
    size_t len = 0;
    int r;

    if (transport == NULL)
        return -ENODEV;
    r = transport(transport_ctx, type, tx, in, in_len, &data, &len);
    if (r != 0) {
        free(data);
        return r;
    }
    if (out != NULL) {
        *out = data;
        *out_len = len;
    } else {
        free(data);
    }
    return 0;
}

static int call_path(uint32_t type, uint32_t tx, const char *path, char **out, size_t *out_len)
{
    return call(type, tx, path, strlen(path) + 1, out, out_len);
}

int xs_read(uint32_t tx, const char *path, char **value, size_t *len)
{
    char *data, *text;
    size_t n;
    int r = call_path(XS_READ, tx, path, &data, &n);

    if (r != 0)
        return r;
    text = realloc(data, n + 1);
    if (text == NULL) {
        free(data);
        return -ENOMEM;
    }
    text[n] = '\0';
    *value = text;
    if (len != NULL)
        *len = n;
    return 0;
}

int xs_read_u64(uint32_t tx, const char *path, uint64_t *value)
{
    char *text;
    size_t len;
    int r = xs_read(tx, path, &text, &len);

    if (r != 0)
        return r;
    r = xs_parse_u64(text, len, value);
    free(text);
    return r;
}

int xs_write(uint32_t tx, const char *path, const char *value)
{
    size_t path_size = strlen(path) + 1, value_len = strlen(value);
    char *payload = malloc(path_size + value_len);
    int r;

    if (payload == NULL)
        return -ENOMEM;
    memcpy(payload, path, path_size);
    memcpy(payload + path_size, value, value_len);
    r = call(XS_WRITE, tx, payload, path_size + value_len, NULL, NULL);
    free(payload);
    return r;
}

int xs_printf(uint32_t tx, const char *path, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(text))
        return -E2BIG;
    return xs_write(tx, path, text);
}

int xs_rm(uint32_t tx, const char *path)
{
    return call_path(XS_RM, tx, path, NULL, NULL);
}

int xs_mkdir(uint32_t tx, const char *path)
{
    return call_path(XS_MKDIR, tx, path, NULL, NULL);
}

int xs_directory(uint32_t tx, const char *path, char ***names, size_t *n)
{
    char *data;
    size_t len;
    int r = call_path(XS_DIRECTORY, tx, path, &data, &len);

    if (r != 0)
        return r;
    r = xs_parse_list(data, len, names, n);
    free(data);
    return r;
}

int xs_tx_begin(uint32_t *tx)
{
    char *data;
    size_t len;
    uint64_t id = 0;
    int r = call(XS_TRANSACTION_START, XS_TX_NONE, "", 1, &data, &len);

    if (r != 0)
        return r;
    if (len > 0 && data[len - 1] == '\0')
        len--;
    r = xs_parse_u64(data, len, &id);
    free(data);
    if (r != 0 || id == XS_TX_NONE || id > UINT32_MAX)
        return -EPROTO;
    *tx = (uint32_t)id;
    return 0;
}

int xs_tx_end(uint32_t tx, int abort)
{
    return call_path(XS_TRANSACTION_END, tx, abort ? "F" : "T", NULL, NULL);
}

/* Payload of XS_WATCH and XS_UNWATCH: path and token, both with NUL. */
static int call_watch(uint32_t type, const struct xs_watch *w)
{
    size_t path_size = strlen(w->path) + 1, token_size = strlen(w->token) + 1;
    char *payload = malloc(path_size + token_size);
    int r;

    if (payload == NULL)
        return -ENOMEM;
    memcpy(payload, w->path, path_size);
    memcpy(payload + path_size, w->token, token_size);
    r = call(type, XS_TX_NONE, payload, path_size + token_size, NULL, NULL);
    free(payload);
    return r;
}

static void unlink_and_free(struct xs_watch *w)
{
    struct xs_watch **link = &watches;

    while (*link != w)
        link = &(*link)->next;
    *link = w->next;
    while (w->first != NULL) {
        struct event *e = w->first;

        w->first = e->next;
        free(e);
    }
    free(w->path);
    free(w);
}

int xs_watch_add(const char *path, struct xs_watch **watch)
{
    struct xs_watch *w = calloc(1, sizeof(*w));
    int r;

    if (w == NULL)
        return -ENOMEM;
    w->path = strdup(path);
    if (w->path == NULL) {
        free(w);
        return -ENOMEM;
    }
    snprintf(w->token, sizeof(w->token), "rt%u", ++last_token);
    w->last = &w->first;
    /* Before the store is asked: its first event may come before its answer. */
    w->next = watches;
    watches = w;
    r = call_watch(XS_WATCH, w);
    if (r != 0) {
        unlink_and_free(w);
        return r;
    }
    *watch = w;
    return 0;
}

void xs_watch_del(struct xs_watch *w)
{
    if (w == NULL)
        return;
    call_watch(XS_UNWATCH, w);
    unlink_and_free(w);
}

static bool is_queued(const struct xs_watch *w, const char *path)
{
    for (const struct event *e = w->first; e != NULL; e = e->next) {
        if (strcmp(e->path, path) == 0)
            return true;
    }
    return false;
}

static void queue_event(struct xs_watch *w, const char *path)
{
    size_t size;
    struct event *e;

    if (w->queued >= MAX_QUEUED)
        path = w->path;
    if (is_queued(w, path))
        return;
    size = strlen(path) + 1;
    e = malloc(sizeof(*e) + size);
    if (e == NULL)
        rt_panic("rt: no memory for a watch event\n");
    e->next = NULL;
    memcpy(e->path, path, size);
    *w->last = e;
    w->last = &e->next;
    w->queued++;
    waitq_wake_all(&w->changed);
}

void xs_deliver_watch(const char *path, const char *token)
{
    for (struct xs_watch *w = watches; w != NULL; w = w->next) {
        if (strcmp(w->token, token) == 0) {
            queue_event(w, path);
            return;
        }
    }
}

int xs_watch_wait(struct xs_watch *w, uint64_t deadline, char **path)
{
    struct event *e;
    char *copy;

    while (w->first == NULL) {
        if (waitq_wait(&w->changed, deadline) != 0 && w->first == NULL)
            return -ETIMEDOUT;
    }
    e = w->first;
    copy = strdup(e->path);
    if (copy == NULL)
        return -ENOMEM;
    w->first = e->next;
    if (w->first == NULL)
        w->last = &w->first;
    w->queued--;
    free(e);
    *path = copy;
    return 0;
}
