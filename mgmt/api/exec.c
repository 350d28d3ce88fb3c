/* SPDX-License-Identifier: MIT */
/*
 * Running commands: complete (output collected, one JSON answer) and streamed (server-sent events),
 * and the two side doors of an interactive one. The client's disconnect ends the command.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>
#include <rt/thread.h>

#include "api/exec.h"
#include "http/sse.h"
#include "http/text.h"

#define MS 1000000ULL
#define LOOK_NS (500 * MS) /* how often a silent command's client is looked at */
#define KEEP_ALIVE_NS (15000 * MS)
#define STDIN_INLINE 32768U /* fits the agent's first window: sent without a thread */
#define STDIN_PIECE 16384U
#define CAPTURE_FREE 65536U /* of each stream's capture, not charged to the budget */

/* ---- stdin that came with the request ---- */

/* Owns its data: it may outlive the request that began it. */
struct feeder {
    char session[ROUTE_PARAM_LEN];
    char exec[32];
    uint8_t *data;
    size_t len, charged;
};

static int feed_all(const char *session, const char *exec, const uint8_t *data, size_t len)
{
    int rc = 0;

    for (size_t at = 0; at < len && rc == 0; at += STDIN_PIECE) {
        size_t n = len - at < STDIN_PIECE ? len - at : STDIN_PIECE;

        rc = session_exec_stdin(session, exec, data + at, n, false);
    }
    return rc != 0 ? rc : session_exec_stdin(session, exec, NULL, 0, true);
}

static void feed(void *arg)
{
    struct feeder *f = arg;

    feed_all(f->session, f->exec, f->data, f->len);
    api_budget_give(f->charged);
    free(f->data);
    free(f);
}

/* Much input is fed by a thread, so that the command's output is read meanwhile. */
static int start_stdin(struct exec_request *r, const char *session, const char *exec)
{
    struct feeder *f;

    if (r->stdin_data == NULL)
        return 0;
    if (r->stdin_len <= STDIN_INLINE) {
        feed_all(session, exec, r->stdin_data, r->stdin_len);
        return 0;
    }
    f = calloc(1, sizeof *f);
    if (f == NULL || !api_budget_take(r->stdin_len, API_BUDGET)) {
        free(f);
        return -ENOMEM;
    }
    snprintf(f->session, sizeof f->session, "%s", session);
    snprintf(f->exec, sizeof f->exec, "%s", exec);
    f->data = r->stdin_data;
    f->len = f->charged = r->stdin_len;
    if (thread_create(feed, f, "stdin", 0) != 0) {
        api_budget_give(f->charged);
        free(f);
        return -ENOMEM;
    }
    r->stdin_data = NULL;
    return 0;
}

/* ---- how a command ended ---- */

static void write_outcome(struct json_out *j, const struct exec_event *ev)
{
    if (strcmp(ev->how, "exit") == 0) {
        json_name(j, "exit_code");
        json_number(j, ev->code);
    } else if (strcmp(ev->how, "signal") == 0) {
        json_name(j, "signal");
        json_number(j, ev->code);
    } else if (strcmp(ev->how, "timeout") == 0) {
        json_field_bool(j, "timed_out", true);
    } else {
        size_t len = strlen(ev->text);

        /* The text is the sandbox's. */
        json_field_string(j, "error",
                          len > 0 && utf8_valid((const uint8_t *)ev->text, len)
                              ? ev->text
                              : "the command could not be run");
    }
    json_field_unsigned(j, "wall_ms", ev->wall_ns / MS);
    json_field_unsigned(j, "wall_ns", ev->wall_ns);
}

static void audit_end(const struct http_exchange *x, const char *session, const char *exec,
                      const struct exec_event *ev, int error)
{
    char detail[64];

    if (error != 0)
        snprintf(detail, sizeof detail, "%s", exec);
    else
        snprintf(detail, sizeof detail, "%s %s %d, %llu ms", exec, ev->how, ev->code,
                 (unsigned long long)(ev->wall_ns / MS));
    api_audit_add(x, "exec.end", session, error != 0 ? api_error_word(error) : "ok", detail);
}

/* The next event, or -ETIMEDOUT now and then, or -EPIPE when the client is gone. */
static int next_event(struct http_exchange *x, struct exec *e, struct exec_event *ev)
{
    int rc = exec_next(e, ev, rt_now() + LOOK_NS);

    return rc == -ETIMEDOUT && http_peer_gone(x) ? -EPIPE : rc;
}

/* ---- complete ---- */

struct capture {
    uint8_t *data;
    size_t len, size, charged;
    bool truncated;
};

/* Room for more: doubles up to the cap, while the budget allows. False: what comes is dropped. */
static bool capture_grow(struct capture *c)
{
    size_t size = c->size == 0 ? 4096 : c->size * 2;
    size_t charge = size > CAPTURE_FREE ? size - c->charged : 0;
    uint8_t *data;

    if (c->size >= API_CAPTURE_MAX || (charge > 0 && !api_budget_take(charge, API_BUDGET_CAPTURE)))
        return false;
    data = realloc(c->data, size);
    if (data == NULL) {
        api_budget_give(charge);
        return false;
    }
    c->data = data;
    c->size = size;
    c->charged += charge;
    return true;
}

