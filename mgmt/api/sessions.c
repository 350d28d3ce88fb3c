/* SPDX-License-Identifier: MIT */
/* /v1/sessions and /v1/sessions/{id}: create, list, show, delete, console. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"

#define PAGE_MAX 100U
#define CONSOLE_MAX 65536U

static const char *state_word(enum session_state state)
{
    switch (state) {
    case SESSION_STARTING:
        return "starting";
    case SESSION_READY:
        return "ready";
    case SESSION_FAILED:
        return "failed";
    case SESSION_DELETING:
        return "deleting";
    }
    return "unknown";
}

static void write_session(struct json_out *j, const struct session_info *s)
{
    json_begin_object(j);
    json_field_string(j, "id", s->id);
    json_field_string(j, "name", s->name);
    json_field_string(j, "state", state_word(s->state));
    json_field_string(j, "reason", s->reason);
    json_field_unsigned(j, "memory_mb", s->memory_mb);
    json_field_unsigned(j, "vcpus", s->vcpus);
    json_field_string(j, "address", s->address);
    json_field_unsigned(j, "created_ms", s->created_ms);
    json_field_unsigned(j, "ready_ns", s->ready_ns);
    json_field_unsigned(j, "expires_ms", s->expires_ms);
    json_field_unsigned(j, "memory_frames", s->memory_frames);
    json_field_unsigned(j, "overhead_frames", s->overhead_frames);
    json_field_unsigned(j, "cpu_ms", s->cpu_ns / 1000000U);
    json_end_object(j);
}

static bool name_acceptable(const char *name)
{
    for (; *name != '\0'; name++) {
        char c = *name;

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

/* Reads the specification; false: the problem is answered. */
static bool read_spec(struct http_exchange *x, struct session_spec *spec, bool *wait)
{
    const char *name = "";
    uint64_t memory = 0, vcpus = 0;
    const struct json_field fields[] = {
        {"name", JSON_STRING, 0, SESSION_NAME_MAX - 1, &name},
        {"memory_mb", JSON_COUNT, SESSION_MIN_MEMORY_MB, SESSION_MAX_MEMORY_MB, &memory},
        {"vcpus", JSON_COUNT, 1, 4, &vcpus},
        {"timeout_s", JSON_COUNT, 0, 366ULL * 86400, &spec->timeout_s},
        {"wait", JSON_FLAG, 0, 0, wait},
    };
    size_t charged;
    cJSON *body = api_json_read(x, true, &charged);
    bool ok = false;

    if (body == NULL)
        return false;
    if (!api_fields(x, body, fields, sizeof fields / sizeof fields[0]))
        goto out;
    if (!name_acceptable(name)) {
        http_problem(x, 400, "invalid-body", "name",
                     "name: letters, digits, '-', '_' and '.' are allowed");
        goto out;
    }
    snprintf(spec->name, sizeof spec->name, "%s", name);
    spec->memory_mb = (uint32_t)memory;
    spec->vcpus = (uint32_t)vcpus;
    ok = true;
out:
    api_json_free(body, charged);
    return ok;
}

static void create_problem(struct http_exchange *x, int error, const char *why)
{
    if (error == -EINVAL && why != NULL)
        http_problem(x, 400, "invalid-body", NULL, "%s", why);
    else if (error == -ETIMEDOUT)
        http_problem(x, 504, "session-failed", NULL, "the sandbox did not come up in time");
    else if (error == -EIO || error == -ECONNRESET || error == -ENOENT)
        http_problem(x, 502, "session-failed", NULL, "the sandbox did not come up");
    else
        api_session_problem(x, error);
}

void api_session_create(struct http_exchange *x, const struct route_match *m)
{
    struct session_spec spec = {.name = ""};
    struct session_info info = {.id = ""};
    const char *why = NULL;
    char detail[96];
    struct json_out j;
    bool wait = true;
    int rc;

    (void)m;
    if (!api_query(x, NULL, 0) || !read_spec(x, &spec, &wait))
        return;
    rc = session_create(&spec, wait, &info, &why);
    if (rc != 0) {
        api_audit_add(x, "session.create", "", api_error_word(rc), spec.name);
        create_problem(x, rc, why);
        return;
    }
    snprintf(detail, sizeof detail, "%u MB, %u vcpus%s%s", info.memory_mb, info.vcpus,
             info.name[0] ? ", " : "", info.name);
    api_audit_add(x, "session.create", info.id, "ok", detail);
    http_header(x, "Location", "/v1/sessions/%s", info.id);
    http_json(x, 201, &j);
    write_session(&j, &info);
}

