/* SPDX-License-Identifier: MIT */
/*
 * Streams over lwIP's raw API. lwIP's callbacks run in whatever thread entered lwIP and never wait:
 * they move bytes into the stream's ring or wake its thread. A connection that lwIP has ended
 * leaves pcb NULL; a stream that was closed lives on as an orphan until its last bytes are
 * acknowledged or its time is over, so that a peer cannot hold a connection that nobody owns.
 */
#include "stack/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>
#include <rt/thread.h>

#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"
#include "stack/stack.h"

#define ACCEPT_QUEUE 32U
#define MS 1000000ULL
#define LINGER_NS (5000 * MS)

_Static_assert(STREAM_RX_MAX == TCP_WND, "the ring must hold a whole window");

struct stream {
    struct tcp_pcb *pcb; /* NULL: ended */
    bool reset;
    bool fin;
    uint32_t peer;
    char peer_text[STREAM_PEER_LEN];
    struct waitq rx_wq, tx_wq;
    size_t rx_first, rx_count;
    uint64_t orphan_deadline;
    struct stream *next_orphan;
    uint8_t rx[STREAM_RX_MAX];
};

struct stream_listener {
    struct tcp_pcb *pcb;
    struct stream *queue[ACCEPT_QUEUE];
    unsigned int first, count;
    struct waitq wq;
};

static struct stream *orphans;

/* ---- lwIP's callbacks ---- */

static void ring_put(struct stream *s, const uint8_t *data, size_t len)
{
    size_t at = (s->rx_first + s->rx_count) % STREAM_RX_MAX;
    size_t first = STREAM_RX_MAX - at < len ? STREAM_RX_MAX - at : len;

    memcpy(s->rx + at, data, first);
    memcpy(s->rx, data + first, len - first);
    s->rx_count += len;
}

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    struct stream *s = arg;

    (void)err;
    if (p == NULL) {
        s->fin = true;
        waitq_wake_all(&s->rx_wq);
        return ERR_OK;
    }
    if (p->tot_len > STREAM_RX_MAX - s->rx_count)
        return ERR_MEM; /* beyond the window: lwIP keeps it and asks again */
    for (struct pbuf *q = p; q != NULL; q = q->next)
        ring_put(s, q->payload, q->len);
    /* A short segment ends a write of the peer, which may hold its next one back until this is
     * acknowledged (Nagle): a delayed acknowledgement would cost each request a quarter second. */
    if (p->tot_len % TCP_MSS != 0)
        tcp_ack_now(pcb);
    pbuf_free(p);
    waitq_wake_all(&s->rx_wq);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    struct stream *s = arg;

    (void)pcb;
    (void)len;
    waitq_wake_all(&s->tx_wq);
    return ERR_OK;
}

static void on_error(void *arg, err_t err)
{
    struct stream *s = arg;

    (void)err;
    if (s == NULL)
        return;
    s->pcb = NULL;
    s->reset = true;
    waitq_wake_all(&s->rx_wq);
    waitq_wake_all(&s->tx_wq);
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct stream_listener *l = arg;
    struct stream *s;

    if (err != ERR_OK || pcb == NULL)
        return ERR_VAL;
    if (l->count == ACCEPT_QUEUE)
        return ERR_MEM; /* lwIP resets the connection */
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_MEM;
    s->pcb = pcb;
    s->peer = lwip_ntohl(ip4_addr_get_u32(ip_2_ip4(&pcb->remote_ip)));
    ip4addr_ntoa_r(ip_2_ip4(&pcb->remote_ip), s->peer_text, sizeof s->peer_text);
    tcp_arg(pcb, s);
    tcp_recv(pcb, on_receive);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
    tcp_nagle_disable(pcb);
    ip_set_option(pcb, SOF_KEEPALIVE);
    tcp_backlog_delayed(pcb);
    l->queue[(l->first + l->count++) % ACCEPT_QUEUE] = s;
    waitq_wake_one(&l->wq);
    return ERR_OK;
}

/* ---- the streams ---- */

int stream_listen(uint16_t port, struct stream_listener **out)
{
    struct stream_listener *l = calloc(1, sizeof *l);
    struct tcp_pcb *pcb = tcp_new();

    if (l == NULL || pcb == NULL || tcp_bind(pcb, IP_ADDR_ANY, port) != ERR_OK)
        goto fail;
    l->pcb = tcp_listen_with_backlog(pcb, TCP_DEFAULT_LISTEN_BACKLOG);
    if (l->pcb == NULL)
        goto fail;
    tcp_arg(l->pcb, l);
    tcp_accept(l->pcb, on_accept);
    *out = l;
    return 0;

fail:
    if (pcb != NULL)
        tcp_abort(pcb);
    free(l);
    return -ENOMEM;
}

