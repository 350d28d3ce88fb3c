/* SPDX-License-Identifier: MIT */
/* Pattern matching of paths. See router.h. */
#include "http/router.h"

#include <stdio.h>
#include <string.h>

/* The next segment of a path that begins with '/': advances past it. */
static struct http_slice segment(const char **at, const char *end)
{
    const char *start = *at + 1;
    const char *slash = memchr(start, '/', (size_t)(end - start));

    *at = slash ? slash : end;
    return (struct http_slice){start, (size_t)(*at - start)};
}

static bool match(const char *pattern, struct http_slice path, struct route_match *m)
{
    const char *p = pattern, *p_end = pattern + strlen(pattern);
    const char *q = path.p, *q_end = path.p + path.len;
    size_t params = 0;

    while (p < p_end && q < q_end) {
        struct http_slice want = segment(&p, p_end), have = segment(&q, q_end);

        if (want.len > 0 && want.p[0] == '{') {
            if (have.len == 0 || have.len >= ROUTE_PARAM_LEN || params == ROUTE_PARAMS_MAX)
                return false;
            memcpy(m->param[params], have.p, have.len);
            m->param[params++][have.len] = '\0';
        } else if (want.len != have.len || memcmp(want.p, have.p, want.len) != 0) {
            return false;
        }
    }
    return p == p_end && q == q_end;
}

const struct route *route_find(const struct route *table, size_t n, enum http_method method,
                               struct http_slice path, struct route_match *m, unsigned int *allow)
{
    enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;

    *allow = 0;
    if (path.len == 0 || path.p[0] != '/')
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (!match(table[i].pattern, path, m))
            continue;
        if (table[i].method == wanted)
            return &table[i];
        *allow |= (unsigned int)table[i].method;
    }
    if (*allow & HTTP_GET)
        *allow |= HTTP_HEAD;
    return NULL;
}

void route_allow_text(unsigned int allow, char *out, size_t size)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE"};
    size_t n = 0;

    out[0] = '\0';
    for (unsigned int i = 0; i < 5; i++) {
        if (!(allow & 1U << i) || n >= size)
            continue;
        n += (size_t)snprintf(out + n, size - n, "%s%s", n > 0 ? ", " : "", names[i]);
    }
}
