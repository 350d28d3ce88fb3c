/* SPDX-License-Identifier: MIT */
/*
 * Attaches the store to the world: mgmt's own requests come by call, those of domains by their
 * rings, which the worker pumps a few requests at a time.
 */
#include "server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rt/event.h>
#include <rt/grant.h>
#include <rt/rt.h>
#include <rt/xs.h>

#include "drivers/worker.h"
#include "wire.h"

#define REQUESTS_PER_TURN 8U
#define STORE_GRANT_REF 1U

struct xs_domain {
    struct work work; /* first: the worker hands it back */
    struct xs_ring ring;
    struct gnt_mapping map;
    evtchn_port port;
    bool told_dead;
};

struct xenstore_watch {
    struct xenstore_watch *next;
    struct work *work;
    char token[24];
    char path[XS_PATH_SPACE];
};

static struct store store;
static struct xs_conn own;    /* rt/xs.h */
static struct xs_conn kicker; /* xenstore_watch() */
static struct xenstore_watch *watches;
static uint64_t last_token;

static void own_event(struct xs_conn *c, const char *path, const char *token)
{
    (void)c;
    xs_deliver_watch(path, token);
}

static void kick_event(struct xs_conn *c, const char *path, const char *token)
{
    (void)c;
    (void)path;
    for (struct xenstore_watch *w = watches; w != NULL; w = w->next) {
        if (strcmp(w->token, token) == 0)
            worker_kick(w->work);
    }
}

static int own_call(void *ctx, uint32_t type, uint32_t tx, const void *in, size_t in_len,
                    void **out, size_t *out_len)
{
    char *reply = malloc(XS_REPLY_MAX + 1);
    size_t len;
    int rc;

    (void)ctx;
    if (reply == NULL)
        return -ENOMEM;
    rc = store_request(&own, type, tx, in, in_len, reply, &len);
    if (rc != 0) {
        free(reply);
        return rc;
    }
    reply[len] = '\0';
    *out = reply;
    *out_len = len;
    if (type == XS_WATCH)
        store_fire_new_watch(&own);
    return 0;
}

int xenstore_init(void)
{
    int rc = store_init(&store);

    if (rc != 0)
        return rc;
    store_open(&store, &own, 0, false, &xs_quota_mgmt, own_event, NULL);
    store_open(&store, &kicker, 0, false, &xs_quota_mgmt, kick_event, NULL);
    xs_init_local(own_call, NULL);
    return 0;
}

static int kicker_request(uint32_t type, const struct xenstore_watch *w)
{
    char payload[XS_PATH_SPACE + sizeof(w->token) + 1], reply[XS_REPLY_MAX];
    size_t len;
    int n = snprintf(payload, sizeof(payload), "%s%c%s", w->path, 0, w->token);

    if (n < 0 || (size_t)n >= sizeof(payload))
        return -EINVAL;
    return store_request(&kicker, type, XS_TX_NONE, payload, (size_t)n + 1, reply, &len);
}

int xenstore_watch(const char *path, struct work *work, struct xenstore_watch **out)
{
    struct xenstore_watch *w = calloc(1, sizeof(*w));
    int rc;

    if (w == NULL)
        return -ENOMEM;
    w->work = work;
    snprintf(w->token, sizeof(w->token), "%" PRIx64, ++last_token);
    snprintf(w->path, sizeof(w->path), "%s", path);
    rc = kicker_request(XS_WATCH, w);
    if (rc != 0) {
        free(w);
        return rc;
    }
    w->next = watches;
    watches = w;
    store_fire_new_watch(&kicker);
    *out = w;
    return 0;
}

void xenstore_unwatch(struct xenstore_watch *w)
{
    struct xenstore_watch **link = &watches;

    if (w == NULL)
        return;
    (void)kicker_request(XS_UNWATCH, w);
    while (*link != w)
        link = &(*link)->next;
    *link = w->next;
    free(w);
}

static bool serve(struct work *w)
{
    struct xs_domain *d = (struct xs_domain *)w;
    struct xs_pump p;

    if (d->ring.dead)
        return false;
    p = wire_pump(&d->ring, REQUESTS_PER_TURN);
    if (p.notify)
        (void)evtchn_send(d->port);
    if (d->ring.dead && !d->told_dead) {
        d->told_dead = true;
        rt_log("xenstore: domain %u broke the protocol; its connection is closed\n",
               d->ring.conn.domid);
    }
    return p.more;
}

static void wake(struct xs_ring *r)
{
    worker_kick((struct work *)((char *)r - offsetof(struct xs_domain, ring)));
}

int xenstore_introduce(uint16_t domid, uint32_t remote_port, bool sandbox, struct xs_domain **out)
{
    static const grant_ref ref = STORE_GRANT_REF;
    struct xs_domain *d = calloc(1, sizeof(*d));
    int rc;

    if (d == NULL)
        return -ENOMEM;
    rc = gnt_map(domid, &ref, 1, false, &d->map);
    if (rc != 0)
        goto fail;
    rc = evtchn_bind_interdomain(domid, remote_port, &d->port);
    if (rc != 0)
        goto fail_unmap;
    d->work.fn = serve;
    wire_open(&d->ring, &store, domid, sandbox, sandbox ? &xs_quota_sandbox : &xs_quota_driver,
              d->map.addr, wake);
    rc = evtchn_set_handler(d->port, worker_event, &d->work);
    if (rc != 0)
        goto fail_close;
    worker_kick(&d->work);
    store_fire_special(&store, "@introduceDomain");
    *out = d;
    return 0;
fail_close:
    wire_close(&d->ring);
    (void)evtchn_close(d->port);
fail_unmap:
    gnt_unmap(&d->map);
fail:
    free(d);
    return rc;
}

void xenstore_release(struct xs_domain *d)
{
    if (d == NULL)
        return;
    (void)evtchn_close(d->port);
    worker_cancel(&d->work);
    wire_close(&d->ring);
    gnt_unmap(&d->map);
    store_fire_special(&store, "@releaseDomain");
    free(d);
}

int xenstore_make(const char *path, const char *value, uint16_t owner, uint16_t reader)
{
    char payload[XS_PATH_SPACE + 32], reply[XS_REPLY_MAX];
    size_t len;
    int rc = value != NULL ? xs_write(XS_TX_NONE, path, value) : xs_mkdir(XS_TX_NONE, path);
    int n;

    if (rc != 0)
        return rc;
    n = snprintf(payload, sizeof(payload), "%s%cn%u%cr%u", path, 0, owner, 0, reader);
    if (n < 0 || (size_t)n >= sizeof(payload))
        return -EINVAL;
    return store_request(&own, XS_SET_PERMS, XS_TX_NONE, payload, (size_t)n + 1, reply, &len);
}
