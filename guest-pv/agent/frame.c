/* SPDX-License-Identifier: MIT */
/*
 * Frames of the agent channel and the agent's loop: receives, dispatches, pumps the streams,
 * sleeps. Data frames leave room in the ring for control frames, so that DONE and CREDIT are not
 * starved by output.
 */
#include "agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_RESERVE 8192U /* ring bytes that data frames leave free */
#define FRAMES_A_ROUND 64U    /* bound on input handled before output gets its turn */

uint64_t agent_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* ---- sending ---- */

uint32_t agent_room(struct agent *a)
{
    int space = vchan_writable(&a->vc);
    uint32_t need = CONTROL_RESERVE + (uint32_t)sizeof(struct bh_msg);

    if (space < (int)(need + 512)) {
        a->want_space = true;
        return 0;
    }
    space -= (int)need;
    return space < (int)BH_MSG_MAX_PAYLOAD ? (uint32_t)space : BH_MSG_MAX_PAYLOAD;
}

static bool control_room(struct agent *a, uint32_t len)
{
    if (vchan_writable(&a->vc) >= (int)(len + sizeof(struct bh_msg)))
        return true;
    a->want_space = true;
    return false;
}

void agent_send(struct agent *a, uint32_t stream, enum bh_msg_type type, uint32_t arg,
                const void *payload, uint32_t len)
{
    struct bh_msg m = {.length = len, .stream = stream, .type = (uint16_t)type, .arg = arg};

    vchan_put(&a->vc, &m, sizeof(m));
    if (len)
        vchan_put(&a->vc, payload, len);
}

static bool send_done(struct agent *a, uint32_t id, enum bh_done_kind kind, uint32_t code,
                      uint64_t wall_ns, const char *text)
{
    struct {
        struct bh_done d;
        char text[256];
    } out = {.d = {.kind = kind, .code = code, .wall_ns = wall_ns}};
    size_t n = text ? strnlen(text, sizeof(out.text)) : 0;

    if (!control_room(a, (uint32_t)(sizeof(out.d) + n)))
        return false;
    if (n)
        memcpy(out.text, text, n);
    agent_send(a, id, BH_MSG_DONE, 0, &out, (uint32_t)(sizeof(out.d) + n));
    return true;
}

static void stream_free(struct stream *s)
{
    if (s->kind == STREAM_EXEC)
        exec_close(s);
    else if (s->kind != STREAM_FREE)
        file_close(s);
    memset(s, 0, sizeof(*s));
}

bool agent_done(struct agent *a, struct stream *s, enum bh_done_kind kind, uint32_t code,
                uint64_t wall_ns, const char *text)
{
    if (!send_done(a, s->id, kind, code, wall_ns, text))
        return false;
    stream_free(s);
    return true;
}

void agent_refuse(struct agent *a, uint32_t id, int error, const char *text)
{
    send_done(a, id, BH_DONE_ERROR, (uint32_t)error, 0, text ? text : strerror(error));
}

bool agent_take(struct stream *s, uint32_t len)
{
    if (len > BH_STREAM_WINDOW - s->taken)
        return false;
    s->taken += len;
    return true;
}

void agent_credit(struct agent *a, struct stream *s, uint32_t len)
{
    s->taken -= len;
    agent_send(a, s->id, BH_MSG_CREDIT, len, NULL, 0);
}

/* ---- receiving ---- */

static struct stream *stream_find(struct agent *a, uint32_t id)
{
    for (size_t i = 0; i < BH_MAX_STREAMS; i++)
        if (a->streams[i].kind != STREAM_FREE && a->streams[i].id == id)
            return &a->streams[i];
    return NULL;
}

static struct stream *stream_new(struct agent *a)
{
    for (size_t i = 0; i < BH_MAX_STREAMS; i++)
        if (a->streams[i].kind == STREAM_FREE)
            return &a->streams[i];
    return NULL;
}

static int open_stream(struct agent *a, const struct bh_msg *m)
{
    const char *text = NULL;
    struct stream *s;
    int rc;

    if (m->stream == 0 || stream_find(a, m->stream))
        return -EPROTO;
    s = stream_new(a);
    if (!s) {
        agent_refuse(a, m->stream, EMFILE, "too many streams");
        return 0;
    }
    *s = (struct stream){.id = m->stream, .credit = BH_STREAM_WINDOW};
    if (m->type == BH_MSG_EXEC)
        rc = exec_open(a, s, a->payload, m->length, &text);
    else if (m->type == BH_MSG_READ)
        rc = file_read_open(a, s, a->payload, m->length, &text);
    else
        rc = file_write_open(s, a->payload, m->length, &text);
    if (rc) {
        agent_refuse(a, m->stream, -rc, text);
        memset(s, 0, sizeof(*s));
    }
    return 0;
}

static int file_frame(struct agent *a, struct stream *s, const struct bh_msg *m)
{
    int rc = 0;

    if (s->kind != STREAM_WRITE)
        return -EPROTO;
    if (m->type == BH_MSG_DATA) {
        if (!agent_take(s, m->length))
            return -EPROTO;
        rc = file_data(s, a->payload, m->length);
        if (rc == 0) {
            agent_credit(a, s, m->length);
            return 0;
        }
    } else {
        rc = file_commit(s);
    }
    agent_done(a, s, rc ? BH_DONE_ERROR : BH_DONE_OK, (uint32_t)-rc, 0, rc ? strerror(-rc) : NULL);
    return 0;
}

