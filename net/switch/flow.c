/* SPDX-License-Identifier: MIT */
/*
 * Connection tracking; see flow.h. Used by nat.c only. Time-outs follow RFC 5382 (TCP), RFC 4787
 * (UDP) and RFC 5508 (ICMP).
 */
#include "flow.h"

#include "wire.h"

#define TIMEOUT_TCP_NEW (30 * FLOW_SECOND)
#define TIMEOUT_TCP_ESTABLISHED (7440 * FLOW_SECOND) /* RFC 5382, REQ-5: 2 hours 4 minutes */
#define TIMEOUT_TCP_HALF_CLOSED (240 * FLOW_SECOND)  /* the same: 4 minutes */
#define TIMEOUT_TCP_CLOSING (30 * FLOW_SECOND)
#define TIMEOUT_UDP_NEW (30 * FLOW_SECOND)
#define TIMEOUT_UDP_ESTABLISHED (300 * FLOW_SECOND) /* RFC 4787, REQ-5 */
#define TIMEOUT_OTHER (60 * FLOW_SECOND)            /* RFC 5508, REQ-1 */

#define OUTER_PORT_FIRST 20000U
#define OUTER_PORT_COUNT 45000U
#define PORT_TRIES 32U
#define RECLAIM_TRIES 16U

size_t flow_table_bytes(uint32_t capacity)
{
    return capacity * (sizeof(struct flow) + 2 * sizeof(struct flow *));
}

void flow_table_init(struct flow_table *t, uint32_t capacity, void *memory,
                     const struct sip_key *key)
{
    *t = (struct flow_table){.flows = memory,
                             .capacity = capacity,
                             .buckets = capacity,
                             .reserve = capacity / 8,
                             .key = *key};
    t->inner = (struct flow **)(void *)(t->flows + capacity);
    t->outer = t->inner + capacity;
    for (uint32_t i = capacity; i-- > 0;) {
        t->flows[i].next_inner = t->free_list;
        t->free_list = &t->flows[i];
    }
}

static struct flow **inner_bucket(const struct flow_table *t, uint8_t proto, uint32_t inner_ip,
                                  uint16_t inner_port, uint32_t remote_ip, uint16_t remote_port)
{
    uint64_t h = siphash13(&t->key, (uint64_t)inner_ip << 32 | remote_ip,
                           (uint64_t)inner_port << 32 | (uint64_t)remote_port << 16 | proto);

    return &t->inner[h & (t->buckets - 1)];
}

static struct flow **outer_bucket(const struct flow_table *t, uint8_t proto, uint16_t outer_port,
                                  uint32_t remote_ip, uint16_t remote_port)
{
    uint64_t h =
        siphash13(&t->key, remote_ip,
                  1ULL << 63 | (uint64_t)outer_port << 32 | (uint64_t)remote_port << 16 | proto);

    return &t->outer[h & (t->buckets - 1)];
}

static void owner_unlink(struct flow *f)
{
    struct flow_owner *o = f->owner;

    *(f->newer != NULL ? &f->newer->older : &o->newest) = f->older;
    *(f->older != NULL ? &f->older->newer : &o->oldest) = f->newer;
}

static void owner_link(struct flow *f)
{
    struct flow_owner *o = f->owner;

    f->newer = NULL;
    f->older = o->newest;
    *(o->newest != NULL ? &o->newest->newer : &o->oldest) = f;
    o->newest = f;
}

static void flow_free(struct flow_table *t, struct flow *f)
{
    struct flow **link =
        inner_bucket(t, f->proto, f->inner_ip, f->inner_port, f->remote_ip, f->remote_port);

    while (*link != f)
        link = &(*link)->next_inner;
    *link = f->next_inner;
    link = outer_bucket(t, f->proto, f->outer_port, f->remote_ip, f->remote_port);
    while (*link != f)
        link = &(*link)->next_outer;
    *link = f->next_outer;
    owner_unlink(f);
    f->owner->count--;
    f->owner = NULL;
    f->state = FLOW_FREE;
    f->next_inner = t->free_list;
    t->free_list = f;
    t->used--;
}

static struct flow *live(struct flow_table *t, struct flow *f, uint64_t now)
{
    if (f != NULL && now >= f->expires) {
        flow_free(t, f);
        return NULL;
    }
    return f;
}

struct flow *flow_find_inner(struct flow_table *t, uint8_t proto, uint32_t inner_ip,
                             uint16_t inner_port, uint32_t remote_ip, uint16_t remote_port,
                             uint64_t now)
{
    struct flow *f = *inner_bucket(t, proto, inner_ip, inner_port, remote_ip, remote_port);

    while (f != NULL &&
           (f->remote_ip != remote_ip || f->inner_ip != inner_ip || f->inner_port != inner_port ||
            f->remote_port != remote_port || f->proto != proto))
        f = f->next_inner;
    return live(t, f, now);
}

struct flow *flow_find_outer(struct flow_table *t, uint8_t proto, uint16_t outer_port,
                             uint32_t remote_ip, uint16_t remote_port, uint64_t now)
{
    struct flow *f = *outer_bucket(t, proto, outer_port, remote_ip, remote_port);

    while (f != NULL && (f->remote_ip != remote_ip || f->outer_port != outer_port ||
                         f->remote_port != remote_port || f->proto != proto))
        f = f->next_outer;
    return live(t, f, now);
}

