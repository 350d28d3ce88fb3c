/* SPDX-License-Identifier: MIT */
/*
 * The fake agent. Commands by argv[0]: echo TEXT, cat (stdin to stdout until EOF), flood BYTES, mix
 * BYTES (by turns to stdout and stderr), hang, false. READ gives a megabyte, "/none" does not
 * exist; WRITE wants the same bytes back.
 */
#include "fake_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/libxenvchan.h>

#include <rt/rt.h>
#include <rt/thread.h>
#include <rt/xs.h>

#include "agent_proto.h"
#include "bulkhead.h"
#include "fake_rt.h"

#define CONTROL_REF 8U
#define LEFT_REF 16U
#define RIGHT_REF 32U
#define RING 65536U
#define PORT 0x777777U /* out of the way of the numbers that evtchn_alloc_unbound() gives */
#define FILE_SIZE 1000000U

enum fake_agent_mode fake_agent_mode;

struct job {
    uint32_t stream;
    enum { NONE, FLOOD, CAT, HANG, SEND_FILE, TAKE_FILE } kind;
    uint32_t left, credit, sum;
};

struct agent {
    uint16_t domid;
    unsigned int serial;
    enum fake_agent_mode mode;
    struct vchan_interface *ctl;
    uint8_t *in, *out;
    uint32_t cons, prod;
    struct job jobs[BH_MAX_STREAMS];
    uint8_t payload[BH_MSG_MAX_PAYLOAD];
};

static bool alive(const struct agent *a)
{
    const struct fake_domain *d = &fake_domains[a->domid];

    return d->state == BH_STATE_RUNNING && d->serial == a->serial;
}

static void notify(struct agent *a)
{
    __atomic_fetch_and(&a->ctl->srv_notify, 0, __ATOMIC_SEQ_CST);
    fake_guest_notify(a->domid, PORT);
}

static void put(struct agent *a, const void *data, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        a->out[(a->prod + i) % RING] = ((const uint8_t *)data)[i];
    a->prod += len;
}

static uint32_t room(const struct agent *a)
{
    return RING - (a->prod - a->ctl->right.cons);
}

static void send(struct agent *a, uint32_t stream, uint16_t type, uint32_t arg, const void *data,
                 uint32_t len)
{
    struct bh_msg m = {.length = len, .stream = stream, .type = type, .arg = arg};

    while (alive(a) && room(a) < sizeof(m) + len)
        thread_sleep(1000000);
    if (!alive(a))
        return;
    put(a, &m, sizeof(m));
    put(a, data, len);
    a->ctl->right.prod = a->prod;
    notify(a);
}

static void done(struct agent *a, uint32_t stream, uint32_t kind, uint32_t code)
{
    struct bh_done d = {.kind = kind, .code = code, .wall_ns = 5};

    send(a, stream, BH_MSG_DONE, 0, &d, sizeof(d));
}

static struct job *find(struct agent *a, uint32_t stream)
{
    for (unsigned int i = 0; i < BH_MAX_STREAMS; i++) {
        if (a->jobs[i].kind != NONE && a->jobs[i].stream == stream)
            return &a->jobs[i];
    }
    return NULL;
}

static struct job *add(struct agent *a, uint32_t stream, int kind, uint32_t left)
{
    for (unsigned int i = 0; i < BH_MAX_STREAMS; i++) {
        if (a->jobs[i].kind == NONE) {
            a->jobs[i] = (struct job){stream, kind, left, BH_STREAM_WINDOW, 0};
            return &a->jobs[i];
        }
    }
    abort();
}

static void on_exec(struct agent *a, const struct bh_msg *m)
{
    struct bh_exec_req req;
    const char *argv0 = (const char *)a->payload + sizeof(req), *argv1 = argv0 + strlen(argv0) + 1;

    memcpy(&req, a->payload, sizeof(req));
    if (strcmp(argv0, "echo") == 0) {
        send(a, m->stream, BH_MSG_STDOUT, 0, argv1, (uint32_t)strlen(argv1));
        send(a, m->stream, BH_MSG_STDERR, 0, "!", 1);
        done(a, m->stream, BH_DONE_EXIT, 0);
    } else if (strcmp(argv0, "flood") == 0) {
        add(a, m->stream, FLOOD, (uint32_t)atoi(argv1));
    } else if (strcmp(argv0, "mix") == 0) {
        for (int i = 0; i < atoi(argv1); i++)
            send(a, m->stream, i % 2 == 0 ? BH_MSG_STDOUT : BH_MSG_STDERR, 0, "oe" + i % 2, 1);
        done(a, m->stream, BH_DONE_EXIT, 0);
    } else if (strcmp(argv0, "cat") == 0) {
        add(a, m->stream, CAT, 0);
    } else if (strcmp(argv0, "hang") == 0) {
        add(a, m->stream, HANG, 0);
    } else {
        done(a, m->stream, BH_DONE_EXIT, 1);
    }
}