static void capture_add(struct capture *c, const uint8_t *data, size_t len)
{
    while (len > 0 && !c->truncated) {
        size_t n;

        if (c->len == c->size && !capture_grow(c)) {
            c->truncated = true;
            return;
        }
        n = c->size - c->len < len ? c->size - c->len : len;
        memcpy(c->data + c->len, data, n);
        c->len += n;
        data += n;
        len -= n;
    }
}

static void capture_free(struct capture *c)
{
    api_budget_give(c->charged);
    free(c->data);
}

static void write_capture(struct json_out *j, const char *name, const struct capture *c)
{
    size_t len = c->len;
    char base64_name[24];

    /* A cut may fall into a character. */
    if (c->truncated)
        len -= utf8_incomplete_tail(c->data, len);
    if (utf8_valid(c->data, len)) {
        json_name(j, name);
        json_text(j, len > 0 ? c->data : (const uint8_t *)"", len);
    } else {
        snprintf(base64_name, sizeof base64_name, "%s_base64", name);
        json_name(j, base64_name);
        json_base64(j, c->data, c->len);
    }
}

static void run_complete(struct http_exchange *x, const char *session, struct exec *e)
{
    struct capture out = {0}, err = {0};
    struct exec_event ev = {.kind = EXEC_STDOUT};
    struct json_out j;
    int rc;

    do {
        rc = next_event(x, e, &ev);
        if (rc == 0 && ev.kind == EXEC_STDOUT)
            capture_add(&out, ev.data, ev.len);
        else if (rc == 0 && ev.kind == EXEC_STDERR)
            capture_add(&err, ev.data, ev.len);
    } while (rc == -ETIMEDOUT || (rc == 0 && ev.kind != EXEC_DONE));
    audit_end(x, session, exec_id(e), &ev, rc);
    if (rc == 0) {
        http_json(x, 200, &j);
        json_begin_object(&j);
        write_outcome(&j, &ev);
        write_capture(&j, "stdout", &out);
        write_capture(&j, "stderr", &err);
        json_field_bool(&j, "stdout_truncated", out.truncated);
        json_field_bool(&j, "stderr_truncated", err.truncated);
        json_end_object(&j);
    } else if (rc == -EPIPE) {
        http_break(x);
    } else {
        api_session_problem(x, rc);
    }
    capture_free(&out);
    capture_free(&err);
}

/* ---- streamed ---- */

static int body_sink(void *ctx, const void *data, size_t len)
{
    return http_write(ctx, data, len);
}

static int send_start(struct http_exchange *x, const char *id)
{
    struct json_out j;

    http_header(x, "X-Accel-Buffering", "no");
    http_begin(x, 200, "text/event-stream", HTTP_LENGTH_UNKNOWN);
    sse_begin(&j, body_sink, x, "start");
    json_begin_object(&j);
    json_field_string(&j, "exec_id", id);
    json_end_object(&j);
    sse_end(&j);
    return http_flush(x);
}

static void send_exit(struct http_exchange *x, const struct exec_event *ev, int error)
{
    struct json_out j;

    sse_begin(&j, body_sink, x, "exit");
    json_begin_object(&j);
    if (error == 0)
        write_outcome(&j, ev);
    else
        json_field_string(&j, "error",
                          error == -ECONNRESET ? "the session ended" : "the sandbox failed");
    json_end_object(&j);
    sse_end(&j);
}

/* Waits for the next event with everything sent that is there; comments keep the connection warm.
 */
static int wait_event(struct http_exchange *x, struct exec *e, struct exec_event *ev)
{
    uint64_t comment_at = rt_now() + KEEP_ALIVE_NS;
    int rc = exec_next(e, ev, rt_now());

    if (rc != -ETIMEDOUT)
        return rc;
    if (http_flush(x) != 0)
        return -EPIPE;
    for (;;) {
        rc = next_event(x, e, ev);
        if (rc != -ETIMEDOUT)
            return rc;
        if (rt_now() >= comment_at) {
            comment_at = rt_now() + KEEP_ALIVE_NS;
            if (sse_comment(body_sink, x) != 0 || http_flush(x) != 0)
                return -EPIPE;
        }
    }
}

static void run_streamed(struct http_exchange *x, const char *session, struct exec *e)
{
    struct sse_text out = {.len = 0}, err = {.len = 0};
    struct exec_event ev = {.kind = EXEC_STDOUT};
    int rc = send_start(x, exec_id(e)) != 0 ? -EPIPE : 0;

    while (rc == 0) {
        rc = wait_event(x, e, &ev);
        if (rc != 0 || ev.kind == EXEC_DONE)
            break;
        if (ev.kind == EXEC_STDOUT)
            rc = sse_output(&out, body_sink, x, "stdout", ev.data, ev.len);
        else
            rc = sse_output(&err, body_sink, x, "stderr", ev.data, ev.len);
        if (rc != 0)
            rc = -EPIPE;
    }
    audit_end(x, session, exec_id(e), &ev, rc);
    if (rc == -EPIPE) {
        http_break(x);
        return;
    }
    sse_output_end(&out, body_sink, x, "stdout");
    sse_output_end(&err, body_sink, x, "stderr");
    send_exit(x, &ev, rc);
}