/* A page's cursor is "CREATED_MS.ID" of its last session, so that sessions which end between two
 * pages neither hide nor repeat others. */
static bool parse_cursor(const char *text, uint64_t *created, const char **id)
{
    const char *dot = strchr(text, '.');
    unsigned long long v;
    char number[24];

    if (dot == NULL || (size_t)(dot - text) >= sizeof number)
        return false;
    memcpy(number, text, (size_t)(dot - text));
    number[dot - text] = '\0';
    if (!url_number(number, UINT64_MAX / 2, &v))
        return false;
    *created = v;
    *id = dot + 1;
    return true;
}

/* Position of the first session behind the cursor. */
static size_t find_cursor(uint64_t created, const char *id, struct session_info *s)
{
    size_t at = 0, first_equal = SIZE_MAX;

    for (; session_list(at, s, 1) == 1; at++) {
        if (s->created_ms > created)
            break;
        if (s->created_ms == created && first_equal == SIZE_MAX)
            first_equal = at;
        if (s->created_ms == created && strcmp(s->id, id) == 0)
            return at + 1;
    }
    return first_equal != SIZE_MAX ? first_equal : at;
}

static void write_page(struct http_exchange *x, size_t at, uint64_t limit)
{
    struct session_info s;
    char cursor[64] = "";
    struct json_out j;

    http_json(x, 200, &j);
    json_begin_object(&j);
    json_name(&j, "sessions");
    json_begin_array(&j);
    /* One at a time: writing may wait, and the list may change meanwhile. */
    while (limit > 0 && session_list(at, &s, 1) == 1) {
        write_session(&j, &s);
        snprintf(cursor, sizeof cursor, "%" PRIu64 ".%s", s.created_ms, s.id);
        at++;
        limit--;
    }
    if (limit > 0 || session_list(at, &s, 1) == 0)
        cursor[0] = '\0';
    json_end_array(&j);
    json_field_string(&j, "next", cursor);
    json_end_object(&j);
}

void api_session_list(struct http_exchange *x, const struct route_match *m)
{
    char after[64], limit_text[8];
    struct url_param params[] = {{"after", after, sizeof after, false},
                                 {"limit", limit_text, sizeof limit_text, false}};
    uint64_t limit = PAGE_MAX, created;
    struct session_info s;
    const char *id;
    size_t at = 0;

    (void)m;
    if (!api_query(x, params, 2) || !api_query_number(x, &params[1], 1, PAGE_MAX, &limit))
        return;
    if (params[0].found) {
        if (!parse_cursor(after, &created, &id)) {
            http_problem(x, 400, "invalid-query", "after",
                         "after: give the \"next\" of the page before");
            return;
        }
        at = find_cursor(created, id, &s);
    }
    write_page(x, at, limit);
}

void api_session_get(struct http_exchange *x, const struct route_match *m)
{
    struct session_info info;
    struct json_out j;
    int rc;

    if (!api_query(x, NULL, 0))
        return;
    rc = session_get(m->param[0], &info);
    if (rc != 0) {
        api_session_problem(x, rc);
        return;
    }
    http_json(x, 200, &j);
    write_session(&j, &info);
}

void api_session_delete(struct http_exchange *x, const struct route_match *m)
{
    int rc;

    if (!api_query(x, NULL, 0))
        return;
    rc = session_delete(m->param[0]);
    if (rc != 0) {
        api_session_problem(x, rc);
        return;
    }
    api_audit_add(x, "session.delete", m->param[0], "ok", "");
    http_empty(x, 204);
}

void api_session_console(struct http_exchange *x, const struct route_match *m)
{
    char *text;
    long n;

    if (!api_query(x, NULL, 0))
        return;
    text = malloc(CONSOLE_MAX);
    if (text == NULL) {
        api_out_of_memory(x);
        return;
    }
    n = session_console(m->param[0], text, CONSOLE_MAX);
    if (n < 0) {
        api_session_problem(x, (int)n);
    } else {
        /* No charset: what a kernel prints may be any bytes. */
        http_begin(x, 200, "text/plain", (uint64_t)n);
        http_write(x, text, (size_t)n);
    }
    free(text);
}