static void on_read(struct agent *a, const struct bh_msg *m)
{
    struct bh_stat st = {.size = FILE_SIZE, .mode = 0644};

    if (memcmp(a->payload, "/none", m->length < 5 ? m->length : 5) == 0) {
        done(a, m->stream, BH_DONE_ERROR, 2);
        return;
    }
    send(a, m->stream, BH_MSG_STAT, 0, &st, sizeof(st));
    add(a, m->stream, SEND_FILE, FILE_SIZE);
}

static void on_stream(struct agent *a, const struct bh_msg *m, struct job *j)
{
    switch (m->type) {
    case BH_MSG_CREDIT:
        j->credit += m->arg;
        break;
    case BH_MSG_STDIN:
        send(a, m->stream, BH_MSG_STDOUT, 0, a->payload, m->length);
        send(a, m->stream, BH_MSG_CREDIT, m->length, NULL, 0);
        break;
    case BH_MSG_DATA:
        for (uint32_t i = 0; i < m->length; i++)
            j->sum = j->sum * 31 + a->payload[i];
        j->left += m->length;
        send(a, m->stream, BH_MSG_CREDIT, m->length, NULL, 0);
        break;
    case BH_MSG_EOF:
        j->kind = NONE;
        done(a, m->stream, j->left == FILE_SIZE ? BH_DONE_OK : BH_DONE_ERROR, 28);
        break;
    case BH_MSG_STDIN_EOF:
        j->kind = NONE;
        done(a, m->stream, BH_DONE_EXIT, 0);
        break;
    case BH_MSG_SIGNAL:
        j->kind = NONE;
        done(a, m->stream, BH_DONE_SIGNAL, m->arg);
        break;
    case BH_MSG_CANCEL:
        j->kind = NONE;
        done(a, m->stream, BH_DONE_SIGNAL, 9);
        break;
    default:
        abort();
    }
}

static void misbehave(struct agent *a)
{
    static uint8_t junk[BH_MSG_MAX_PAYLOAD];
    struct bh_msg m = {.length = BH_MSG_MAX_PAYLOAD + 1, .stream = 1, .type = BH_MSG_STDOUT};

    switch (a->mode) {
    case AGENT_LONG_FRAME:
    case AGENT_COMES_BACK:
        put(a, &m, sizeof(m));
        a->ctl->right.prod = a->prod;
        notify(a);
        break;
    case AGENT_BAD_INDEX:
        a->ctl->right.prod = a->ctl->right.cons + RING + 1;
        notify(a);
        break;
    case AGENT_UNKNOWN_STREAM:
        send(a, 4711, BH_MSG_STDOUT, 0, "x", 1);
        break;
    case AGENT_OVERRUN:
        for (unsigned int i = 0; i < 5; i++)
            send(a, 1, BH_MSG_STDOUT, 0, junk, sizeof(junk));
        break;
    case AGENT_BAD_CREDIT:
        send(a, 1, BH_MSG_CREDIT, 1, NULL, 0);
        break;
    case AGENT_BAD_TYPE:
        send(a, 1, 999, 0, NULL, 0);
        break;
    default:
        break;
    }
}

static void on_frame(struct agent *a, const struct bh_msg *m)
{
    struct job *j = find(a, m->stream);

    switch (m->type) {
    case BH_MSG_HELLO:
        send(a, 0, BH_MSG_HELLO, a->mode == AGENT_BAD_VERSION ? 99 : BH_AGENT_VERSION, "6.1", 3);
        return;
    case BH_MSG_CONFIG:
        done(a, 0, BH_DONE_OK, 0);
        return;
    case BH_MSG_EXEC:
        if (a->mode != AGENT_GOOD) {
            misbehave(a);
            return;
        }
        on_exec(a, m);
        return;
    case BH_MSG_READ:
        on_read(a, m);
        return;
    case BH_MSG_WRITE:
        add(a, m->stream, TAKE_FILE, 0);
        return;
    default:
        if (j != NULL)
            on_stream(a, m, j);
        return;
    }
}

