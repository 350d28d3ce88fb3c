/* SPDX-License-Identifier: MIT */
/*
 * Server-sent events (WHATWG HTML, 9.2) as this API uses them: an event name and one line of JSON.
 * Output of a command is cut at UTF-8 boundaries: text goes as {"data":…}, anything else as
 * {"base64":…}.
 */
#ifndef BH_HTTP_SSE_H
#define BH_HTTP_SSE_H

#include "http/json_out.h"

/* Bytes held back from one stream because they begin a character that is not complete. */
struct sse_text {
    uint8_t tail[4];
    size_t len;
};

/* Begins an event; write its JSON to *j, then end it. */
void sse_begin(struct json_out *j, json_sink_fn *sink, void *ctx, const char *event);
int sse_end(struct json_out *j);

/* Sends a piece of output as events of that name. Returns 0 or the sink's error. */
int sse_output(struct sse_text *t, json_sink_fn *sink, void *ctx, const char *event,
               const uint8_t *data, size_t len);
/* At the end of the stream: what was held back. */
int sse_output_end(struct sse_text *t, json_sink_fn *sink, void *ctx, const char *event);

int sse_comment(json_sink_fn *sink, void *ctx);

#endif
