/* SPDX-License-Identifier: MIT */
/*
 * Network front end: connects to the back end through xenstore and moves frames between its pages,
 * which stay granted for the life of the connection, and the caller. A thread of its own takes in
 * what arrived. Rings and checks are in netfront_ring.c.
 */
#include "pv/netfront.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "netfront_ring.h"
#include "rt/event.h"
#include "rt/grant.h"
#include "rt/rt.h"
#include "rt/thread.h"
#include "rt/xs.h"

#define MAX_PATH 128U
#define CLOSE_WAIT UINT64_C(1000000000) /* ns for the back end to let go */
#define RX_THREAD_STACK 65536U          /* the receiver's code runs on it */

struct netfront {
    char dir[MAX_PATH]; /* of our end in the store */
    char *backend;
    uint16_t backend_id;
    uint8_t mac[6];
    evtchn_port port;
    bool has_port, closing, thread_runs;
    int broken; /* -errno */
    struct nf_rx rx;
    struct nf_tx tx;
    void *rx_sring, *tx_sring;
    uint8_t *rx_pages, *tx_pages; /* NF_SLOTS each; page i is slot id i's */
    grant_ref rx_ring_ref, tx_ring_ref;
    grant_ref rx_refs[NF_SLOTS], tx_refs[NF_SLOTS];
    struct waitq event, tx_space, ended;
    netfront_rx_fn *receive;
    void *arg;
    uint8_t frame[NF_MAX_FRAME]; /* the copy that is given to the receiver */
};

static int read_mac(struct netfront *nf)
{
    char path[MAX_PATH + 8], *text;
    unsigned int m[6];
    int r, n;

    snprintf(path, sizeof(path), "%s/mac", nf->dir);
    r = xs_read(XS_TX_NONE, path, &text, NULL);
    if (r != 0)
        return r;
    n = sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]);
    free(text);
    if (n != 6)
        return -EPROTO;
    for (int i = 0; i < 6; i++)
        nf->mac[i] = (uint8_t)m[i];
    return 0;
}

/* The toolstack may still be writing our directory: waits until it names a back end. */
static int read_backend(struct netfront *nf, uint64_t deadline)
{
    char path[MAX_PATH + 16], *changed;
    uint64_t id = 0;
    struct xs_watch *watch;
    int r = xs_watch_add(nf->dir, &watch);

    if (r != 0)
        return r;
    for (;;) {
        snprintf(path, sizeof(path), "%s/backend", nf->dir);
        r = xs_read(XS_TX_NONE, path, &nf->backend, NULL);
        if (r == 0) {
            snprintf(path, sizeof(path), "%s/backend-id", nf->dir);
            r = xs_read_u64(XS_TX_NONE, path, &id);
        }
        if (r == 0)
            r = read_mac(nf);
        if (r != -ENOENT)
            break;
        free(nf->backend);
        nf->backend = NULL;
        r = xs_watch_wait(watch, deadline, &changed);
        if (r != 0)
            break;
        free(changed);
    }
    xs_watch_del(watch);
    nf->backend_id = (uint16_t)id;
    return r;
}

static int grant_pages(struct netfront *nf, uint8_t *pages, bool readonly, grant_ref *refs)
{
    for (uint32_t i = 0; i < NF_SLOTS; i++) {
        int r = gnt_grant(nf->backend_id, pages + i * NF_PAGE, readonly, &refs[i]);

        if (r != 0)
            return r;
    }
    return 0;
}

