/* SPDX-License-Identifier: MIT */
/* The streaming JSON writer. See json_out.h. */
#include "http/json_out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http/text.h"

void json_init(struct json_out *j, json_sink_fn *sink, void *ctx)
{
    *j = (struct json_out){.sink = sink, .ctx = ctx};
}

static void put(struct json_out *j, const void *data, size_t len)
{
    if (j->error == 0 && len > 0)
        j->error = j->sink(j->ctx, data, len);
}

static void begin_value(struct json_out *j)
{
    if (j->comma)
        put(j, ",", 1);
    j->comma = true;
}

static void begin(struct json_out *j, const char *bracket)
{
    begin_value(j);
    put(j, bracket, 1);
    j->comma = false;
}

static void end(struct json_out *j, const char *bracket)
{
    put(j, bracket, 1);
    j->comma = true;
}

void json_begin_object(struct json_out *j)
{
    begin(j, "{");
}

void json_end_object(struct json_out *j)
{
    end(j, "}");
}

void json_begin_array(struct json_out *j)
{
    begin(j, "[");
}

void json_end_array(struct json_out *j)
{
    end(j, "]");
}

/* The escape of a byte, or NULL when it stands for itself. */
static const char *escape_of(uint8_t c, char buf[8])
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        break;
    }
    if (c >= 0x20 && c != 0x7f)
        return NULL;
    snprintf(buf, 8, "\\u%04x", c);
    return buf;
}

static void put_escaped(struct json_out *j, const uint8_t *s, size_t len)
{
    size_t plain = 0;
    char buf[8];

    put(j, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        const char *escape = escape_of(s[i], buf);

        if (escape == NULL)
            continue;
        put(j, s + plain, i - plain);
        put(j, escape, strlen(escape));
        plain = i + 1;
    }
    put(j, s + plain, len - plain);
    put(j, "\"", 1);
}

void json_text(struct json_out *j, const uint8_t *s, size_t len)
{
    begin_value(j);
    put_escaped(j, s, len);
}

void json_string(struct json_out *j, const char *s)
{
    json_text(j, (const uint8_t *)s, strlen(s));
}

void json_name(struct json_out *j, const char *name)
{
    json_string(j, name);
    put(j, ":", 1);
    j->comma = false;
}

void json_base64(struct json_out *j, const uint8_t *s, size_t len)
{
    char piece[BASE64_LEN(384U) + 1];

    begin_value(j);
    put(j, "\"", 1);
    for (size_t i = 0; i < len; i += 384) {
        size_t n = len - i < 384 ? len - i : 384;

        put(j, piece, base64_encode(s + i, n, piece));
    }
    put(j, "\"", 1);
}

void json_number(struct json_out *j, int64_t v)
{
    char text[24];

    begin_value(j);
    put(j, text, (size_t)snprintf(text, sizeof text, "%" PRId64, v));
}

void json_unsigned(struct json_out *j, uint64_t v)
{
    char text[24];

    begin_value(j);
    put(j, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, v));
}

void json_bool(struct json_out *j, bool v)
{
    begin_value(j);
    put(j, v ? "true" : "false", v ? 4 : 5);
}

void json_null(struct json_out *j)
{
    begin_value(j);
    put(j, "null", 4);
}

void json_field_string(struct json_out *j, const char *name, const char *s)
{
    json_name(j, name);
    json_string(j, s);
}

void json_field_unsigned(struct json_out *j, const char *name, uint64_t v)
{
    json_name(j, name);
    json_unsigned(j, v);
}

void json_field_bool(struct json_out *j, const char *name, bool v)
{
    json_name(j, name);
    json_bool(j, v);
}

int json_buffer_sink(void *ctx, const void *data, size_t len)
{
    struct json_buffer *b = ctx;

    if (len > b->size - b->len)
        return -EMSGSIZE;
    memcpy(b->data + b->len, data, len);
    b->len += len;
    return 0;
}
