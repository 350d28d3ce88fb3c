/* SPDX-License-Identifier: MIT */
/* Inside mgmt/http: the steps of an exchange that the connection loop takes. */
#ifndef BH_HTTP_EXCHANGE_H
#define BH_HTTP_EXCHANGE_H

#include "http/http.h"

/* Readies the body's reader once the head is parsed. */
void http_body_begin(struct http_exchange *x);
/* Whether the unread rest of the body is small enough to be read away. */
bool http_body_drainable(const struct http_exchange *x);
/* Reads it away: true if the next request can follow. */
bool http_body_drain(struct http_exchange *x);
/* Completes the answer. True if the connection can be used again, as far as the answer goes. */
bool http_answer_end(struct http_exchange *x);
/* Forgets the last answer. */
void http_answer_reset(struct http_exchange *x);

#endif
