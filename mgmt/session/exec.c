/* SPDX-License-Identifier: MIT */
/*
 * Commands in a session: an exec is a stream of the agent channel with a name, and a reference to
 * its session.
 */
#include "internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>

#define OPEN_NS 30000000000ULL /* for the agent to take the request from its ring */
#define READ_SIZE 16384U

struct exec {
    struct exec *next; /* of the session */
    struct session *session;
    struct lane *stream;
    char id[16];
    bool has_stdin;
    bool over; /* DONE was delivered */
    uint8_t data[READ_SIZE];
};

/* ---- the request ---- */

struct packer {
    uint8_t *buf;
    size_t len, size;
    int error;
};

static void pack(struct packer *p, const char *s)
{
    size_t n = strlen(s) + 1;

    if (p->error != 0)
        return;
    if (n > p->size - p->len) {
        p->error = -E2BIG;
        return;
    }
    memcpy(p->buf + p->len, s, n);
    p->len += n;
}

static int pack_request(const struct exec_spec *spec, uint8_t *buf, size_t *len)
{
    struct bh_exec_req req = {.argc = (uint32_t)spec->argc,
                              .envc = (uint32_t)spec->envc,
                              .timeout_ms = spec->timeout_ms,
                              .flags = spec->with_stdin ? BH_EXEC_STDIN : 0};
    struct packer p = {.buf = buf + sizeof(req), .size = EXEC_MAX_BYTES};

    if (spec->argc == 0)
        return -EINVAL;
    if (spec->argc > EXEC_MAX_ARGS || spec->envc > EXEC_MAX_ARGS)
        return -E2BIG;
    memcpy(buf, &req, sizeof(req));
    for (size_t i = 0; i < spec->argc; i++)
        pack(&p, spec->argv[i]);
    for (size_t i = 0; i < spec->envc; i++) {
        if (strchr(spec->env[i], '=') == NULL)
            return -EINVAL;
        pack(&p, spec->env[i]);
    }
    pack(&p, spec->cwd != NULL ? spec->cwd : "");
    pack(&p, spec->user != NULL ? spec->user : "");
    *len = sizeof(req) + p.len;
    return p.error;
}

_Static_assert(sizeof(struct bh_exec_req) + EXEC_MAX_BYTES <= BH_MSG_MAX_PAYLOAD, "fits a frame");

int session_exec(const char *id, const struct exec_spec *spec, struct exec **out)
{
    struct session *s;
    struct exec *e = NULL;
    size_t len;
    int rc = session_ready(id, &s);

    if (rc != 0)
        return rc;
    e = calloc(1, sizeof(*e));
    if (e == NULL)
        return -EMFILE;
    rc = pack_request(spec, e->data, &len);
    if (rc != 0) {
        free(e);
        return rc;
    }
    session_hold(s);
    rc = lane_open(s->channel, BH_MSG_EXEC, e->data, len, rt_now() + OPEN_NS, &e->stream);
    if (rc != 0) {
        session_put(s);
        free(e);
        return rc;
    }
    e->session = s;
    e->has_stdin = spec->with_stdin;
    snprintf(e->id, sizeof(e->id), "x-%" PRIu32, ++s->last_exec);
    e->next = s->execs;
    s->execs = e;
    *out = e;
    return 0;
}

const char *exec_id(const struct exec *e)
{
    return e->id;
}

/* ---- events ---- */

static void fill_done(const struct exec *e, struct exec_event *ev)
{
    static const char *const how[] = {"exit", "exit", "signal", "timeout", "error"};
    const struct bh_done *done;
    const char *text;

    done = lane_done(e->stream, &text);
    ev->kind = EXEC_DONE;
    ev->how = how[done->kind];
    ev->code = (int)(done->code & 0xffff);
    ev->wall_ns = done->wall_ns;
    snprintf(ev->text, sizeof(ev->text), "%s", text);
}

int exec_next(struct exec *e, struct exec_event *ev, uint64_t deadline)
{
    uint16_t type;
    long n;

    memset(ev, 0, sizeof(*ev));
    if (e->over)
        return -EINVAL;
    n = lane_receive(e->stream, &type, e->data, sizeof(e->data), deadline);
    if (n == -ENOMEM)
        return -ECONNRESET;
    if (n < 0)
        return (int)n;
    if (n == 0) {
        e->over = true;
        fill_done(e, ev);
        return 0;
    }
    ev->kind = type == BH_MSG_STDERR ? EXEC_STDERR : EXEC_STDOUT;
    ev->data = e->data;
    ev->len = (size_t)n;
    return 0;
}

void exec_close(struct exec *e)
{
    struct exec **link = &e->session->execs;

    while (*link != e)
        link = &(*link)->next;
    *link = e->next;
    lane_close(e->stream);
    session_put(e->session);
    free(e);
}

/* ---- from other requests ---- */

static int find_exec(const char *id, const char *exec, struct exec **out)
{
    struct session *s;
    int rc = session_ready(id, &s);

    if (rc != 0)
        return -ENOENT;
    for (struct exec *e = s->execs; e != NULL; e = e->next) {
        if (strcmp(e->id, exec) == 0) {
            *out = e;
            return 0;
        }
    }
    return -ENOENT;
}

int session_exec_stdin(const char *id, const char *exec, const uint8_t *data, size_t len, bool eof)
{
    struct exec *e;
    struct lane *stream;
    int rc = find_exec(id, exec, &e);

    if (rc != 0)
        return rc;
    if (!e->has_stdin)
        return -EINVAL;
    stream = e->stream; /* e may be closed during the waits below */
    lane_hold(stream);
    rc = lane_send(stream, BH_MSG_STDIN, data, len, WAIT_FOREVER);
    if (rc == 0 && eof)
        rc = lane_control(stream, BH_MSG_STDIN_EOF, 0, WAIT_FOREVER);
    lane_release(stream);
    return rc == -EPIPE || rc == -ECONNRESET ? -ENOENT : rc;
}

int session_exec_signal(const char *id, const char *exec, int signal)
{
    struct exec *e;
    struct lane *stream;
    int rc = find_exec(id, exec, &e);

    if (rc != 0)
        return rc;
    if (signal < 1 || signal > 64)
        return -EINVAL;
    stream = e->stream;
    lane_hold(stream);
    rc = lane_control(stream, BH_MSG_SIGNAL, (uint32_t)signal, WAIT_FOREVER);
    lane_release(stream);
    return rc == -EPIPE || rc == -ECONNRESET ? -ENOENT : rc;
}
