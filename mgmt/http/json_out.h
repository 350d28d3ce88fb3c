/* SPDX-License-Identifier: MIT */
/*
 * A JSON writer that streams into a sink: no tree, no memory that grows with the document. Commas
 * are placed by the writer. The first error of the sink is kept in `error` and later calls do
 * nothing.
 */
#ifndef BH_JSON_OUT_H
#define BH_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int json_sink_fn(void *ctx, const void *data, size_t len);

struct json_out {
    json_sink_fn *sink;
    void *ctx;
    int error;
    bool comma; /* the next value or name needs one before it */
};

void json_init(struct json_out *j, json_sink_fn *sink, void *ctx);
void json_begin_object(struct json_out *j);
void json_end_object(struct json_out *j);
void json_begin_array(struct json_out *j);
void json_end_array(struct json_out *j);
void json_name(struct json_out *j, const char *name);
void json_string(struct json_out *j, const char *s);
/* Text that must be valid UTF-8; NUL bytes are escaped. */
void json_text(struct json_out *j, const uint8_t *s, size_t len);
void json_base64(struct json_out *j, const uint8_t *s, size_t len);
void json_number(struct json_out *j, int64_t v);
void json_unsigned(struct json_out *j, uint64_t v);
void json_bool(struct json_out *j, bool v);
void json_null(struct json_out *j);

/* name and value at once */
void json_field_string(struct json_out *j, const char *name, const char *s);
void json_field_unsigned(struct json_out *j, const char *name, uint64_t v);
void json_field_bool(struct json_out *j, const char *name, bool v);

/* A sink into a fixed buffer: json_buffer.len <= size always; overflow gives -EMSGSIZE. */
struct json_buffer {
    char *data;
    size_t size, len;
};
json_sink_fn json_buffer_sink;

#endif
