/* SPDX-License-Identifier: MIT */
/* What the handlers share: bodies, queries, memory budget, errors, and the dispatch of requests. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>

#include "api/handlers.h"
#include "auth/auth.h"

static const struct route routes[] = {
    {HTTP_GET, "/v1/health", api_health, true},
    {HTTP_GET, "/v1/system", api_system, false},
    {HTTP_POST, "/v1/system/power", api_power, false},
    {HTTP_POST, "/v1/system/scan", api_scan, false},
    {HTTP_GET, "/v1/audit", api_audit, false},
    {HTTP_GET, "/v1/sessions", api_session_list, false},
    {HTTP_POST, "/v1/sessions", api_session_create, false},
    {HTTP_GET, "/v1/sessions/{id}", api_session_get, false},
    {HTTP_DELETE, "/v1/sessions/{id}", api_session_delete, false},
    {HTTP_GET, "/v1/sessions/{id}/console", api_session_console, false},
    {HTTP_POST, "/v1/sessions/{id}/exec", api_exec, false},
    {HTTP_POST, "/v1/sessions/{id}/execs/{exec}/stdin", api_exec_stdin, false},
    {HTTP_POST, "/v1/sessions/{id}/execs/{exec}/signal", api_exec_signal, false},
    {HTTP_GET, "/v1/sessions/{id}/files", api_file_get, false},
    {HTTP_PUT, "/v1/sessions/{id}/files", api_file_put, false},
};

static size_t budget_used;

bool api_budget_take(size_t bytes, size_t ceiling)
{
    if (budget_used > ceiling || bytes > ceiling - budget_used)
        return false;
    budget_used += bytes;
    return true;
}

void api_budget_give(size_t bytes)
{
    budget_used -= bytes;
}

/* ---- dispatch ---- */

static void unauthorized(struct http_exchange *x, enum auth_result result)
{
    unsigned int wait = auth_count_failure(x->io->peer_address, rt_now());

    http_header(x, "WWW-Authenticate", "Bearer realm=\"bulkhead\"%s",
                result == AUTH_WRONG ? ", error=\"invalid_token\"" : "");
    if (wait > 0) {
        http_header(x, "Retry-After", "%u", wait);
        http_problem(x, 429, "too-many-failures", NULL,
                     "too many requests without a right API key came from this address");
        return;
    }
    audit_add("-", x->io->peer, "auth.fail", "", "denied", "%s",
              result == AUTH_MISSING ? "no key" : "wrong key");
    http_problem(x, 401, "unauthorized", NULL,
                 result == AUTH_MISSING ? "an API key is needed: Authorization: Bearer bhk_…"
                                        : "the API key is not right");
}

void api_handle(struct http_exchange *x)
{
    struct route_match match;
    unsigned int allow;
    const struct route *route = route_find(routes, sizeof routes / sizeof routes[0],
                                           x->request.method, x->request.path, &match, &allow);
    char allowed[40];

    /* Without a key nobody learns which paths there are. */
    if (route == NULL || !route->open) {
        enum auth_result result = auth_check(http_request_header(&x->request, "authorization"));

        if (result != AUTH_OK) {
            unauthorized(x, result);
            return;
        }
    }
    if (route != NULL) {
        route->handler(x, &match);
    } else if (allow != 0) {
        route_allow_text(allow, allowed, sizeof allowed);
        http_header(x, "Allow", "%s", allowed);
        http_problem(x, 405, "method-not-allowed", NULL, "this resource knows %s", allowed);
    } else {
        http_problem(x, 404, "not-found", NULL, "there is no such resource");
    }
}

/* ---- errors ---- */

void api_out_of_memory(struct http_exchange *x)
{
    http_header(x, "Retry-After", "1");
    http_problem(x, 503, "busy", NULL, "too much is being handled at once: try again shortly");
}

const char *api_error_word(int error)
{
    switch (error) {
    case -ENOENT:
        return "not-found";
    case -EAGAIN:
        return "not-ready";
    case -ECONNRESET:
        return "ended";
    case -EMFILE:
        return "too-many";
    case -E2BIG:
        return "too-large";
    case -EINVAL:
        return "invalid";
    case -ENOSPC:
    case -ENOMEM:
        return "no-capacity";
    case -ETIMEDOUT:
        return "timeout";
    default:
        return "error";
    }
}

void api_session_problem(struct http_exchange *x, int error)
{
    switch (error) {
    case -ENOENT:
        http_problem(x, 404, "session-not-found", NULL, "there is no such session");
        break;
    case -EAGAIN:
        http_header(x, "Retry-After", "1");
        http_problem(x, 409, "session-not-ready", NULL, "the session is not ready");
        break;
    case -ECONNRESET:
        http_problem(x, 409, "session-ended", NULL, "the session ended meanwhile");
        break;
    case -EMFILE:
        http_header(x, "Retry-After", "1");
        http_problem(x, 429, "too-many-streams", NULL,
                     "the session has as many commands and transfers at once as it can");
        break;
    case -E2BIG:
        http_problem(x, 413, "command-too-large", NULL,
                     "arguments, environment, directory and user together exceed %u bytes",
                     EXEC_MAX_BYTES);
        break;
    case -EINVAL:
        http_problem(x, 400, "invalid", NULL, "the session does not accept this request");
        break;
    case -ENOMEM:
        api_out_of_memory(x);
        break;
    case -ENOSPC:
        http_problem(x, 507, "no-capacity", NULL, "no memory or no slot is left for it");
        break;
    case -ETIMEDOUT:
        http_problem(x, 504, "sandbox-timeout", NULL, "the sandbox did not answer in time");
        break;
    default:
        http_problem(x, 502, "sandbox-error", NULL, "the sandbox failed (error %d)", -error);
        break;
    }
}

