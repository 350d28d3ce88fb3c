/* SPDX-License-Identifier: MIT */
/*
 * Finds the handler of a request in a table of patterns such as "/v1/sessions/{id}". A segment in
 * braces takes any non-empty segment. HEAD goes to GET's handler.
 */
#ifndef BH_HTTP_ROUTER_H
#define BH_HTTP_ROUTER_H

#include "http/http.h"

#define ROUTE_PARAMS_MAX 2U
#define ROUTE_PARAM_LEN 32U /* NUL included; no id is longer */

struct route_match {
    char param[ROUTE_PARAMS_MAX][ROUTE_PARAM_LEN];
};

typedef void route_fn(struct http_exchange *x, const struct route_match *m);

struct route {
    enum http_method method;
    const char *pattern;
    route_fn *handler;
    bool open; /* needs no key */
};

/* The route, or NULL with *allow: the methods (enum http_method bits) of the path, 0 if it is
 * unknown. */
const struct route *route_find(const struct route *table, size_t n, enum http_method method,
                               struct http_slice path, struct route_match *m, unsigned int *allow);
/* "GET, HEAD, POST" */
void route_allow_text(unsigned int allow, char *out, size_t size);

#endif
