/* SPDX-License-Identifier: MIT */
/*
 * Offers, handshake and receiving of the agent channel. All of it runs in the worker.
 */
#include "internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>
#include <rt/xs.h>

#include "xenstore/server.h"

/* A turn takes at most this much; then others have theirs. */
#define TURN_FRAMES 64U
#define TURN_BYTES 131072U

#define SEED_BYTES 64U

static void set_state(struct channel *ch, enum channel_state state)
{
    ch->state = state;
    if (ch->changed != NULL)
        ch->changed(ch->ctx);
}

/* Every stream ends here; those nobody holds any more are freed. */
static void reset_streams(struct channel *ch)
{
    struct lane *next;

    for (struct lane *s = ch->streams; s != NULL; s = next) {
        next = s->next;
        s->reset = true;
        if (s->detached)
            lane_unlink(s);
        else
            waitq_wake_all(&s->wq);
    }
    waitq_wake_all(&ch->room);
}

static void hang_up(struct channel *ch)
{
    worker_cancel(&ch->pump);
    vchan_disconnect(&ch->vc);
    ch->have_head = false;
    reset_streams(ch);
}

static void break_channel(struct channel *ch, const char *reason)
{
    if (ch->state == CHANNEL_BROKEN || ch->state == CHANNEL_LOST)
        return;
    ch->reason = reason;
    hang_up(ch);
    rt_log("channel: domain %u: %s\n", ch->domid, reason);
    set_state(ch, ch->offers < CHANNEL_MAX_OFFERS ? CHANNEL_BROKEN : CHANNEL_LOST);
}

/* ---- sending ---- */

bool channel_try_send(struct channel *ch, uint32_t stream, enum bh_msg_type type, uint32_t arg,
                      const void *data, size_t len)
{
    struct bh_msg m = {
        .length = (uint32_t)len, .stream = stream, .type = (uint16_t)type, .arg = arg};
    uint32_t need = (uint32_t)(sizeof(m) + len);

    if (vchan_writable(&ch->vc) < need) {
        ch->room_wanted = true;
        vchan_ask(&ch->vc, true);
        if (vchan_writable(&ch->vc) < need) { /* it may have come just before */
            if (ch->vc.dead)
                worker_kick(&ch->pump);
            return false;
        }
    }
    vchan_put(&ch->vc, &m, sizeof(m));
    if (len > 0)
        vchan_put(&ch->vc, data, (uint32_t)len);
    vchan_publish(&ch->vc);
    return true;
}

static void send_config(struct channel *ch)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t seed[SEED_BYTES];
    char text[512], hex[2 * SEED_BYTES + 1];
    int n;

    rt_random(seed, sizeof(seed));
    for (size_t i = 0; i < sizeof(seed); i++) {
        hex[2 * i] = digits[seed[i] >> 4];
        hex[2 * i + 1] = digits[seed[i] & 15U];
    }
    hex[2 * SEED_BYTES] = '\0';
    n = snprintf(text, sizeof(text), "hostname=%s\nwallclock_ns=%" PRIu64 "\nseed=%s\n",
                 ch->hostname, rt_wallclock(), hex);
    if (n < 0 || !channel_try_send(ch, 0, BH_MSG_CONFIG, 0, text, (size_t)n)) {
        break_channel(ch, "the agent does not read its channel");
        return;
    }
    set_state(ch, CHANNEL_CONFIG);
}

/* ---- receiving ---- */

static uint8_t payload[BH_MSG_MAX_PAYLOAD]; /* of the frame at hand: one worker, no waits */

static struct lane *find(struct channel *ch, uint32_t id)
{
    struct lane *s = ch->streams;

    while (s != NULL && (s->id != id || s->reset))
        s = s->next;
    return s;
}

static bool on_channel_frame(struct channel *ch)
{
    const struct bh_msg *m = &ch->head;

    if (m->type == BH_MSG_HELLO && ch->state == CHANNEL_HELLO) {
        if (m->arg != BH_AGENT_VERSION)
            return false;
        send_config(ch);
        return true;
    }
    if (m->type == BH_MSG_DONE && ch->state == CHANNEL_CONFIG) {
        /* A guest without the right to set its clock or name still runs commands. */
        set_state(ch, CHANNEL_READY);
        return true;
    }
    return m->type == BH_MSG_CREDIT;
}