static int make_rings(struct netfront *nf)
{
    int r;

    nf->rx_sring = rt_pages_alloc(1);
    nf->tx_sring = rt_pages_alloc(1);
    nf->rx_pages = rt_pages_alloc(NF_SLOTS);
    nf->tx_pages = rt_pages_alloc(NF_SLOTS);
    if (nf->rx_sring == NULL || nf->tx_sring == NULL || nf->rx_pages == NULL ||
        nf->tx_pages == NULL)
        return -ENOMEM;
    nf_rx_init(&nf->rx, nf->rx_sring);
    nf_tx_init(&nf->tx, nf->tx_sring);
    r = gnt_grant(nf->backend_id, nf->rx_sring, false, &nf->rx_ring_ref);
    if (r == 0)
        r = gnt_grant(nf->backend_id, nf->tx_sring, false, &nf->tx_ring_ref);
    if (r == 0)
        r = grant_pages(nf, nf->rx_pages, false, nf->rx_refs);
    if (r == 0)
        r = grant_pages(nf, nf->tx_pages, true, nf->tx_refs);
    if (r != 0)
        return r;
    for (uint16_t i = 0; i < NF_SLOTS; i++)
        nf_rx_post(&nf->rx, i, nf->rx_refs[i]);
    nf_rx_push(&nf->rx);
    r = evtchn_alloc_unbound(DOMID_SELF, nf->backend_id, &nf->port);
    nf->has_port = r == 0;
    return r;
}

static int write_key(const struct netfront *nf, uint32_t tx, const char *key, uint32_t value)
{
    char path[MAX_PATH + 32];

    snprintf(path, sizeof(path), "%s/%s", nf->dir, key);
    return xs_printf(tx, path, "%u", value);
}

static int publish(const struct netfront *nf)
{
    const struct {
        const char *key;
        uint32_t value;
    } keys[] = {
        {"tx-ring-ref", nf->tx_ring_ref},
        {"rx-ring-ref", nf->rx_ring_ref},
        {"event-channel", nf->port},
        {"request-rx-copy", 1},
        {"feature-rx-notify", 1},
        {"feature-no-csum-offload", 1},
        {"feature-sg", 0},
        {"state", XenbusStateConnected},
    };
    uint32_t tx;
    int r;

    do {
        r = xs_tx_begin(&tx);
        for (size_t i = 0; r == 0 && i < sizeof(keys) / sizeof(keys[0]); i++)
            r = write_key(nf, tx, keys[i].key, keys[i].value);
        if (r != 0)
            return r;
        r = xs_tx_end(tx, 0);
    } while (r == -EAGAIN);
    return r;
}

static void break_off(struct netfront *nf, int error)
{
    if (nf->broken == 0)
        rt_log("netfront: %s: the back end broke the protocol\n", nf->dir);
    nf->broken = error;
    waitq_wake_all(&nf->tx_space);
}

/* Takes what arrived. The frame is copied out first: the back end may still write to the page. */
static bool receive_all(struct netfront *nf)
{
    uint16_t id, offset, len;
    bool any = false;
    int r;

    while ((r = nf_rx_take(&nf->rx, &id, &offset, &len)) == 1) {
        any = true;
        if (len > 0)
            memcpy(nf->frame, nf->rx_pages + id * NF_PAGE + offset, len);
        nf_rx_post(&nf->rx, id, nf->rx_refs[id]);
        if (len > 0 && !nf->closing)
            nf->receive(nf->arg, nf->frame, len);
    }
    if (r < 0)
        break_off(nf, r);
    if (any && nf_rx_push(&nf->rx))
        evtchn_send(nf->port);
    return any;
}

static bool reap_sent(struct netfront *nf)
{
    int r = nf_tx_reap(&nf->tx);

    if (r < 0)
        break_off(nf, r);
    if (r > 0)
        waitq_wake_all(&nf->tx_space);
    return r > 0;
}

static void netfront_thread(void *arg)
{
    struct netfront *nf = arg;

    while (!nf->closing && nf->broken == 0) {
        bool worked = receive_all(nf);

        worked |= reap_sent(nf);
        if (worked) {
            thread_yield();
            continue;
        }
        if (nf->broken == 0 && !nf_rx_check(&nf->rx) && !nf_tx_check(&nf->tx))
            waitq_wait(&nf->event, WAIT_FOREVER);
    }
    nf->thread_runs = false;
    waitq_wake_all(&nf->ended);
}

