/* SPDX-License-Identifier: MIT */
/*
 * Writing an answer. The head goes out with the first bytes that do not fit the buffer, so that
 * short answers have a length and long ones are chunked without the handler knowing.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rt/rt.h>

#include "http/date.h"
#include "http/exchange.h"

#define PIECE_MAX 16384U

const char *http_reason(unsigned int status)
{
    static const struct {
        unsigned int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "Unknown";
}

void http_answer_reset(struct http_exchange *x)
{
    x->status = 0;
    x->head_sent = x->out_chunked = x->out_counted = x->ended = false;
    x->broken = x->must_close = x->head_only = false;
    x->out_error = 0;
    x->out_left = 0;
    x->content_type = NULL;
    x->out_len = x->extra_len = 0;
}

/* ---- bytes to the connection ---- */

static void send_now(struct http_exchange *x, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0 && x->out_error == 0) {
        size_t n = len < PIECE_MAX ? len : PIECE_MAX;

        x->out_error = x->io->write(x->io->ctx, p, n, rt_now() + HTTP_WRITE_NS);
        p += n;
        len -= n;
    }
}

static void send_head(struct http_exchange *x)
{
    char head[640], date[DATE_HTTP_LEN], length[48] = "";
    bool has_body = x->status != 204;
    int n;

    x->head_sent = true;
    if (!x->request.keep_alive || !http_body_drainable(x))
        x->must_close = true;
    if (!x->out_counted && x->request.minor == 0)
        x->must_close = true; /* the end of the connection is the end of the body */
    if (has_body && x->out_counted)
        snprintf(length, sizeof length, "Content-Length: %llu\r\n",
                 (unsigned long long)x->out_left);
    else if (has_body && x->request.minor == 1)
        x->out_chunked = true;
    date_format_http(rt_wallclock() / HTTP_SECOND, date);
    n = snprintf(head, sizeof head,
                 "HTTP/1.1 %u %s\r\nDate: %s\r\nX-Request-Id: %s\r\n%s%s%s%s%s"
                 "Cache-Control: no-store\r\nConnection: %s\r\n",
                 x->status, http_reason(x->status), date, x->request_id,
                 x->content_type ? "Content-Type: " : "", x->content_type ? x->content_type : "",
                 x->content_type ? "\r\n" : "", length,
                 x->out_chunked ? "Transfer-Encoding: chunked\r\n" : "",
                 x->must_close ? "close" : "keep-alive");
    if (n < 0 || (size_t)n >= sizeof head) {
        x->out_error = -EMSGSIZE;
        return;
    }
    send_now(x, head, (size_t)n);
    send_now(x, x->extra, x->extra_len);
    send_now(x, "\r\n", 2);
}

/* A piece of the body, framed. */
static void send_body(struct http_exchange *x, const void *data, size_t len)
{
    char size[24];

    if (len == 0 || x->head_only)
        return;
    if (x->out_chunked) {
        int n = snprintf(size, sizeof size, "%zx\r\n", len);

        send_now(x, size, (size_t)n);
    }
    if (x->out_counted) {
        if (len > x->out_left) { /* a handler's mistake must not shift the next answer */
            http_break(x);
            return;
        }
        x->out_left -= len;
    }
    send_now(x, data, len);
    if (x->out_chunked)
        send_now(x, "\r\n", 2);
}

static void send_buffered(struct http_exchange *x)
{
    if (!x->head_sent)
        send_head(x);
    send_body(x, x->out, x->out_len);
    x->out_len = 0;
}

/* ---- for handlers ---- */

void http_header(struct http_exchange *x, const char *name, const char *fmt, ...)
{
    size_t room = sizeof x->extra - x->extra_len;
    char value[256];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof value)
        return;
    n = snprintf(x->extra + x->extra_len, room, "%s: %s\r\n", name, value);
    if (n > 0 && (size_t)n < room)
        x->extra_len += (size_t)n;
}

void http_begin(struct http_exchange *x, unsigned int status, const char *content_type,
                uint64_t length)
{
    x->status = status;
    x->content_type = content_type;
    x->out_counted = length != HTTP_LENGTH_UNKNOWN;
    x->out_left = x->out_counted ? length : 0;
    x->head_only = x->request.method == HTTP_HEAD;
}

int http_write(struct http_exchange *x, const void *data, size_t len)
{
    if (x->broken)
        return -ECONNRESET;
    if (len > sizeof x->out - x->out_len) {
        send_buffered(x);
        if (len >= sizeof x->out / 2) {
            send_body(x, data, len);
            return x->out_error;
        }
    }
    memcpy(x->out + x->out_len, data, len);
    x->out_len += len;
    return x->out_error;
}

int http_flush(struct http_exchange *x)
{
    send_buffered(x);
    if (x->out_error == 0)
        x->out_error = x->io->flush(x->io->ctx, rt_now() + HTTP_WRITE_NS);
    return x->out_error;
}

void http_break(struct http_exchange *x)
{
    x->broken = true;
    x->must_close = true;
}

void http_empty(struct http_exchange *x, unsigned int status)
{
    http_begin(x, status, NULL, 0);
}

static int body_sink(void *ctx, const void *data, size_t len)
{
    return http_write(ctx, data, len);
}

void http_json(struct http_exchange *x, unsigned int status, struct json_out *j)
{
    http_begin(x, status, "application/json", HTTP_LENGTH_UNKNOWN);
    json_init(j, body_sink, x);
}

void http_problem(struct http_exchange *x, unsigned int status, const char *slug, const char *field,
                  const char *fmt, ...)
{
    char detail[256], text[96];
    struct json_out j;
    va_list ap;

    if (x->head_sent) {
        http_break(x);
        return;
    }
    va_start(ap, fmt);
    vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    x->out_len = 0;
    http_begin(x, status, "application/problem+json", HTTP_LENGTH_UNKNOWN);
    json_init(&j, body_sink, x);
    json_begin_object(&j);
    snprintf(text, sizeof text, "urn:bulkhead:problem:%s", slug);
    json_field_string(&j, "type", text);
    json_field_string(&j, "title", http_reason(status));
    json_field_unsigned(&j, "status", status);
    json_field_string(&j, "detail", detail);
    snprintf(text, sizeof text, "urn:bulkhead:request:%s", x->request_id);
    json_field_string(&j, "instance", text);
    if (field != NULL)
        json_field_string(&j, "field", field);
    json_end_object(&j);
}

bool http_peer_gone(const struct http_exchange *x)
{
    return x->out_error != 0 || x->io->gone(x->io->ctx);
}

bool http_answer_end(struct http_exchange *x)
{
    if (x->status == 0)
        http_problem(x, 500, "internal", NULL, "no answer was made");
    if (!x->head_sent && !x->out_counted && x->status != 204) {
        x->out_counted = true;
        x->out_left = x->out_len;
    }
    if (!x->broken) {
        send_buffered(x);
        if (x->out_chunked && !x->head_only)
            send_now(x, "0\r\n\r\n", 5);
        if (x->out_counted && x->out_left > 0 && !x->head_only)
            http_break(x);
    }
    if (x->out_error == 0 && !x->broken)
        x->out_error = x->io->flush(x->io->ctx, rt_now() + HTTP_WRITE_NS);
    return x->out_error == 0 && !x->must_close;
}