static uint16_t pick_port(struct flow_table *t, uint8_t proto, uint32_t remote_ip,
                          uint16_t remote_port, uint64_t now)
{
    for (unsigned int i = 0; i < PORT_TRIES; i++) {
        uint64_t r = siphash13(&t->key, ++t->serial, ~0ULL);
        uint16_t port = (uint16_t)(OUTER_PORT_FIRST + r % OUTER_PORT_COUNT);

        if (flow_find_outer(t, proto, port, remote_ip, remote_port, now) == NULL)
            return port;
    }
    return 0;
}

/* Makes room in the owner's share at the cost of its own dead, (half) closed or unanswered flows.
 */
static void reclaim(struct flow_table *t, struct flow_owner *o, uint64_t now)
{
    struct flow *f = o->oldest;

    for (unsigned int i = 0; f != NULL && i < RECLAIM_TRIES; i++) {
        if (now >= f->expires || f->state != FLOW_ESTABLISHED || f->fins != 0) {
            flow_free(t, f);
            return;
        }
        f = f->newer;
    }
}

/* The share shrinks as the table fills, so that whoever comes next still finds room. */
static bool has_room(const struct flow_table *t, const struct flow_owner *o)
{
    uint32_t left = t->capacity - t->used;

    if (o->count >= o->limit || left == 0)
        return false;
    if (o->privileged)
        return true;
    return left > t->reserve && o->count < (left - t->reserve) / 2;
}

struct flow *flow_create(struct flow_table *t, struct flow_owner *owner, uint8_t proto,
                         uint32_t inner_ip, uint16_t inner_port, uint32_t remote_ip,
                         uint16_t remote_port, uint16_t outer_port, uint64_t now)
{
    if (!has_room(t, owner)) {
        reclaim(t, owner, now);
        if (!has_room(t, owner))
            return NULL;
    }
    if (outer_port == 0)
        outer_port = pick_port(t, proto, remote_ip, remote_port, now);
    if (outer_port == 0)
        return NULL;

    struct flow *f = t->free_list;
    struct flow **bucket;

    t->free_list = f->next_inner;
    *f = (struct flow){.owner = owner,
                       .proto = proto,
                       .state = FLOW_NEW,
                       .inner_ip = inner_ip,
                       .inner_port = inner_port,
                       .remote_ip = remote_ip,
                       .remote_port = remote_port,
                       .outer_port = outer_port,
                       .expires = now};
    bucket = inner_bucket(t, proto, inner_ip, inner_port, remote_ip, remote_port);
    f->next_inner = *bucket;
    *bucket = f;
    bucket = outer_bucket(t, proto, outer_port, remote_ip, remote_port);
    f->next_outer = *bucket;
    *bucket = f;
    owner_link(f);
    owner->count++;
    t->used++;
    return f;
}

static uint64_t timeout_of(const struct flow *f)
{
    if (f->proto == IP_PROTO_UDP)
        return f->state == FLOW_NEW ? TIMEOUT_UDP_NEW : TIMEOUT_UDP_ESTABLISHED;
    if (f->proto != IP_PROTO_TCP)
        return TIMEOUT_OTHER;
    if (f->state == FLOW_NEW)
        return TIMEOUT_TCP_NEW;
    if (f->state == FLOW_CLOSING)
        return TIMEOUT_TCP_CLOSING;
    return f->fins != 0 ? TIMEOUT_TCP_HALF_CLOSED : TIMEOUT_TCP_ESTABLISHED;
}

void flow_touch(struct flow *f, bool from_remote_side, uint8_t tcp_flags, uint64_t now)
{
    bool answer = from_remote_side != f->from_remote;

    if (f->state == FLOW_NEW && answer)
        f->state = FLOW_ESTABLISHED;
    if ((tcp_flags & TCP_SYN) != 0 && !answer && f->state == FLOW_CLOSING) {
        f->state = FLOW_NEW; /* the same ports again */
        f->fins = 0;
    }
    if ((tcp_flags & TCP_FIN) != 0)
        f->fins |= from_remote_side ? 2 : 1;
    /* Sequence numbers are not tracked: a forged reset only shortens the time-out, and the
     * packets of a connection that lives on keep renewing it. */
    if ((tcp_flags & TCP_RST) != 0 || f->fins == 3)
        f->state = FLOW_CLOSING;
    /* An unanswered flow keeps its first deadline: retries must not keep it for ever. */
    if (f->state != FLOW_NEW || f->expires <= now || f->proto != IP_PROTO_TCP)
        f->expires = now + timeout_of(f);
    owner_unlink(f);
    owner_link(f);
}

void flow_expire(struct flow_table *t, uint32_t budget, uint64_t now)
{
    for (; budget > 0; budget--) {
        struct flow *f = &t->flows[t->sweep];

        t->sweep = (t->sweep + 1) & (t->capacity - 1);
        if (f->state != FLOW_FREE && now >= f->expires)
            flow_free(t, f);
    }
}

void flow_drop_owner(struct flow_table *t, struct flow_owner *owner)
{
    while (owner->oldest != NULL)
        flow_free(t, owner->oldest);
}

void flow_drop_all(struct flow_table *t)
{
    for (uint32_t i = 0; i < t->capacity; i++) {
        if (t->flows[i].state != FLOW_FREE)
            flow_free(t, &t->flows[i]);
    }
}