void api_audit_add(const struct http_exchange *x, const char *action, const char *session,
                   const char *outcome, const char *detail)
{
    audit_add(API_ACTOR, x->io->peer, action, session, outcome, "%s", detail);
}

/* ---- requests ---- */

static void body_problem(struct http_exchange *x, long error)
{
    if (error == -ETIMEDOUT)
        http_problem(x, 408, "timeout", NULL, "the body did not arrive in time");
    else if (error == -EBADMSG)
        http_problem(x, 400, "bad-request", NULL, "the body's chunks are malformed");
    else
        http_break(x);
}

/* Reads the body into memory that grows as it comes. What a tree of it takes is charged beforehand:
 * about twice the text. Returns the length, or -1 with the problem answered. */
static long read_body(struct http_exchange *x, char **text, size_t *charged)
{
    size_t size = 2048, len = 0;
    char *buf = NULL;

    *charged = 0;
    for (;;) {
        char *bigger;
        long n;

        if (buf == NULL || len == size) {
            size_t next = buf == NULL ? size : size * 2;
            size_t charge = next > API_BODY_FREE ? 3 * next : 0;

            if (charge > 0 && !api_budget_take(charge - *charged, API_BUDGET)) {
                api_out_of_memory(x);
                break;
            }
            *charged = charge;
            bigger = realloc(buf, next);
            if (bigger == NULL) {
                api_out_of_memory(x);
                break;
            }
            buf = bigger;
            size = next;
        }
        n = http_body_read(x, buf + len, size - len);
        if (n < 0) {
            body_problem(x, n);
            break;
        }
        if (n == 0) {
            *text = buf;
            return (long)len;
        }
        len += (size_t)n;
        if (len > API_JSON_MAX) {
            http_problem(x, 413, "too-large", NULL, "a JSON body may have %u bytes", API_JSON_MAX);
            break;
        }
    }
    free(buf);
    api_budget_give(*charged);
    *charged = 0;
    return -1;
}

static void fault_problem(struct http_exchange *x, const struct json_fault *fault)
{
    http_problem(x, 400, "invalid-body", fault->field[0] ? fault->field : NULL, "%s%s%s",
                 fault->field, fault->field[0] ? ": " : "", fault->detail);
}

cJSON *api_json_read(struct http_exchange *x, bool optional, size_t *charged)
{
    struct json_fault fault;
    char *text;
    cJSON *object;
    long len;

    if (http_body_exceeds(x, API_JSON_MAX)) {
        http_problem(x, 413, "too-large", NULL, "a JSON body may have %u bytes", API_JSON_MAX);
        return NULL;
    }
    len = read_body(x, &text, charged);
    if (len < 0)
        return NULL;
    if (len == 0 && optional)
        object = json_parse_object("{}", 2, &fault);
    else
        object = json_parse_object(text, (size_t)len, &fault);
    free(text);
    if (object == NULL) {
        fault_problem(x, &fault);
        api_budget_give(*charged);
    }
    return object;
}

void api_json_free(cJSON *object, size_t charged)
{
    cJSON_Delete(object);
    api_budget_give(charged);
}

bool api_fields(struct http_exchange *x, const cJSON *object, const struct json_field *fields,
                size_t n)
{
    struct json_fault fault;

    if (json_read_fields(object, fields, n, &fault) == 0)
        return true;
    fault_problem(x, &fault);
    return false;
}

bool api_query(struct http_exchange *x, struct url_param *params, size_t n)
{
    const char *bad = "query";
    int rc = url_query(x->request.query, params, n, &bad);

    if (rc == 0)
        return true;
    if (rc == -ENAMETOOLONG)
        http_problem(x, 400, "invalid-query", bad, "%s: the value is too long", bad);
    else if (strcmp(bad, "query") == 0)
        http_problem(x, 400, "invalid-query", NULL, "a parameter is unknown or has no value");
    else
        http_problem(x, 400, "invalid-query", bad,
                     "%s: given twice, or not percent-encoded (a space is %%20, a plus %%2B)", bad);
    return false;
}

bool api_query_number(struct http_exchange *x, const struct url_param *p, uint64_t min,
                      uint64_t max, uint64_t *value)
{
    unsigned long long v;

    if (!p->found)
        return true;
    if (!url_number(p->value, max, &v) || v < min) {
        http_problem(x, 400, "invalid-query", p->name, "%s: a number from %llu to %llu is expected",
                     p->name, (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *value = v;
    return true;
}
