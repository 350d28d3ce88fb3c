/* SPDX-License-Identifier: MIT */
/* Percent-decoding and query strings (RFC 3986), strict: what is not understood is an error. */
#ifndef BH_HTTP_URL_H
#define BH_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "http/request.h"

struct url_param {
    const char *name;
    char *value; /* decoded, NUL-terminated */
    size_t size; /* of value */
    bool found;  /* OUT */
};

/* Decodes into out (NUL-terminated). '%' needs two hex digits; NUL and '+' (which means two things
 * on the web: write %20 or %2B) are refused. Returns the length, or -EINVAL, -ENAMETOOLONG. */
long url_decode(struct http_slice in, char *out, size_t size);

/* Splits the query into the named parameters. -EINVAL with *bad: a name that is unknown, given
 * twice or not well encoded; -ENAMETOOLONG likewise. *bad points to one of the params' names or to
 * "query". */
int url_query(struct http_slice query, struct url_param *params, size_t n, const char **bad);

/* Decimal, no sign, no leading zeros but "0". */
bool url_number(const char *text, unsigned long long max, unsigned long long *out);

#endif