int stream_accept(struct stream_listener *l, struct stream **out, uint64_t deadline)
{
    struct stream *s;

    while (l->count == 0) {
        if (waitq_wait(&l->wq, deadline) != 0 && l->count == 0)
            return -ETIMEDOUT;
    }
    s = l->queue[l->first];
    l->first = (l->first + 1) % ACCEPT_QUEUE;
    l->count--;
    if (s->pcb != NULL)
        tcp_backlog_accepted(s->pcb);
    *out = s;
    return 0;
}

const char *stream_peer(const struct stream *s)
{
    return s->peer_text;
}

uint32_t stream_peer_address(const struct stream *s)
{
    return s->peer;
}

bool stream_peer_gone(const struct stream *s)
{
    return s->reset || s->fin || s->pcb == NULL;
}

long stream_read(struct stream *s, void *buf, size_t len, uint64_t deadline)
{
    size_t n, first;

    while (s->rx_count == 0) {
        if (s->reset)
            return -ECONNRESET;
        if (s->fin)
            return 0;
        if (waitq_wait(&s->rx_wq, deadline) != 0 && s->rx_count == 0 && !s->reset && !s->fin)
            return -ETIMEDOUT;
    }
    n = s->rx_count < len ? s->rx_count : len;
    first = STREAM_RX_MAX - s->rx_first < n ? STREAM_RX_MAX - s->rx_first : n;
    memcpy(buf, s->rx + s->rx_first, first);
    memcpy((uint8_t *)buf + first, s->rx, n - first);
    s->rx_first = (s->rx_first + n) % STREAM_RX_MAX;
    s->rx_count -= n;
    if (s->pcb != NULL)
        tcp_recved(s->pcb, (u16_t)n);
    return (long)n;
}

int stream_write(struct stream *s, const void *buf, size_t len, uint64_t deadline)
{
    const uint8_t *p = buf;

    while (len > 0) {
        size_t n;
        err_t err;

        if (s->pcb == NULL)
            return -ECONNRESET;
        n = tcp_sndbuf(s->pcb);
        n = n < len ? n : len;
        /* Small pieces, so that a nearly full heap still lets some through. */
        n = n < 8 * TCP_MSS ? n : 8 * TCP_MSS;
        err = n > 0 ? tcp_write(s->pcb, p, (u16_t)n, TCP_WRITE_FLAG_COPY) : ERR_MEM;
        if (err == ERR_OK) {
            p += n;
            len -= n;
            continue;
        }
        if (err != ERR_MEM)
            return -ECONNRESET;
        tcp_output(s->pcb);
        if (rt_now() >= deadline)
            return -ETIMEDOUT;
        /* The heap is shared: room may come without an acknowledgement of our own. */
        waitq_wait(&s->tx_wq, rt_now() + 20 * MS);
    }
    if (s->pcb == NULL)
        return -ECONNRESET;
    tcp_output(s->pcb);
    return 0;
}

void stream_abort(struct stream *s)
{
    if (s->pcb != NULL)
        tcp_abort(s->pcb); /* calls on_error() */
}

void stream_close(struct stream *s)
{
    /* Unread input makes tcp_close() reset the connection at once: as good an end as any then. */
    if (s->pcb == NULL) {
        free(s);
        return;
    }
    tcp_recv(s->pcb, NULL); /* lwIP's own: takes and drops what still comes */
    tcp_sent(s->pcb, NULL);
    tcp_err(s->pcb, NULL);
    s->orphan_deadline = rt_now() + LINGER_NS;
    s->next_orphan = orphans;
    orphans = s;
    if (tcp_close(s->pcb) != ERR_OK)
        tcp_abort(s->pcb);
    s->pcb =
        NULL; /* may be freed by lwIP at any time from here: found again by its argument only */
}

static struct tcp_pcb *find_orphan(const struct stream *s)
{
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb->callback_arg == s)
            return pcb;
    }
    return NULL;
}

void stream_reap(uint64_t now)
{
    struct stream **link = &orphans;

    while (*link != NULL) {
        struct stream *s = *link;
        struct tcp_pcb *pcb = find_orphan(s);

        if (pcb != NULL && now >= s->orphan_deadline) {
            tcp_abort(pcb);
            pcb = NULL;
        }
        if (pcb != NULL) {
            link = &s->next_orphan;
            continue;
        }
        *link = s->next_orphan;
        free(s);
    }
}