static int exec_frame(struct agent *a, struct stream *s, const struct bh_msg *m)
{
    if (s->kind != STREAM_EXEC)
        return -EPROTO;
    switch (m->type) {
    case BH_MSG_STDIN:
        if (!agent_take(s, m->length))
            return -EPROTO;
        if (exec_stdin(s, a->payload, m->length) != 0)
            agent_credit(a, s, m->length); /* nobody reads it any more: dropped */
        return 0;
    case BH_MSG_STDIN_EOF:
        exec_stdin_eof(s);
        return 0;
    default:
        exec_signal(s, (int)(m->arg & 0x7f));
        return 0;
    }
}

static int channel_hello(struct agent *a)
{
    struct utsname u;

    if (uname(&u) != 0)
        return -errno;
    agent_send(a, 0, BH_MSG_HELLO, BH_AGENT_VERSION, u.release, (uint32_t)strlen(u.release));
    return 0;
}

static int dispatch(struct agent *a, const struct bh_msg *m)
{
    struct stream *s = m->stream ? stream_find(a, m->stream) : NULL;

    switch (m->type) {
    case BH_MSG_HELLO:
        return channel_hello(a);
    case BH_MSG_CONFIG: {
        int rc = config_apply(a->payload, m->length);

        send_done(a, 0, rc ? BH_DONE_ERROR : BH_DONE_OK, (uint32_t)-rc, 0, NULL);
        return 0;
    }
    case BH_MSG_EXEC:
    case BH_MSG_READ:
    case BH_MSG_WRITE:
        return open_stream(a, m);
    case BH_MSG_CREDIT:
        if (s && m->arg <= BH_STREAM_WINDOW - s->credit)
            s->credit += m->arg;
        else if (s)
            return -EPROTO;
        return 0;
    case BH_MSG_STDIN:
    case BH_MSG_STDIN_EOF:
    case BH_MSG_SIGNAL:
        return s ? exec_frame(a, s, m) : 0;
    case BH_MSG_DATA:
    case BH_MSG_EOF:
        return s ? file_frame(a, s, m) : 0;
    case BH_MSG_CANCEL:
        if (s && s->kind == STREAM_EXEC)
            exec_cancel(s);
        else if (s)
            agent_done(a, s, BH_DONE_ERROR, ECANCELED, 0, NULL);
        return 0;
    default:
        return -EPROTO;
    }
}

/* Handles at most one frame: 1 handled, 0 none complete (or no room to answer), -errno. */
static int receive(struct agent *a)
{
    int have = vchan_readable(&a->vc);

    if (have < 0)
        return have;
    if (!a->have_head) {
        if (have < (int)sizeof(a->head))
            return 0;
        vchan_get(&a->vc, &a->head, sizeof(a->head));
        if (a->head.length > BH_MSG_MAX_PAYLOAD)
            return -EPROTO;
        a->have_head = true;
        have -= (int)sizeof(a->head);
    }
    /* An answer is never larger than this; without room for it the frame waits. */
    if (have < (int)a->head.length || !control_room(a, 1024))
        return 0;
    vchan_get(&a->vc, a->payload, a->head.length);
    a->have_head = false;

    int rc = dispatch(a, &a->head);

    return rc ? rc : 1;
}

/* ---- the loop ---- */

static void reap(struct agent *a)
{
    struct signalfd_siginfo si;
    int status;
    pid_t pid;

    while (read(a->child_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
        ;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        exec_reaped(a, pid, status);
}

static bool pump(struct agent *a)
{
    uint64_t now = agent_now();
    bool moved = false;

    for (size_t i = 0; i < BH_MAX_STREAMS; i++) {
        struct stream *s = &a->streams[i];

        if (s->kind == STREAM_EXEC)
            moved |= exec_pump(a, s, now);
        else if (s->kind == STREAM_READ)
            moved |= file_pump(a, s);
    }
    return moved;
}

static int timeout_ms(uint64_t wake)
{
    uint64_t now = agent_now();

    if (wake == AGENT_FOREVER)
        return -1;
    if (wake <= now)
        return 0;
    return (int)((wake - now) / 1000000 % 3600000) + 1;
}

/* `seen` is from before this round looked at the rings: what mgmt moved since then is not asked for
 * yet, so mgmt has sent no event for it, and the round may have missed it. */
static void sleep_for_events(struct agent *a, struct vchan_indices seen, void (*drain)(void *ctx))
{
    struct pollfd p[AGENT_POLL_MAX] = {
        {.fd = a->event_fd, .events = POLLIN},
        {.fd = a->child_fd, .events = POLLIN},
    };
    uint64_t wake = AGENT_FOREVER;
    unsigned int n = 2;

    for (size_t i = 0; i < BH_MAX_STREAMS; i++)
        if (a->streams[i].kind == STREAM_EXEC)
            n += exec_poll(a, &a->streams[i], p + n, &wake);

    vchan_ask(&a->vc, true, a->want_space);

    struct vchan_indices now = vchan_peer_indices(&a->vc);
    bool more = now.written != seen.written || (a->want_space && now.read != seen.read);

    a->want_space = false;
    if (poll(p, n, more ? 0 : timeout_ms(wake)) < 0)
        return;
    if (p[0].revents)
        drain(a->vc.ctx);
    if (p[1].revents)
        reap(a);
}

int agent_run(struct agent *a, void (*drain)(void *ctx))
{
    int rc = 0;

    for (;;) {
        struct vchan_indices seen = vchan_peer_indices(&a->vc);
        bool moved = false;

        for (unsigned int i = 0; i < FRAMES_A_ROUND; i++) {
            rc = receive(a);
            if (rc <= 0)
                break;
            moved = true;
        }
        if (rc < 0 || a->vc.ctl->cli_live == 0)
            break;
        moved |= pump(a);
        vchan_flush(&a->vc);
        if (!moved)
            sleep_for_events(a, seen, drain);
    }
    for (size_t i = 0; i < BH_MAX_STREAMS; i++)
        stream_free(&a->streams[i]);
    return rc < 0 ? rc : -ENOTCONN;
}
