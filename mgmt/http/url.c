/* SPDX-License-Identifier: MIT */
/* Percent-decoding and query strings. See url.h. */
#include "http/url.h"

#include <errno.h>
#include <string.h>

#include "http/text.h"

long url_decode(struct http_slice in, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < in.len; i++) {
        char c = in.p[i];

        if (c == '%') {
            uint8_t byte;

            if (in.len - i < 3 || hex_decode(in.p + i + 1, 2, &byte) != 0)
                return -EINVAL;
            c = (char)byte;
            i += 2;
        } else if (c == '+') {
            return -EINVAL;
        }
        if (c == '\0')
            return -EINVAL;
        if (n + 1 >= size)
            return -ENAMETOOLONG;
        out[n++] = c;
    }
    out[n] = '\0';
    return (long)n;
}

static struct url_param *find(struct http_slice name, struct url_param *params, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (http_slice_is(name, params[i].name))
            return &params[i];
    }
    return NULL;
}

int url_query(struct http_slice query, struct url_param *params, size_t n, const char **bad)
{
    size_t i = 0;

    for (size_t k = 0; k < n; k++)
        params[k].found = false;
    while (query.p != NULL && i < query.len) {
        const char *start = query.p + i;
        const char *amp = memchr(start, '&', query.len - i);
        size_t len = amp ? (size_t)(amp - start) : query.len - i;
        const char *equals = memchr(start, '=', len);
        size_t name_len = equals ? (size_t)(equals - start) : len;
        struct url_param *p = find((struct http_slice){start, name_len}, params, n);
        long rc;

        *bad = p ? p->name : "query";
        if (p == NULL || p->found || equals == NULL)
            return -EINVAL;
        rc = url_decode((struct http_slice){equals + 1, len - name_len - 1}, p->value, p->size);
        if (rc < 0)
            return (int)rc;
        p->found = true;
        i += len + 1;
    }
    return 0;
}

bool url_number(const char *text, unsigned long long max, unsigned long long *out)
{
    unsigned long long v = 0;
    size_t len = strlen(text);

    if (len == 0 || len > 19 || (text[0] == '0' && len > 1))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (unsigned long long)(text[i] - '0');
    }
    if (v > max)
        return false;
    *out = v;
    return true;
}
