/* SPDX-License-Identifier: MIT */
/*
 * Connections of the HTTPS server. When all places are taken, the connection that has idled longest
 * between requests makes room; if none idles, the new one is refused.
 */
#include "api/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>
#include <rt/thread.h>

#include "api/handlers.h"
#include "stack/stream.h"
#include "tls/tls.h"

#define SECOND 1000000000ULL
#define HANDSHAKE_NS (15 * SECOND)
#define GOODBYE_NS (2 * SECOND)
#define LINGER_NS (3 * SECOND)
#define STACK_BYTES 49152U

struct connection {
    struct stream *stream;
    struct tls *tls;
    bool idle, dropped;
    uint64_t idle_since;
    struct connection *next;
};

static struct server_config limits;
static struct stream_listener *listener;
static struct connection *connections;
static unsigned int connection_count;

/* ---- bytes between HTTP and TLS ---- */

static long io_read(void *ctx, void *buf, size_t len, uint64_t deadline)
{
    struct connection *c = ctx;

    return tls_read(c->tls, buf, len, deadline);
}

static int io_write(void *ctx, const void *buf, size_t len, uint64_t deadline)
{
    struct connection *c = ctx;

    return tls_write(c->tls, buf, len, deadline);
}

static int io_flush(void *ctx, uint64_t deadline)
{
    struct connection *c = ctx;

    return tls_flush(c->tls, deadline);
}

static bool io_gone(void *ctx)
{
    struct connection *c = ctx;

    return stream_peer_gone(c->stream);
}

static void io_idle(void *ctx, bool idle)
{
    struct connection *c = ctx;

    c->idle = idle;
    c->idle_since = rt_now();
}

/* ---- one connection ---- */

/* The last answer is on its way; what the client still sends is read and dropped, because closing
 * on unread input would reset the connection and could lose the answer. */
static void linger(struct connection *c)
{
    uint64_t deadline = rt_now() + LINGER_NS;
    char sink[2048];

    while (stream_read(c->stream, sink, sizeof sink, deadline) > 0)
        continue;
}

static void remove_connection(struct connection *c)
{
    struct connection **link = &connections;

    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    connection_count--;
}

static void serve(void *arg)
{
    struct connection *c = arg;
    struct http_io io = {
        .ctx = c,
        .peer = stream_peer(c->stream),
        .peer_address = stream_peer_address(c->stream),
        .read = io_read,
        .write = io_write,
        .flush = io_flush,
        .gone = io_gone,
        .idle = io_idle,
    };

    if (tls_open(c->stream, &c->tls, rt_now() + HANDSHAKE_NS) == 0) {
        bool wait = http_serve(&io, api_handle);

        c->idle = false;
        if (tls_shutdown(c->tls, rt_now() + GOODBYE_NS) == 0 && wait)
            linger(c);
        tls_free(c->tls);
    }
    remove_connection(c);
    stream_close(c->stream);
    free(c);
}

/* ---- admission ---- */

static unsigned int count_peer(uint32_t peer)
{
    unsigned int n = 0;

    for (const struct connection *c = connections; c != NULL; c = c->next)
        n += !c->dropped && stream_peer_address(c->stream) == peer ? 1U : 0U;
    return n;
}

/* Cuts the connection that idles longest; `peer` restricts the choice unless it is 0. */
static bool make_room(uint32_t peer)
{
    struct connection *oldest = NULL;

    for (struct connection *c = connections; c != NULL; c = c->next) {
        if (!c->idle || c->dropped || (peer != 0 && stream_peer_address(c->stream) != peer))
            continue;
        if (oldest == NULL || c->idle_since < oldest->idle_since)
            oldest = c;
    }
    if (oldest == NULL)
        return false;
    oldest->dropped = true;
    stream_abort(oldest->stream);
    thread_yield(); /* it ends now, and its memory is free for the next */
    return true;
}

static bool admit(struct stream *s)
{
    uint32_t peer = stream_peer_address(s);

    if (count_peer(peer) >= limits.max_per_peer && !make_room(peer))
        return false;
    return connection_count < limits.max_connections || make_room(0);
}

static void accept_loop(void *arg)
{
    (void)arg;
    for (;;) {
        struct connection *c;
        struct stream *s;

        if (stream_accept(listener, &s, WAIT_FOREVER) != 0)
            continue;
        c = admit(s) ? calloc(1, sizeof *c) : NULL;
        if (c == NULL) {
            stream_abort(s);
            stream_close(s);
            continue;
        }
        c->stream = s;
        c->next = connections;
        connections = c;
        connection_count++;
        if (thread_create(serve, c, "https", STACK_BYTES) != 0) {
            remove_connection(c);
            stream_abort(s);
            stream_close(s);
            free(c);
        }
    }
}

/* ---- start ---- */

struct server_config server_config_from_options(void)
{
    struct server_config c = {.port = 443};
    uint64_t max = rt_option_u64("api.max_connections", 64);
    uint64_t peer;

    max = max < 1 ? 1 : max > 96 ? 96 : max; /* lwIP has 128 connections in all */
    /* By default no single peer can shut out all others. */
    peer = rt_option_u64("api.max_per_peer", max > 8 ? max - 4 : max);
    c.max_connections = (unsigned int)max;
    c.max_per_peer = (unsigned int)(peer < 1 ? 1 : peer > max ? max : peer);
    return c;
}

int server_start(const struct server_config *config)
{
    int rc;

    limits = *config;
    rc = stream_listen(config->port, &listener);
    return rc != 0 ? rc : thread_create(accept_loop, NULL, "accept", 0);
}
