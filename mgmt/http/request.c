/* SPDX-License-Identifier: MIT */
/* Parsing and checking of request heads. See request.h. */
#include "http/request.h"

#include <string.h>

#include <picohttpparser.h>

struct verdict {
    unsigned int status;
    const char *why;
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool http_slice_is(struct http_slice s, const char *text)
{
    return s.p != NULL && strlen(text) == s.len && memcmp(s.p, text, s.len) == 0;
}

bool http_slice_is_text(struct http_slice s, const char *text)
{
    if (s.p == NULL || strlen(text) != s.len)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (lower(s.p[i]) != lower(text[i]))
            return false;
    }
    return true;
}

struct http_slice http_request_header(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->nr_headers; i++) {
        if (http_slice_is_text(r->headers[i].name, name))
            return r->headers[i].value;
    }
    return (struct http_slice){NULL, 0};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

bool http_list_has(struct http_slice list, const char *token)
{
    size_t i = 0;

    while (list.p != NULL && i < list.len) {
        size_t start, end;

        while (i < list.len && (is_space(list.p[i]) || list.p[i] == ','))
            i++;
        start = i;
        while (i < list.len && list.p[i] != ',' && list.p[i] != ';')
            i++;
        end = i;
        while (end > start && is_space(list.p[end - 1]))
            end--;
        if (http_slice_is_text((struct http_slice){list.p + start, end - start}, token))
            return true;
        while (i < list.len && list.p[i] != ',')
            i++;
    }
    return false;
}

static enum http_method method_of(struct http_slice s)
{
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {{"GET", HTTP_GET},
                   {"HEAD", HTTP_HEAD},
                   {"POST", HTTP_POST},
                   {"PUT", HTTP_PUT},
                   {"DELETE", HTTP_DELETE}};

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (http_slice_is(s, methods[i].name))
            return methods[i].method;
    }
    return HTTP_OTHER;
}

static bool parse_length(struct http_slice s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.len == 0 || s.len > 18)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *out = v;
    return true;
}

/* The framing of the body (RFC 9112, 6.3): a request that two parsers could cut differently is
 * refused. */
static struct verdict check_framing(struct http_request *r)
{
    unsigned int lengths = 0, encodings = 0;

    for (size_t i = 0; i < r->nr_headers; i++) {
        struct http_slice value = r->headers[i].value;

        if (http_slice_is_text(r->headers[i].name, "content-length")) {
            lengths++;
            if (!parse_length(value, &r->content_length))
                return (struct verdict){400, "Content-Length is not a number"};
        } else if (http_slice_is_text(r->headers[i].name, "transfer-encoding")) {
            encodings++;
            if (!http_slice_is_text(value, "chunked"))
                return (struct verdict){501, "only the chunked transfer coding is known"};
            r->chunked = true;
        }
    }
    if (lengths > 1 || encodings > 1 || (lengths > 0 && encodings > 0))
        return (struct verdict){400, "more than one length of the body is given"};
    if (r->chunked && r->minor == 0)
        return (struct verdict){400, "HTTP/1.0 has no transfer codings"};
    return (struct verdict){0, NULL};
}

static struct verdict check_headers(struct http_request *r)
{
    unsigned int hosts = 0;
    struct http_slice expect, connection;

    for (size_t i = 0; i < r->nr_headers; i++) {
        if (r->headers[i].name.p == NULL)
            return (struct verdict){400, "folded header lines are not accepted"};
        if (http_slice_is_text(r->headers[i].name, "host"))
            hosts++;
    }
    if (hosts > 1 || (hosts == 0 && r->minor == 1))
        return (struct verdict){400, "exactly one Host header is needed"};
    connection = http_request_header(r, "connection");
    r->keep_alive = r->minor == 1 ? !http_list_has(connection, "close")
                                  : http_list_has(connection, "keep-alive");
    expect = http_request_header(r, "expect");
    r->expect_continue = r->minor == 1 && http_slice_is_text(expect, "100-continue");
    return check_framing(r);
}

