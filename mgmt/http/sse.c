/* SPDX-License-Identifier: MIT */
/* Encoding of server-sent events. See sse.h. */
#include "http/sse.h"

#include <string.h>

#include "http/text.h"

void sse_begin(struct json_out *j, json_sink_fn *sink, void *ctx, const char *event)
{
    json_init(j, sink, ctx);
    j->error = sink(ctx, "event: ", 7);
    if (j->error == 0)
        j->error = sink(ctx, event, strlen(event));
    if (j->error == 0)
        j->error = sink(ctx, "\ndata: ", 7);
}

int sse_end(struct json_out *j)
{
    if (j->error == 0)
        j->error = j->sink(j->ctx, "\n\n", 2);
    return j->error;
}

static int send_piece(json_sink_fn *sink, void *ctx, const char *event, const uint8_t *data,
                      size_t len)
{
    struct json_out j;

    if (len == 0)
        return 0;
    sse_begin(&j, sink, ctx, event);
    json_begin_object(&j);
    if (utf8_valid(data, len)) {
        json_name(&j, "data");
        json_text(&j, data, len);
    } else {
        json_name(&j, "base64");
        json_base64(&j, data, len);
    }
    json_end_object(&j);
    return sse_end(&j);
}

int sse_output(struct sse_text *t, json_sink_fn *sink, void *ctx, const char *event,
               const uint8_t *data, size_t len)
{
    size_t keep;

    /* First complete the held character, byte by byte: it is at most four. */
    while (t->len > 0 && len > 0) {
        int rc;

        t->tail[t->len++] = *data++;
        len--;
        if (utf8_incomplete_tail(t->tail, t->len) == t->len)
            continue;
        /* The byte that broke a character may begin the next one. */
        keep = utf8_incomplete_tail(t->tail, t->len);
        rc = send_piece(sink, ctx, event, t->tail, t->len - keep);
        memmove(t->tail, t->tail + t->len - keep, keep);
        t->len = keep;
        if (rc != 0)
            return rc;
    }
    if (len == 0)
        return 0;
    keep = utf8_incomplete_tail(data, len);
    memcpy(t->tail, data + len - keep, keep);
    t->len = keep;
    return send_piece(sink, ctx, event, data, len - keep);
}

int sse_output_end(struct sse_text *t, json_sink_fn *sink, void *ctx, const char *event)
{
    int rc = send_piece(sink, ctx, event, t->tail, t->len);

    t->len = 0;
    return rc;
}

int sse_comment(json_sink_fn *sink, void *ctx)
{
    return sink(ctx, ": keep-alive\n\n", 14);
}