/* ---- the handlers ---- */

void api_exec(struct http_exchange *x, const struct route_match *m)
{
    const char *session = m->param[0];
    struct exec_request r;
    struct exec *e;
    int rc;

    if (!api_query(x, NULL, 0) || !exec_request_read(x, &r))
        return;
    rc = session_exec(session, &r.spec, &e);
    api_audit_add(x, "exec.start", session, rc == 0 ? "ok" : api_error_word(rc), r.summary);
    if (rc == 0) {
        bool stream = r.stream;

        rc = start_stdin(&r, session, exec_id(e));
        exec_request_free(&r); /* a long command does not hold its request */
        if (rc == 0 && stream)
            run_streamed(x, session, e);
        else if (rc == 0)
            run_complete(x, session, e);
        exec_close(e);
    }
    exec_request_free(&r);
    if (rc != 0)
        api_session_problem(x, rc);
}

static void exec_problem(struct http_exchange *x, const char *session, int error)
{
    struct session_info info;

    if (error == -ENOENT && session_get(session, &info) == 0)
        http_problem(x, 404, "exec-not-found", NULL, "no such command runs in the session");
    else if (error == -EINVAL)
        http_problem(x, 409, "no-stdin", NULL, "the command takes no more input");
    else
        api_session_problem(x, error);
}

/* The body is the input, of any length and with pauses: only the command's end or the client's cuts
 * it. */
void api_exec_stdin(struct http_exchange *x, const struct route_match *m)
{
    char eof_text[4];
    struct url_param params[] = {{"eof", eof_text, sizeof eof_text, false}};
    uint64_t eof = 0;
    uint8_t *buf;
    int rc = 0;

    if (!api_query(x, params, 1) || !api_query_number(x, &params[0], 0, 1, &eof))
        return;
    buf = malloc(STDIN_PIECE);
    if (buf == NULL) {
        api_out_of_memory(x);
        return;
    }
    /* Also asks whether there is such a command, before a body is taken. */
    rc = session_exec_stdin(m->param[0], m->param[1], buf, 0, false);
    while (rc == 0) {
        long n = http_body_read_until(x, buf, STDIN_PIECE, rt_now() + 1000 * MS);

        if (n == 0)
            break;
        if (n < 0 && n != -ETIMEDOUT) {
            http_break(x);
            free(buf);
            return;
        }
        rc = session_exec_stdin(m->param[0], m->param[1], buf, n > 0 ? (size_t)n : 0, false);
    }
    free(buf);
    if (rc == 0 && eof)
        rc = session_exec_stdin(m->param[0], m->param[1], NULL, 0, true);
    if (rc != 0)
        exec_problem(x, m->param[0], rc);
    else
        http_empty(x, 204);
}

static int signal_number(const cJSON *v)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"HUP", 1},   {"INT", 2},   {"QUIT", 3},  {"ABRT", 6},  {"KILL", 9},
                   {"USR1", 10}, {"USR2", 12}, {"PIPE", 13}, {"ALRM", 14}, {"TERM", 15},
                   {"CONT", 18}, {"STOP", 19}, {"TSTP", 20}, {"WINCH", 28}};
    const char *name;

    if (v == NULL)
        return -1;
    if (cJSON_IsNumber(v))
        return v->valuedouble >= 1 && v->valuedouble <= 64 &&
                       v->valuedouble == (double)(int)v->valuedouble
                   ? (int)v->valuedouble
                   : -1;
    name = v->valuestring;
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (strcmp(name, signals[i].name) == 0)
            return signals[i].number;
    }
    return -1;
}

void api_exec_signal(struct http_exchange *x, const struct route_match *m)
{
    const cJSON *word = NULL;
    const struct json_field fields[] = {{"signal", JSON_WORD, 0, 0, &word}};
    size_t charged;
    cJSON *body;
    int signal, rc;

    if (!api_query(x, NULL, 0) || (body = api_json_read(x, false, &charged)) == NULL)
        return;
    if (!api_fields(x, body, fields, 1))
        goto out;
    signal = signal_number(word);
    if (signal < 0) {
        http_problem(x, 400, "invalid-body", "signal",
                     "signal: a name such as \"TERM\" or a number from 1 to 64 is expected");
        goto out;
    }
    rc = session_exec_signal(m->param[0], m->param[1], signal);
    if (rc != 0)
        exec_problem(x, m->param[0], rc);
    else
        http_empty(x, 204);
out:
    api_json_free(body, charged);
}