static bool on_data(struct channel *ch, struct lane *s)
{
    const struct bh_msg *m = &ch->head;

    if (m->length > s->granted)
        return false;
    s->granted -= m->length;
    if (s->detached || s->corrupt) {
        s->owed += m->length;
        lane_flush(s);
    } else if (lane_store(s, m->type, payload, m->length) != 0) {
        s->corrupt = true;
        lane_drop(s);
    }
    return true;
}

static void copy_text(struct lane *s, const uint8_t *text, size_t len)
{
    size_t n = len < sizeof(s->text) - 1 ? len : sizeof(s->text) - 1;

    for (size_t i = 0; i < n; i++)
        s->text[i] = text[i] >= 0x20 && text[i] < 0x7f ? (char)text[i] : '?';
    s->text[n] = '\0';
}

static bool on_done(struct channel *ch, struct lane *s)
{
    const struct bh_msg *m = &ch->head;

    if (m->length < sizeof(s->done))
        return false;
    memcpy(&s->done, payload, sizeof(s->done));
    if (s->done.kind > BH_DONE_ERROR)
        return false;
    copy_text(s, payload + sizeof(s->done), m->length - sizeof(s->done));
    s->got_done = true;
    waitq_wake_all(&s->wq);
    if (s->detached)
        lane_unlink(s);
    return true;
}

static bool on_stream_frame(struct channel *ch)
{
    const struct bh_msg *m = &ch->head;
    struct lane *s = find(ch, m->stream);
    bool fits = true;

    if (s == NULL || s->got_done)
        return false;
    switch (m->type) {
    case BH_MSG_STDOUT:
    case BH_MSG_STDERR:
    case BH_MSG_DATA:
        fits = on_data(ch, s);
        break;
    case BH_MSG_CREDIT:
        if (m->arg > BH_STREAM_WINDOW - s->tx_credit)
            return false;
        s->tx_credit += m->arg;
        break;
    case BH_MSG_STAT:
        if (m->length != sizeof(s->stat) || s->got_stat)
            return false;
        memcpy(&s->stat, payload, sizeof(s->stat));
        s->got_stat = true;
        break;
    case BH_MSG_EOF: /* DONE follows and says the same */
        break;
    case BH_MSG_DONE:
        return on_done(ch, s);
    default:
        return false;
    }
    waitq_wake_all(&s->wq);
    return fits;
}

/* One frame: 1 handled, 0 none complete, -EPROTO. */
static int receive(struct channel *ch)
{
    uint32_t have = vchan_readable(&ch->vc);

    if (!ch->have_head) {
        if (have < sizeof(ch->head))
            return 0;
        vchan_peek(&ch->vc, &ch->head, sizeof(ch->head));
        vchan_skip(&ch->vc, sizeof(ch->head));
        have -= (uint32_t)sizeof(ch->head);
        if (ch->head.length > BH_MSG_MAX_PAYLOAD || ch->head.flags != 0)
            return -EPROTO;
        ch->have_head = true;
    }
    if (have < ch->head.length)
        return 0;
    vchan_peek(&ch->vc, payload, ch->head.length);
    vchan_skip(&ch->vc, ch->head.length);
    ch->have_head = false;
    if (ch->head.stream == 0 ? !on_channel_frame(ch) : !on_stream_frame(ch))
        return -EPROTO;
    return 1;
}

static bool is_connected(const struct channel *ch)
{
    return ch->state >= CHANNEL_HELLO && ch->state <= CHANNEL_READY;
}

/* True if the budget ended first. */
static bool receive_all(struct channel *ch)
{
    uint32_t frames = 0, bytes = 0;

    while (is_connected(ch)) {
        int rc = receive(ch);

        if (rc < 0) {
            break_channel(ch, "the agent broke the protocol");
            return false;
        }
        if (rc == 0)
            return false;
        bytes += ch->head.length;
        if (++frames >= TURN_FRAMES || bytes >= TURN_BYTES)
            return true;
    }
    return false;
}