static bool receive(struct agent *a)
{
    uint32_t have = a->ctl->left.prod - a->cons;
    struct bh_msg m;

    if (have < sizeof(m))
        return false;
    for (uint32_t i = 0; i < sizeof(m); i++)
        ((uint8_t *)&m)[i] = a->in[(a->cons + i) % RING];
    if (have < sizeof(m) + m.length)
        return false;
    memset(a->payload, 0, sizeof(a->payload));
    for (uint32_t i = 0; i < m.length; i++)
        a->payload[i] = a->in[(a->cons + (uint32_t)sizeof(m) + i) % RING];
    a->cons += (uint32_t)sizeof(m) + m.length;
    a->ctl->left.cons = a->cons;
    notify(a);
    on_frame(a, &m);
    return true;
}

static void pump(struct agent *a, struct job *j)
{
    uint8_t data[4096];
    uint32_t n = j->left < sizeof(data) ? j->left : (uint32_t)sizeof(data);

    if (j->kind != FLOOD && j->kind != SEND_FILE)
        return;
    n = n < j->credit ? n : j->credit;
    if (j->left == 0) {
        j->kind = NONE;
        done(a, j->stream, j->kind == SEND_FILE ? BH_DONE_OK : BH_DONE_EXIT, 0);
        return;
    }
    if (n == 0)
        return;
    for (uint32_t i = 0; i < n; i++)
        data[i] = (uint8_t)((j->sum++ * 13) >> 3);
    j->left -= n;
    j->credit -= n;
    send(a, j->stream, j->kind == SEND_FILE ? BH_MSG_DATA : BH_MSG_STDOUT, 0, data, n);
}

static void offer(struct agent *a, uint64_t generation)
{
    char path[64];
    uint32_t ref = a->mode == AGENT_BAD_REF ? 5000 : CONTROL_REF;

    memset(a->ctl, 0, sizeof(*a->ctl));
    a->cons = a->prod = 0;
    a->ctl->left_order = a->mode == AGENT_BAD_ORDER ? 12 : 16;
    a->ctl->right_order = 16;
    for (uint32_t i = 0; i < 16; i++) {
        a->ctl->grants[i] = LEFT_REF + i;
        a->ctl->grants[16 + i] = RIGHT_REF + i;
    }
    snprintf(path, sizeof(path), "/local/domain/%u/data/bulkhead/ring-ref", a->domid);
    xs_printf(XS_TX_NONE, path, "%u", ref);
    snprintf(path, sizeof(path), "/local/domain/%u/data/bulkhead/event-channel", a->domid);
    xs_printf(XS_TX_NONE, path, "%u", PORT);
    snprintf(path, sizeof(path), "/local/domain/%u/data/bulkhead/generation", a->domid);
    xs_printf(XS_TX_NONE, path, "%llu", (unsigned long long)generation);
}

static void run(void *arg)
{
    struct agent *a = arg;
    uint64_t generation = 10;

    thread_sleep(50000000);
    while (alive(a)) {
        if (generation == 10 || (a->mode == AGENT_COMES_BACK && a->ctl->cli_live == 0)) {
            if (generation > 10)
                a->mode = AGENT_GOOD;
            offer(a, generation++);
            thread_sleep(1000000);
        }
        while (alive(a) && receive(a))
            ;
        for (unsigned int i = 0; alive(a) && i < BH_MAX_STREAMS; i++)
            pump(a, &a->jobs[i]);
        thread_sleep(1000000);
    }
    free(a);
}

void fake_agent_start(uint16_t domid)
{
    struct agent *a;

    if (fake_agent_mode == AGENT_NEVER)
        return;
    a = calloc(1, sizeof(*a));
    a->domid = domid;
    a->serial = fake_domains[domid].serial;
    a->mode = fake_agent_mode;
    a->ctl = (struct vchan_interface *)fake_page(domid, CONTROL_REF);
    a->in = fake_page(domid, LEFT_REF);
    a->out = fake_page(domid, RIGHT_REF);
    thread_create(run, a, "agent", 0);
}
