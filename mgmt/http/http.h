/* SPDX-License-Identifier: MIT */
/*
 * The HTTP/1.1 server side of one connection. http_serve() runs in the connection's thread: it
 * reads requests, gives each to the handler as a struct http_exchange, and sends what the handler
 * writes. Everything is bounded by HTTP_* below; slow peers are cut by deadlines. Knows nothing of
 * TLS: bytes come and go through struct http_io.
 */
#ifndef BH_HTTP_H
#define BH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/chunk.h"
#include "http/json_out.h"
#include "http/request.h"

#define HTTP_SECOND 1000000000ULL
#define HTTP_FIRST_NS (15 * HTTP_SECOND) /* connection → first byte of the first request */
#define HTTP_IDLE_NS (60 * HTTP_SECOND)  /* between requests */
#define HTTP_HEAD_NS (15 * HTTP_SECOND)  /* first byte → end of the head, whatever trickles */
#define HTTP_BODY_NS (20 * HTTP_SECOND)  /* without a byte of the body */
#define HTTP_BODY_GRACE_NS (30 * HTTP_SECOND)
#define HTTP_BODY_NS_PER_BYTE 1000000ULL /* after the grace: at least 1 KB/s on average */
#define HTTP_WRITE_NS (30 * HTTP_SECOND) /* for each piece of at most 16 KB */
#define HTTP_DRAIN_NS (5 * HTTP_SECOND)
#define HTTP_DRAIN_MAX 65536U /* bytes of an unread body that are read to keep the connection */
#define HTTP_OUT_MAX 8192U
#define HTTP_EXTRA_MAX 1024U
#define HTTP_REQUEST_ID_LEN 17U /* 16 hex digits */

#define HTTP_LENGTH_UNKNOWN UINT64_MAX

/* Reading: >0, 0 end, -ETIMEDOUT, -ECONNRESET …; writing: all of it, 0 or an error. */
struct http_io {
    void *ctx;
    const char *peer; /* for the audit log */
    uint32_t peer_address;
    long (*read)(void *ctx, void *buf, size_t len, uint64_t deadline);
    int (*write)(void *ctx, const void *buf, size_t len, uint64_t deadline);
    int (*flush)(void *ctx, uint64_t deadline);
    bool (*gone)(void *ctx);            /* nobody waits for the answer any more */
    void (*idle)(void *ctx, bool idle); /* between requests: may be cut when room is needed */
};

enum http_body_state { HTTP_BODY_LENGTH = 0, HTTP_BODY_CHUNKED, HTTP_BODY_END, HTTP_BODY_BROKEN };

struct http_exchange {
    /* for handlers to read */
    struct http_request request;
    const struct http_io *io;
    char request_id[HTTP_REQUEST_ID_LEN];
    unsigned int status; /* of the answer, 0 before it began */

    /* private: the body being read */
    enum http_body_state body;
    uint64_t body_left, body_read, body_since;
    struct http_chunk chunk;
    bool continue_pending;
    size_t head_len, in_first, in_len; /* of `in`: head, then unread bytes [in_first, in_len) */

    /* private: the answer being written */
    bool head_sent, out_chunked, out_counted, head_only, must_close, broken, ended;
    int out_error;
    uint64_t out_left;
    const char *content_type;
    size_t out_len, extra_len;
    char extra[HTTP_EXTRA_MAX];
    char out[HTTP_OUT_MAX];
    char in[HTTP_HEAD_MAX + 4096];
};

typedef void http_handler_fn(struct http_exchange *x);

/* Serves until the connection is to end. Returns true when the peer may still be sending: the
 * caller should then read on for a moment before it closes, lest the last answer be lost by a
 * reset. */
bool http_serve(const struct http_io *io, http_handler_fn *handler);

/* ---- the request's body ---- */

/* Some bytes: the count; 0: the end; -EBADMSG malformed, -ETIMEDOUT too slow, -ECONNRESET. Errors
 * are final. Sends "100 Continue" when the client waits for it. */
long http_body_read(struct http_exchange *x, void *buf, size_t len);
/* As above, but -ETIMEDOUT at `deadline` is not final: for bodies that may pause. */
long http_body_read_until(struct http_exchange *x, void *buf, size_t len, uint64_t deadline);
/* True if the body's size is known and larger than max. */
bool http_body_exceeds(const struct http_exchange *x, uint64_t max);

/* ---- the answer ---- */

/* Adds a header to the answer; before http_begin(). */
void http_header(struct http_exchange *x, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Begins an answer. Of unknown length: short ones get a Content-Length, longer ones are chunked. */
void http_begin(struct http_exchange *x, unsigned int status, const char *content_type,
                uint64_t length);
/* 0, or the first error of the connection; a handler that gets one gives up. */
int http_write(struct http_exchange *x, const void *data, size_t len);
/* Sends what is buffered now: for streams of events. */
int http_flush(struct http_exchange *x);
/* The answer cannot be completed: the connection will be cut, so that the client notices. */
void http_break(struct http_exchange *x);
/* An answer without a body: 204 and the like. */
void http_empty(struct http_exchange *x, unsigned int status);
/* An RFC 9457 problem document; `field` (or NULL) names the offending part of the request. After
 * the answer has begun this is http_break(). */
void http_problem(struct http_exchange *x, unsigned int status, const char *slug, const char *field,
                  const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A writer into the answer's body; begins a 200-like JSON answer. */
void http_json(struct http_exchange *x, unsigned int status, struct json_out *j);
bool http_peer_gone(const struct http_exchange *x);

const char *http_reason(unsigned int status);

#endif
