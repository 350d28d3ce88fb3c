/* SPDX-License-Identifier: MIT */
/*
 * What threads do with one stream of a channel. After every wait the stream may have been reset;
 * then its channel must not be touched any more.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Credit goes back when this much was read, so that small reads do not cost a frame each. */
#define CREDIT_STEP 16384U

static unsigned int limit = 1024, total;

void channel_set_limit(unsigned int streams)
{
    limit = streams;
}

static bool id_in_use(const struct channel *ch, uint32_t id)
{
    for (const struct lane *s = ch->streams; s != NULL; s = s->next) {
        if (s->id == id)
            return true;
    }
    return false;
}

static struct lane *make(struct channel *ch)
{
    struct lane *s;

    /* No session gets all of them. */
    if (ch->nr_streams >= BH_MAX_STREAMS || ch->nr_streams >= limit - limit / 4 || total >= limit)
        return NULL;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    do {
        s->id = ++ch->last_id;
    } while (s->id == 0 || id_in_use(ch, s->id));
    s->ch = ch;
    s->refs = 1;
    s->granted = s->tx_credit = BH_STREAM_WINDOW;
    s->next = ch->streams;
    ch->streams = s;
    ch->nr_streams++;
    total++;
    return s;
}

/*
 * Runs of stdout and stderr are kept in the order they came, up to a number: a guest that
 * alternates single bytes would make the headers cost more than the data. From there on each of the
 * two is collected apart until everything has been read.
 */
#define RUNS_MAX 2048U

int lane_store(struct lane *s, uint16_t type, const void *data, size_t len)
{
    bool late = s->late[0].runs + s->late[1].runs > 0 || s->fifo.runs >= RUNS_MAX;

    return fifo_put(!late ? &s->fifo : &s->late[type == BH_MSG_STDERR], type, data, len);
}

static size_t take(struct lane *s, uint16_t *type, void *buf, size_t max)
{
    size_t n = fifo_get(&s->fifo, type, buf, max);

    for (unsigned int i = 0; i < 2 && n == 0; i++)
        n = fifo_get(&s->late[i], type, buf, max);
    return n;
}

void lane_drop(struct lane *s)
{
    fifo_free(&s->fifo);
    fifo_free(&s->late[0]);
    fifo_free(&s->late[1]);
}

static void put_ref(struct lane *s)
{
    if (s->refs > 0 || s->ch != NULL)
        return;
    total--;
    lane_drop(s);
    free(s);
}

void lane_unlink(struct lane *s)
{
    struct lane **link = &s->ch->streams;

    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    s->ch->nr_streams--;
    s->ch = NULL;
    put_ref(s);
}

void lane_hold(struct lane *s)
{
    s->refs++;
}

void lane_release(struct lane *s)
{
    s->refs--;
    put_ref(s);
}

void lane_flush(struct lane *s)
{
    if (s->reset || s->got_done)
        return;
    if (s->cancel_due && channel_try_send(s->ch, s->id, BH_MSG_CANCEL, 0, NULL, 0))
        s->cancel_due = false;
    if (s->owed >= CREDIT_STEP)
        s->credit_due = true;
    if (s->credit_due && channel_try_send(s->ch, s->id, BH_MSG_CREDIT, s->owed, NULL, 0)) {
        s->granted += s->owed;
        s->owed = 0;
        s->credit_due = false;
    }
}

/* Sends one frame, waiting for room. -EPIPE once the stream is done. */
static int send_frame(struct lane *s, enum bh_msg_type type, uint32_t arg, const void *payload,
                      size_t len, uint64_t deadline)
{
    for (;;) {
        if (s->reset)
            return -ECONNRESET;
        if (s->got_done || s->detached)
            return -EPIPE;
        if (channel_try_send(s->ch, s->id, type, arg, payload, len))
            return 0;
        if (waitq_wait(&s->ch->room, deadline) != 0)
            return -ETIMEDOUT;
    }
}

int lane_open(struct channel *ch, enum bh_msg_type type, const void *payload, size_t len,
              uint64_t deadline, struct lane **out)
{
    struct lane *s;
    int rc;

    if (ch->state != CHANNEL_READY)
        return -EAGAIN;
    if (len > BH_MSG_MAX_PAYLOAD)
        return -E2BIG;
    s = make(ch);
    if (s == NULL)
        return -EMFILE;
    rc = send_frame(s, type, 0, payload, len, deadline);
    if (rc != 0) {
        s->reset = true; /* the agent never heard of it */
        lane_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void lane_close(struct lane *s)
{
    s->detached = true;
    lane_drop(s);
    waitq_wake_all(&s->wq);
    if (s->reset || s->got_done) {
        if (s->ch != NULL)
            lane_unlink(s);
    } else {
        /* It stays on the channel until the agent's DONE. What was received and dropped is
         * credited, else the agent might wait for that before it ends. */
        s->cancel_due = true;
        s->owed = BH_STREAM_WINDOW - s->granted;
        s->credit_due = s->owed > 0;
        lane_flush(s);
    }
    lane_release(s);
}

uint32_t lane_id(const struct lane *s)
{
    return s->id;
}

long lane_receive(struct lane *s, uint16_t *type, void *buf, size_t max, uint64_t deadline)
{
    for (;;) {
        size_t n = take(s, type, buf, max);

        if (n > 0) {
            s->owed += (uint32_t)n;
            lane_flush(s);
            return (long)n;
        }
        if (s->corrupt)
            return -ENOMEM;
        if (s->got_done)
            return 0;
        if (s->reset)
            return -ECONNRESET;
        if (waitq_wait(&s->wq, deadline) != 0)
            return -ETIMEDOUT;
    }
}

int lane_wait_stat(struct lane *s, struct bh_stat *st, uint64_t deadline)
{
    while (!s->got_stat) {
        if (s->got_done)
            return 1;
        if (s->reset)
            return -ECONNRESET;
        if (waitq_wait(&s->wq, deadline) != 0)
            return -ETIMEDOUT;
    }
    *st = s->stat;
    return 0;
}

int lane_wait_done(struct lane *s, uint64_t deadline)
{
    uint8_t drop[512];
    uint16_t type;
    long n;

    do {
        n = lane_receive(s, &type, drop, sizeof(drop), deadline);
    } while (n > 0);
    return (int)n;
}

const struct bh_done *lane_done(const struct lane *s, const char **text)
{
    if (!s->got_done)
        return NULL;
    if (text != NULL)
        *text = s->text;
    return &s->done;
}

int lane_send(struct lane *s, enum bh_msg_type type, const void *data, size_t len,
              uint64_t deadline)
{
    const uint8_t *from = data;

    while (len > 0) {
        size_t n = len < BH_MSG_MAX_PAYLOAD ? len : BH_MSG_MAX_PAYLOAD;
        int rc;

        if (s->reset)
            return -ECONNRESET;
        if (s->got_done || s->detached)
            return -EPIPE;
        if (s->tx_credit == 0) {
            if (waitq_wait(&s->wq, deadline) != 0)
                return -ETIMEDOUT;
            continue;
        }
        if (n > s->tx_credit)
            n = s->tx_credit;
        s->tx_credit -= (uint32_t)n; /* before the wait: others may send on this stream too */
        rc = send_frame(s, type, 0, from, n, deadline);
        if (rc != 0)
            return rc;
        from += n;
        len -= n;
    }
    return 0;
}

int lane_control(struct lane *s, enum bh_msg_type type, uint32_t arg, uint64_t deadline)
{
    return send_frame(s, type, arg, NULL, 0, deadline);
}
