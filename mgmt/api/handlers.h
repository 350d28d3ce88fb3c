/* SPDX-License-Identifier: MIT */
/*
 * Inside mgmt/api: the handlers of /v1 and what they share. A handler checks the request, calls the
 * session layer and answers; it runs in its connection's thread and may wait.
 */
#ifndef BH_API_HANDLERS_H
#define BH_API_HANDLERS_H

#include "api/json_in.h"
#include "audit/audit.h"
#include "http/http.h"
#include "http/router.h"
#include "http/url.h"
#include "session/session.h"

#define API_JSON_MAX 1048576U    /* bytes of a JSON body */
#define API_CAPTURE_MAX 1048576U /* bytes of each output stream of a complete exec */
/* Bytes of bodies and captured output held at once, all requests together. Output stops short of
 * it, so that requests still get in when many commands print much. */
#define API_BUDGET 8388608U
#define API_BUDGET_CAPTURE 6291456U
#define API_BODY_FREE 8192U /* of a body, not charged: small requests always get in */
#define API_ACTOR "admin"   /* the one key there is in this version */

/* Finds and runs the handler of a request: the http_handler_fn of every connection. */
void api_handle(struct http_exchange *x);

route_fn api_health, api_system, api_power, api_scan, api_audit;
route_fn api_session_create, api_session_list, api_session_get, api_session_delete,
    api_session_console;
route_fn api_exec, api_exec_stdin, api_exec_signal;
route_fn api_file_get, api_file_put;

/* Memory for what clients send and commands print is counted, so that many at once cannot take all.
 */
bool api_budget_take(size_t bytes, size_t ceiling);
void api_budget_give(size_t bytes);

/* Reads a JSON object from the body; NULL: the problem has been answered. An empty body is {} if
 * `optional`. Free with api_json_free(). */
cJSON *api_json_read(struct http_exchange *x, bool optional, size_t *charged);
void api_json_free(cJSON *object, size_t charged);
/* json_read_fields() with the problem answered on failure: true if fine. */
bool api_fields(struct http_exchange *x, const cJSON *object, const struct json_field *fields,
                size_t n);
/* url_query() likewise. n 0: there must be no query. */
bool api_query(struct http_exchange *x, struct url_param *params, size_t n);
/* A decimal query parameter in min..max; the fallback when it is not there. */
bool api_query_number(struct http_exchange *x, const struct url_param *p, uint64_t min,
                      uint64_t max, uint64_t *value);

/* Answers an error of the session layer. */
void api_session_problem(struct http_exchange *x, int error);
void api_out_of_memory(struct http_exchange *x);
/* An audit entry of this client. */
void api_audit_add(const struct http_exchange *x, const char *action, const char *session,
                   const char *outcome, const char *detail);
/* A short word for an error of the session layer. */
const char *api_error_word(int error);

/* Supplied by the platform: powers off (0) or reboots (1); returns only on failure. */
int platform_power(unsigned int action);

#endif
