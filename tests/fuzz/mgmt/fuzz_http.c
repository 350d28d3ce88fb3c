/* SPDX-License-Identifier: MIT */
/*
 * The whole HTTP server side fed with arbitrary bytes, in pieces whose sizes come from the input
 * too: heads, bodies, keep-alive and pipelining. The handler reads the body every way there is and
 * parses it as JSON with a table of fields.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>

#include "api/json_in.h"
#include "http/http.h"
#include "http/router.h"
#include "http/sse.h"
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t at, size, step;
};

static uint64_t now;

uint64_t rt_now(void)
{
    return now += 1000;
}

uint64_t rt_wallclock(void)
{
    return 1795000000000000000ULL;
}

void rt_random(void *buf, size_t len)
{
    memset(buf, 0x5a, len);
}

static long feed(void *ctx, void *buf, size_t len, uint64_t deadline)
{
    struct input *in = ctx;
    size_t n = in->size - in->at;

    (void)deadline;
    if (n == 0)
        return in->size & 1 ? 0 : -ETIMEDOUT;
    n = n < in->step ? n : in->step;
    n = n < len ? n : len;
    memcpy(buf, in->data + in->at, n);
    in->at += n;
    return (long)n;
}

/* Touches every byte, so that the sanitizers see what is sent. */
static int swallow(void *ctx, const void *buf, size_t len, uint64_t deadline)
{
    static volatile uint8_t last;
    const uint8_t *p = buf;

    (void)ctx;
    (void)deadline;
    for (size_t i = 0; i < len; i++)
        last = (uint8_t)(last ^ p[i]);
    return 0;
}

static int flush(void *ctx, uint64_t deadline)
{
    (void)ctx;
    (void)deadline;
    return 0;
}

static bool gone(void *ctx)
{
    (void)ctx;
    return false;
}

static void idle(void *ctx, bool is_idle)
{
    (void)ctx;
    (void)is_idle;
}

static int body_sink(void *ctx, const void *data, size_t len)
{
    return http_write(ctx, data, len);
}

static void echo_events(struct http_exchange *x, const struct route_match *m)
{
    struct sse_text t = {.len = 0};
    uint8_t buf[64];
    long n;

    (void)m;
    http_begin(x, 200, "text/event-stream", HTTP_LENGTH_UNKNOWN);
    while ((n = http_body_read(x, buf, sizeof buf)) > 0)
        sse_output(&t, body_sink, x, "stdout", buf, (size_t)n);
    sse_output_end(&t, body_sink, x, "stdout");
    if (n < 0)
        http_break(x);
}

static void read_json(struct http_exchange *x, const struct route_match *m)
{
    static char text[65536];
    const char *string;
    uint64_t count;
    bool flag;
    const cJSON *strings, *map, *word;
    const struct json_field fields[] = {
        {"f", JSON_FLAG, 0, 0, &flag},     {"c", JSON_COUNT, 5, 10, &count},
        {"s", JSON_STRING, 1, 4, &string}, {"a", JSON_STRINGS, 1, 2, &strings},
        {"m", JSON_MAP, 0, 2, &map},       {"w", JSON_WORD, 0, 0, &word}};
    struct json_fault fault;
    size_t len = 0;
    cJSON *object;
    long n = 0;

    (void)m;
    while (len < sizeof text && (n = http_body_read(x, text + len, sizeof text - len)) > 0)
        len += (size_t)n;
    object = json_parse_object(text, len, &fault);
    if (object == NULL || json_read_fields(object, fields, 6, &fault) != 0)
        http_problem(x, 400, "invalid-body", fault.field, "%s", fault.detail);
    else
        http_empty(x, 204);
    cJSON_Delete(object);
}

static void read_query(struct http_exchange *x, const struct route_match *m)
{
    char a[16], b[4096];
    struct url_param params[] = {{"a", a, sizeof a, false}, {"path", b, sizeof b, false}};
    const char *bad;

    http_header(x, "X-Param", "%s", m->param[0]);
    if (url_query(x->request.query, params, 2, &bad) != 0) {
        http_problem(x, 400, "invalid-query", bad, "no");
        return;
    }
    http_begin(x, 200, "application/octet-stream", params[1].found ? strlen(b) : 0);
    if (params[1].found)
        http_write(x, b, strlen(b));
}

static void handle(struct http_exchange *x)
{
    static const struct route routes[] = {{HTTP_POST, "/e", echo_events, true},
                                          {HTTP_PUT, "/j", read_json, true},
                                          {HTTP_GET, "/q/{x}", read_query, true}};
    struct route_match m;
    unsigned int allow;
    const struct route *r = route_find(routes, 3, x->request.method, x->request.path, &m, &allow);

    if (r != NULL)
        r->handler(x, &m);
    else
        http_problem(x, allow != 0 ? 405 : 404, "not-found", NULL, "no");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.data = data + 1, .size = size - 1, .step = 0};
    const struct http_io io = {.ctx = &in,
                               .peer = "10.0.0.1",
                               .read = feed,
                               .write = swallow,
                               .flush = flush,
                               .gone = gone,
                               .idle = idle};

    if (size == 0)
        return 0;
    in.step = data[0] == 0 ? 65536 : data[0];
    http_serve(&io, handle);
    return 0;
}
