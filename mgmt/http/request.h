/* SPDX-License-Identifier: MIT */
/*
 * The head of an HTTP/1.x request: parsed by picohttpparser, then held to what this server accepts
 * (RFC 9110, RFC 9112). Strict where leniency lets two parsers disagree: one Host, one length, no
 * folded lines, no bare line feeds. Pure; slices point into the caller's buffer.
 */
#ifndef BH_HTTP_REQUEST_H
#define BH_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX 16384U /* bytes of request line and headers */
#define HTTP_HEADERS_MAX 100U
#define HTTP_URI_MAX 12800U /* bytes: a path of 4096, all percent-encoded, fits */
#define HTTP_METHOD_LEN_MAX 16U

struct http_slice {
    const char *p;
    size_t len;
};

enum http_method {
    HTTP_GET = 1,
    HTTP_HEAD = 2,
    HTTP_POST = 4,
    HTTP_PUT = 8,
    HTTP_DELETE = 16,
    HTTP_OTHER = 32,
};

struct http_header {
    struct http_slice name, value;
};

struct http_request {
    enum http_method method;
    struct http_slice path;  /* still percent-encoded, begins with '/' */
    struct http_slice query; /* without '?' */
    int minor;               /* of HTTP/1.x */
    bool keep_alive;
    bool expect_continue;
    bool chunked;
    uint64_t content_length; /* 0 when chunked */
    size_t nr_headers;
    struct http_header headers[HTTP_HEADERS_MAX];
};

/*
 * Parses what has arrived (`len` bytes, the first `before` of them seen by an earlier call).
 * Returns the length of the head, 0 when more is needed, or -1 with *status (400, 414, 431, 501,
 * 505) and *why, a static text.
 */
long http_request_parse(const char *buf, size_t len, size_t before, struct http_request *r,
                        unsigned int *status, const char **why);

/* Value of the first header of that name (case-insensitive), or a slice with p NULL. */
struct http_slice http_request_header(const struct http_request *r, const char *name);
bool http_slice_is(struct http_slice s, const char *text);      /* exact */
bool http_slice_is_text(struct http_slice s, const char *text); /* ASCII case-insensitive */
/* True if a comma-separated list holds the token (case-insensitive, parameters ignored). */
bool http_list_has(struct http_slice list, const char *token);

#endif