static int connect(struct netfront *nf, uint64_t deadline)
{
    int r = read_backend(nf, deadline);

    if (r == 0)
        r = xenbus_switch_state(nf->dir, XenbusStateInitialising);
    if (r == 0)
        r = xenbus_wait_state(nf->backend, XenbusStateInitWait, deadline);
    if (r == 0)
        r = make_rings(nf);
    if (r == 0)
        r = publish(nf);
    if (r == 0)
        r = xenbus_wait_state(nf->backend, XenbusStateConnected, deadline);
    if (r == 0)
        r = evtchn_wake_on(nf->port, &nf->event);
    if (r == 0)
        r = thread_create(netfront_thread, nf, "netfront", RX_THREAD_STACK);
    nf->thread_runs = r == 0;
    return r;
}

int netfront_open(unsigned int index, netfront_rx_fn *rx, void *arg, uint64_t deadline,
                  struct netfront **nf)
{
    struct netfront *n = calloc(1, sizeof(*n));
    int r;

    if (n == NULL)
        return -ENOMEM;
    snprintf(n->dir, sizeof(n->dir), "device/vif/%u", index);
    n->receive = rx;
    n->arg = arg;
    r = connect(n, deadline);
    if (r != 0) {
        netfront_close(n);
        return r;
    }
    *nf = n;
    return 0;
}

void netfront_mac(const struct netfront *nf, uint8_t mac[6])
{
    memcpy(mac, nf->mac, sizeof(nf->mac));
}

int netfront_send(struct netfront *nf, const uint8_t *frame, size_t len)
{
    uint16_t id;

    if (len < NF_MIN_FRAME || len > NF_MAX_FRAME)
        return -EINVAL;
    if (nf->broken != 0 || nf->closing)
        return -EIO;
    if (nf_tx_slot(&nf->tx, &id) != 0) {
        reap_sent(nf);
        if (nf_tx_slot(&nf->tx, &id) != 0)
            return -EAGAIN;
    }
    memcpy(nf->tx_pages + id * NF_PAGE, frame, len);
    nf_tx_post(&nf->tx, id, nf->tx_refs[id], (uint16_t)len);
    if (nf_tx_push(&nf->tx))
        evtchn_send(nf->port);
    return 0;
}

int netfront_wait_tx(struct netfront *nf, uint64_t deadline)
{
    while (nf->tx.nr_free == 0) {
        if (nf->broken != 0 || nf->closing)
            return -EIO;
        if (waitq_wait(&nf->tx_space, deadline) != 0 && nf->tx.nr_free == 0)
            return -ETIMEDOUT;
    }
    return 0;
}

/* Ends the grants and frees the pages. A page that the back end still uses is lost to us: better
 * than one that others write to. */
static bool end_grants(const grant_ref *refs, uint32_t n)
{
    bool all = true;

    for (uint32_t i = 0; i < n; i++) {
        if (refs[i] != GRANT_NONE && gnt_end(refs[i]) != 0)
            all = false;
    }
    return all;
}

static void free_pages(void *pages, uint32_t n, const grant_ref *refs, uint32_t nr_refs)
{
    if (end_grants(refs, nr_refs) && pages != NULL)
        rt_pages_free(pages, n);
}

void netfront_close(struct netfront *nf)
{
    if (nf == NULL)
        return;
    nf->closing = true;
    waitq_wake_all(&nf->event);
    waitq_wake_all(&nf->tx_space);
    while (nf->thread_runs)
        waitq_wait(&nf->ended, WAIT_FOREVER);
    if (nf->backend != NULL) {
        xenbus_switch_state(nf->dir, XenbusStateClosing);
        xenbus_wait_state(nf->backend, XenbusStateClosed, rt_now() + CLOSE_WAIT);
        xenbus_switch_state(nf->dir, XenbusStateClosed);
    }
    if (nf->has_port)
        evtchn_close(nf->port);
    free_pages(nf->rx_sring, 1, &nf->rx_ring_ref, 1);
    free_pages(nf->tx_sring, 1, &nf->tx_ring_ref, 1);
    free_pages(nf->rx_pages, NF_SLOTS, nf->rx_refs, NF_SLOTS);
    free_pages(nf->tx_pages, NF_SLOTS, nf->tx_refs, NF_SLOTS);
    free(nf->backend);
    free(nf);
}
