/* SPDX-License-Identifier: MIT */
/*
 * Reading a request's body as the handler asks for it, so that nothing is held that nobody wants:
 * the peer's window stays shut meanwhile. Slow bodies are cut by idle time and by average rate.
 */
#include <errno.h>
#include <string.h>

#include <rt/rt.h>

#include "http/exchange.h"

void http_body_begin(struct http_exchange *x)
{
    const struct http_request *r = &x->request;

    x->chunk = (struct http_chunk){0};
    x->body_left = r->content_length;
    x->body_read = 0;
    x->body_since = rt_now();
    x->body = r->chunked ? HTTP_BODY_CHUNKED : HTTP_BODY_LENGTH;
    if (!r->chunked && r->content_length == 0)
        x->body = HTTP_BODY_END;
    x->continue_pending = r->expect_continue && x->body != HTTP_BODY_END;
}

bool http_body_exceeds(const struct http_exchange *x, uint64_t max)
{
    return x->body == HTTP_BODY_LENGTH && x->body_left > max;
}

static long broken(struct http_exchange *x, long error)
{
    x->body = HTTP_BODY_BROKEN;
    x->must_close = true;
    return error;
}

static int send_continue(struct http_exchange *x)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    uint64_t deadline = rt_now() + HTTP_WRITE_NS;
    int rc;

    if (!x->continue_pending)
        return 0;
    x->continue_pending = false;
    rc = x->io->write(x->io->ctx, text, sizeof text - 1, deadline);
    return rc != 0 ? rc : x->io->flush(x->io->ctx, deadline);
}

/* Bytes behind the head that came with it, or straight from the connection. */
static long read_plain(struct http_exchange *x, void *buf, size_t len, uint64_t deadline)
{
    size_t have = x->in_len - x->in_first;

    if (have > 0) {
        len = len < have ? len : have;
        memcpy(buf, x->in + x->in_first, len);
        x->in_first += len;
        return (long)len;
    }
    return x->io->read(x->io->ctx, buf, len, deadline);
}

static long read_length(struct http_exchange *x, void *buf, size_t len, uint64_t deadline)
{
    long n;

    if (len > x->body_left)
        len = (size_t)x->body_left;
    n = read_plain(x, buf, len, deadline);
    if (n == 0)
        return -ECONNRESET;
    if (n < 0)
        return n;
    x->body_left -= (uint64_t)n;
    if (x->body_left == 0)
        x->body = HTTP_BODY_END;
    return n;
}

/* Brings more of a chunked body into the room behind the head. */
static long refill(struct http_exchange *x, uint64_t deadline)
{
    long n;

    x->in_first = x->in_len = x->head_len;
    n = x->io->read(x->io->ctx, x->in + x->in_len, sizeof x->in - x->in_len, deadline);
    if (n > 0)
        x->in_len += (size_t)n;
    return n == 0 ? -ECONNRESET : n;
}

static long read_chunked(struct http_exchange *x, void *buf, size_t len, uint64_t deadline)
{
    for (;;) {
        const uint8_t *in = (const uint8_t *)x->in + x->in_first, *data;
        size_t have = x->in_len - x->in_first, used, data_len;
        int rc;

        /* Never more than the caller has room for: framing costs room, too, so this is safe. */
        rc = http_chunk_next(&x->chunk, in, have < len ? have : len, &used, &data, &data_len);
        x->in_first += used;
        if (rc < 0)
            return -EBADMSG;
        if (data_len > 0)
            memcpy(buf, data, data_len);
        if (rc == 1)
            x->body = HTTP_BODY_END;
        if (data_len > 0 || rc == 1)
            return (long)data_len;
        if (x->in_first == x->in_len) {
            long n = refill(x, deadline);

            if (n < 0)
                return n;
        }
    }
}

static long read_some(struct http_exchange *x, void *buf, size_t len, uint64_t deadline)
{
    long n;

    if (x->body == HTTP_BODY_END || len == 0)
        return 0;
    if (x->body == HTTP_BODY_BROKEN)
        return -ECONNRESET;
    n = send_continue(x);
    if (n == 0)
        n = x->body == HTTP_BODY_CHUNKED ? read_chunked(x, buf, len, deadline)
                                         : read_length(x, buf, len, deadline);
    if (n > 0)
        x->body_read += (uint64_t)n;
    return n;
}

long http_body_read_until(struct http_exchange *x, void *buf, size_t len, uint64_t deadline)
{
    long n = read_some(x, buf, len, deadline);

    return n < 0 && n != -ETIMEDOUT ? broken(x, n) : n;
}

long http_body_read(struct http_exchange *x, void *buf, size_t len)
{
    uint64_t idle = rt_now() + HTTP_BODY_NS;
    uint64_t rate = x->body_since + HTTP_BODY_GRACE_NS + x->body_read * HTTP_BODY_NS_PER_BYTE;
    long n = read_some(x, buf, len, idle < rate ? idle : rate);

    return n < 0 ? broken(x, n) : n;
}

bool http_body_drainable(const struct http_exchange *x)
{
    if (x->body == HTTP_BODY_END)
        return true;
    return x->body == HTTP_BODY_LENGTH && !x->continue_pending && x->body_left <= HTTP_DRAIN_MAX;
}

bool http_body_drain(struct http_exchange *x)
{
    uint64_t deadline = rt_now() + HTTP_DRAIN_NS;
    char sink[512];

    if (!http_body_drainable(x))
        return false;
    while (x->body != HTTP_BODY_END) {
        if (http_body_read_until(x, sink, sizeof sink, deadline) <= 0)
            return x->body == HTTP_BODY_END;
    }
    return true;
}
