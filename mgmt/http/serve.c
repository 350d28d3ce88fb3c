/* SPDX-License-Identifier: MIT */
/* The loop over the requests of one connection. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>

#include "http/exchange.h"
#include "http/text.h"

static void new_request_id(struct http_exchange *x)
{
    uint8_t id[8];

    rt_random(id, sizeof id);
    hex_encode(id, sizeof id, x->request_id);
}

/* A request that could not be read whole: nothing of it can be trusted, so the connection ends. */
static void refuse(struct http_exchange *x, unsigned int status, const char *slug, const char *why)
{
    x->request = (struct http_request){.method = HTTP_OTHER, .minor = 1};
    x->body = HTTP_BODY_BROKEN;
    x->continue_pending = false;
    new_request_id(x);
    http_problem(x, status, slug, NULL, "%s", why);
    http_answer_end(x);
}

static long read_more(struct http_exchange *x, uint64_t deadline)
{
    long n = x->io->read(x->io->ctx, x->in + x->in_len, sizeof x->in - x->in_len, deadline);

    if (n > 0)
        x->in_len += (size_t)n;
    return n;
}

/* Moves what came after the last request to the front. */
static void next_request(struct http_exchange *x)
{
    x->in_len -= x->in_first;
    memmove(x->in, x->in + x->in_first, x->in_len);
    x->in_first = 0;
    x->head_len = 0;
    http_answer_reset(x);
}

/* Reads a head. 1: there is one; 0: the connection ends without an answer; -1: refused. */
static int read_head(struct http_exchange *x, uint64_t idle_deadline)
{
    size_t before = 0;
    uint64_t deadline;
    long n = 1;

    x->io->idle(x->io->ctx, true);
    if (x->in_len == 0)
        n = read_more(x, idle_deadline);
    x->io->idle(x->io->ctx, false);
    if (n <= 0)
        return 0;
    deadline = rt_now() + HTTP_HEAD_NS;
    for (;;) {
        unsigned int status;
        const char *why;
        long len = http_request_parse(x->in, x->in_len, before, &x->request, &status, &why);

        if (len < 0) {
            refuse(x, status, "bad-request", why);
            return -1;
        }
        if (len > 0) {
            x->head_len = x->in_first = (size_t)len;
            return 1;
        }
        before = x->in_len;
        n = read_more(x, deadline);
        if (n == -ETIMEDOUT) {
            refuse(x, 408, "timeout", "the request did not arrive in time");
            return -1;
        }
        if (n <= 0)
            return 0;
    }
}

bool http_serve(const struct http_io *io, http_handler_fn *handler)
{
    struct http_exchange *x = calloc(1, sizeof *x);
    uint64_t idle = HTTP_FIRST_NS;
    bool linger = false;

    if (x == NULL)
        return false;
    x->io = io;
    for (;;) {
        int rc = read_head(x, rt_now() + idle);

        idle = HTTP_IDLE_NS;
        linger = rc < 0;
        if (rc <= 0)
            break;
        new_request_id(x);
        http_body_begin(x);
        handler(x);
        if (!http_answer_end(x) || !http_body_drain(x)) {
            linger = x->out_error == 0 && !x->broken;
            break;
        }
        next_request(x);
    }
    free(x);
    return linger;
}
