/* SPDX-License-Identifier: MIT */
/*
 * Messages between a domain's ring page and the store.
 */
#include "wire.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/shm.h"

struct xs_out {
    struct xs_out *next;
    uint32_t len, sent;
    char bytes[];
};

/* No request is taken while this much waits to be read: replies are then the domain's to fetch. */
#define OUT_PAUSE 8192U

static void give_up(struct xs_ring *r, uint32_t error)
{
    r->dead = true;
    shm_write32(&r->page->error, error);
}

static void queue_message(struct xs_ring *r, uint32_t type, uint32_t req_id, uint32_t tx_id,
                          const char *payload, size_t len)
{
    struct xsd_sockmsg hdr = {.type = type, .req_id = req_id, .tx_id = tx_id, .len = (uint32_t)len};
    struct xs_out *o;

    if (r->dead)
        return;
    if (len > XENSTORE_PAYLOAD_MAX || r->out_bytes + sizeof(hdr) + len > r->conn.quota->out_bytes) {
        give_up(r, XENSTORE_ERROR_COMM);
        return;
    }
    o = malloc(sizeof(*o) + sizeof(hdr) + len);
    if (o == NULL) {
        give_up(r, XENSTORE_ERROR_COMM);
        return;
    }
    o->next = NULL;
    o->len = (uint32_t)(sizeof(hdr) + len);
    o->sent = 0;
    memcpy(o->bytes, &hdr, sizeof(hdr));
    memcpy(o->bytes + sizeof(hdr), payload, len);
    if (r->out_last != NULL)
        r->out_last->next = o;
    else
        r->out_first = o;
    r->out_last = o;
    r->out_bytes += o->len;
}

static void on_event(struct xs_conn *c, const char *path, const char *token)
{
    struct xs_ring *r = c->owner;
    char payload[2 * XS_PATH_SPACE + XS_TOKEN_MAX + 2];
    size_t path_len = strlen(path) + 1, token_len = strlen(token) + 1;

    if (path_len + token_len > sizeof(payload))
        return;
    memcpy(payload, path, path_len);
    memcpy(payload + path_len, token, token_len);
    queue_message(r, XS_WATCH_EVENT, 0, 0, payload, path_len + token_len);
    if (r->wake != NULL)
        r->wake(r);
}

void wire_open(struct xs_ring *r, struct store *s, uint16_t domid, bool view,
               const struct xs_quota *quota, struct xenstore_domain_interface *page,
               void (*wake)(struct xs_ring *r))
{
    memset(r, 0, sizeof(*r));
    r->page = page;
    r->wake = wake;
    r->req_cons = shm_read32(&page->req_cons);
    r->rsp_prod = shm_read32(&page->rsp_prod);
    store_open(s, &r->conn, domid, view, quota, on_event, r);
}

void wire_close(struct xs_ring *r)
{
    store_close(&r->conn);
    while (r->out_first != NULL) {
        struct xs_out *o = r->out_first;

        r->out_first = o->next;
        free(o);
    }
    r->out_last = NULL;
}

/* Copies at most len bytes out of the request ring. */
static uint32_t take(struct xs_ring *r, char *to, uint32_t len)
{
    uint32_t avail = shm_read32(&r->page->req_prod) - r->req_cons, done = 0;

    if (avail > XENSTORE_RING_SIZE) {
        give_up(r, XENSTORE_ERROR_RINGIDX);
        return 0;
    }
    if (len > avail)
        len = avail;
    while (done < len) {
        uint32_t at = MASK_XENSTORE_IDX(r->req_cons);
        uint32_t n = XENSTORE_RING_SIZE - at;

        if (n > len - done)
            n = len - done;
        shm_copy(to + done, r->page->req + at, n);
        r->req_cons += n;
        done += n;
    }
    if (done > 0)
        shm_write32(&r->page->req_cons, r->req_cons);
    return done;
}

static uint32_t put(struct xs_ring *r, const char *from, uint32_t len)
{
    uint32_t used = r->rsp_prod - shm_read32(&r->page->rsp_cons), done = 0;

    if (used > XENSTORE_RING_SIZE) {
        give_up(r, XENSTORE_ERROR_RINGIDX);
        return 0;
    }
    if (len > XENSTORE_RING_SIZE - used)
        len = XENSTORE_RING_SIZE - used;
    while (done < len) {
        uint32_t at = MASK_XENSTORE_IDX(r->rsp_prod);
        uint32_t n = XENSTORE_RING_SIZE - at;

        if (n > len - done)
            n = len - done;
        memcpy(r->page->rsp + at, from + done, n);
        r->rsp_prod += n;
        done += n;
    }
    if (done > 0)
        shm_write32(&r->page->rsp_prod, r->rsp_prod);
    return done;
}

static bool flush(struct xs_ring *r)
{
    bool moved = false;

    while (!r->dead && r->out_first != NULL) {
        struct xs_out *o = r->out_first;
        uint32_t n = put(r, o->bytes + o->sent, o->len - o->sent);

        if (n == 0)
            break;
        moved = true;
        o->sent += n;
        r->out_bytes -= n;
        if (o->sent < o->len)
            continue;
        r->out_first = o->next;
        if (o->next == NULL)
            r->out_last = NULL;
        free(o);
    }
    return moved;
}

static const char *error_name(int error)
{
    for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++) {
        if (xsd_errors[i].errnum == error)
            return xsd_errors[i].errstring;
    }
    return "EINVAL";
}

static void serve(struct xs_ring *r)
{
    struct xsd_sockmsg h = r->in.hdr;
    char out[XS_REPLY_MAX];
    size_t len;
    int rc = store_request(&r->conn, h.type, h.tx_id, r->in.bytes + sizeof(h), h.len, out, &len);

    if (rc == 0) {
        queue_message(r, h.type, h.req_id, h.tx_id, out, len);
        if (h.type == XS_WATCH)
            store_fire_new_watch(&r->conn);
    } else {
        const char *name = error_name(-rc);

        queue_message(r, XS_ERROR, h.req_id, h.tx_id, name, strlen(name) + 1);
    }
}

/* True when r->in holds a whole message. */
static bool receive(struct xs_ring *r, bool *moved)
{
    uint32_t want = sizeof(r->in.hdr), n;

    for (;;) {
        if (r->in_used >= sizeof(r->in.hdr)) {
            if (r->in.hdr.len > XENSTORE_PAYLOAD_MAX) {
                give_up(r, XENSTORE_ERROR_PROTO);
                return false;
            }
            want = (uint32_t)sizeof(r->in.hdr) + r->in.hdr.len;
            if (r->in_used == want)
                return true;
        }
        n = take(r, r->in.bytes + r->in_used, want - r->in_used);
        if (n == 0)
            return false;
        *moved = true;
        r->in_used += n;
    }
}

struct xs_pump wire_pump(struct xs_ring *r, unsigned int max_requests)
{
    struct xs_pump p = {.notify = flush(r), .more = false};

    while (!r->dead && r->out_bytes < OUT_PAUSE) {
        if (max_requests == 0) {
            p.more = true;
            break;
        }
        if (!receive(r, &p.notify))
            break;
        serve(r);
        r->in_used = 0;
        max_requests--;
        if (flush(r))
            p.notify = true;
    }
    if (r->dead)
        p.notify = true;
    return p;
}