static bool pump(struct work *w)
{
    struct channel *ch = (struct channel *)w;
    uint32_t seen = vchan_peer_written(&ch->vc);
    bool more = receive_all(ch);

    if (!is_connected(ch))
        return false;
    if (ch->room_wanted) {
        ch->room_wanted = false;
        for (struct lane *s = ch->streams; s != NULL; s = s->next)
            lane_flush(s);
        waitq_wake_all(&ch->room);
    }
    vchan_publish(&ch->vc);
    if (!more) {
        /* What came since before the last look was not asked for, so no event was sent for it. */
        vchan_ask(&ch->vc, ch->room_wanted);
        more = vchan_peer_written(&ch->vc) != seen;
    }
    if (ch->vc.dead) {
        break_channel(ch, "the agent broke its ring");
        return false;
    }
    return more;
}

/* ---- offers ---- */

static int read_home(const struct channel *ch, const char *key, uint64_t *value)
{
    char path[80];

    snprintf(path, sizeof(path), "%s/data/bulkhead/%s", ch->home, key);
    return xs_read_u64(XS_TX_NONE, path, value);
}

static int accept_offer(struct channel *ch)
{
    uint64_t ref, port;
    int rc = read_home(ch, "ring-ref", &ref);

    if (rc == 0)
        rc = read_home(ch, "event-channel", &port);
    if (rc != 0)
        return rc;
    if (ref > UINT32_MAX || port > UINT32_MAX)
        return -EINVAL;
    rc = vchan_connect(&ch->vc, ch->domid, (grant_ref)ref, (evtchn_port)port);
    if (rc != 0)
        return rc;
    rc = evtchn_set_handler(ch->vc.port, worker_event, &ch->pump);
    if (rc != 0 || !channel_try_send(ch, 0, BH_MSG_HELLO, BH_AGENT_VERSION, NULL, 0)) {
        vchan_disconnect(&ch->vc);
        return rc != 0 ? rc : -EPROTO;
    }
    (void)evtchn_send(ch->vc.port); /* whether it asked for that or not: it may not have yet */
    return 0;
}

static bool on_offer(struct work *w)
{
    struct channel *ch = (struct channel *)((char *)w - offsetof(struct channel, offer));
    uint64_t generation;
    int rc;

    if (ch->state == CHANNEL_LOST || read_home(ch, "generation", &generation) != 0 ||
        generation <= ch->generation)
        return false;
    if (ch->offers == CHANNEL_MAX_OFFERS) {
        break_channel(ch, "the agent offered its channel too often");
        return false;
    }
    if (is_connected(ch))
        hang_up(ch);
    ch->generation = generation;
    ch->offers++;
    ch->state = CHANNEL_HELLO;
    rc = accept_offer(ch);
    if (rc != 0) {
        break_channel(ch, "the agent's channel cannot be mapped");
        return false;
    }
    set_state(ch, CHANNEL_HELLO);
    worker_kick(&ch->pump);
    return false;
}

int channel_create(uint16_t domid, const char *hostname, channel_changed_fn *changed, void *ctx,
                   struct channel **out)
{
    struct channel *ch = calloc(1, sizeof(*ch));
    char path[80];
    int rc;

    if (ch == NULL)
        return -ENOMEM;
    ch->pump.fn = pump;
    ch->offer.fn = on_offer;
    ch->state = CHANNEL_WAITING;
    ch->reason = "";
    ch->domid = domid;
    ch->changed = changed;
    ch->ctx = ctx;
    ch->vc.dead = true;
    snprintf(ch->hostname, sizeof(ch->hostname), "%s", hostname);
    snprintf(ch->home, sizeof(ch->home), "/local/domain/%u", domid);
    snprintf(path, sizeof(path), "%s/data/bulkhead/generation", ch->home);
    rc = xenstore_watch(path, &ch->offer, &ch->watch);
    if (rc != 0) {
        free(ch);
        return rc;
    }
    *out = ch;
    return 0;
}

void channel_destroy(struct channel *ch)
{
    struct lane *next;

    if (ch == NULL)
        return;
    xenstore_unwatch(ch->watch);
    worker_cancel(&ch->offer);
    ch->changed = NULL;
    hang_up(ch);
    for (struct lane *s = ch->streams; s != NULL; s = next) {
        next = s->next;
        lane_unlink(s);
    }
    free(ch);
}

enum channel_state channel_get_state(const struct channel *ch)
{
    return ch->state;
}

const char *channel_reason(const struct channel *ch)
{
    return ch->reason;
}