/* picohttpparser takes a bare LF for a line's end; here every line ends with CR LF. */
static bool lines_end_with_crlf(const char *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (buf[i] == '\n' && (i == 0 || buf[i - 1] != '\r'))
            return false;
    }
    return true;
}

static struct verdict check_target(struct http_request *r, struct http_slice target)
{
    const char *mark;

    if (target.len > HTTP_URI_MAX)
        return (struct verdict){414, "the request target is too long"};
    if (target.len == 0 || target.p[0] != '/')
        return (struct verdict){400, "the request target must begin with a slash"};
    for (size_t i = 0; i < target.len; i++) {
        if (target.p[i] <= 0x20 || target.p[i] >= 0x7f || target.p[i] == '#')
            return (struct verdict){400, "the request target has a character that must be encoded"};
    }
    mark = memchr(target.p, '?', target.len);
    r->path = (struct http_slice){target.p, mark ? (size_t)(mark - target.p) : target.len};
    r->query = (struct http_slice){NULL, 0};
    if (mark != NULL)
        r->query = (struct http_slice){mark + 1, target.len - r->path.len - 1};
    return (struct verdict){0, NULL};
}

/* Why picohttpparser refused: a target or header block past our bounds is told apart from nonsense.
 */
static struct verdict refused(const char *buf, size_t len, size_t nr_headers)
{
    const char *line = memchr(buf, '\n', len);
    size_t line_len = line ? (size_t)(line - buf) : len;

    if (nr_headers > HTTP_HEADERS_MAX)
        return (struct verdict){431, "too many headers"};
    if (line != NULL && line_len >= 9 && memcmp(line - 9, "HTTP/", 5) == 0 &&
        memcmp(line - 9, "HTTP/1.", 7) != 0)
        return (struct verdict){505, "only HTTP/1.1 and 1.0 are spoken"};
    return (struct verdict){400, "not an HTTP request"};
}

static struct verdict bounds(const char *buf, size_t len)
{
    const char *line = memchr(buf, '\n', len);

    if (line == NULL && len > HTTP_URI_MAX + HTTP_METHOD_LEN_MAX)
        return (struct verdict){414, "the request target is too long"};
    if (len >= HTTP_HEAD_MAX)
        return (struct verdict){431, "the headers are too long"};
    return (struct verdict){0, NULL};
}

long http_request_parse(const char *buf, size_t len, size_t before, struct http_request *r,
                        unsigned int *status, const char **why)
{
    struct phr_header headers[HTTP_HEADERS_MAX + 1];
    size_t n = HTTP_HEADERS_MAX + 1;
    struct http_slice method, target;
    struct verdict v;
    int rc = phr_parse_request(buf, len, &method.p, &method.len, &target.p, &target.len, &r->minor,
                               headers, &n, before);

    if (rc == -2) {
        v = bounds(buf, len);
        if (v.status == 0)
            return 0;
        goto refuse;
    }
    if (rc < 0 || n > HTTP_HEADERS_MAX) {
        v = refused(buf, len, n);
        goto refuse;
    }
    v = (struct verdict){400, "not an HTTP request"};
    if (!lines_end_with_crlf(buf, (size_t)rc) || method.len > HTTP_METHOD_LEN_MAX)
        goto refuse;
    v = (struct verdict){431, "the headers are too long"};
    if ((size_t)rc > HTTP_HEAD_MAX)
        goto refuse;
    r->method = method_of(method);
    r->chunked = false;
    r->content_length = 0;
    r->nr_headers = n;
    for (size_t i = 0; i < n; i++) {
        r->headers[i].name = (struct http_slice){headers[i].name, headers[i].name_len};
        r->headers[i].value = (struct http_slice){headers[i].value, headers[i].value_len};
    }
    v = check_target(r, target);
    if (v.status == 0)
        v = check_headers(r);
    if (v.status == 0)
        return rc;

refuse:
    *status = v.status;
    *why = v.why;
    return -1;
}
