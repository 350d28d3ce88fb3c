/* SPDX-License-Identifier: MIT */
/*
 * The table of tracked connections. Each flow belongs to the inner port that it is for (its owner)
 * and counts against that owner's share, so that one sandbox can neither fill the table nor push
 * out another's connections. Two keyed hashes find a flow: by its inner and by its outer side. An
 * ICMP echo flow has its identifiers as inner and outer port and 0 as remote port. All memory is
 * given at the start. Time is nanoseconds of any monotonic clock.
 */
#ifndef NET_FLOW_H
#define NET_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "siphash.h"

#define FLOW_SECOND 1000000000ULL

enum flow_state {
    FLOW_FREE = 0,
    FLOW_NEW,         /* no answer yet */
    FLOW_ESTABLISHED, /* traffic both ways */
    FLOW_CLOSING,     /* TCP: a FIN from both sides, or a reset */
};

struct flow {
    struct flow *next_inner, *next_outer; /* hash chains; next_inner also links free flows */
    struct flow *newer, *older;           /* the owner's list, by last use */
    struct flow_owner *owner;
    uint64_t expires;
    uint32_t inner_ip, remote_ip;
    uint16_t inner_port, remote_port, outer_port;
    uint8_t proto;
    uint8_t state;    /* enum flow_state */
    uint8_t fins;     /* TCP: bit 0 FIN from inside, bit 1 from outside */
    bool from_remote; /* the outside started it (forwarded port) */
};

/* Zero-initialized, then `limit` and `privileged` set. */
struct flow_owner {
    struct flow *newest, *oldest;
    uint32_t count;
    uint32_t limit;
    bool privileged; /* may use the table's reserve (mgmt) */
};

struct flow_table {
    struct flow *flows;
    struct flow **inner, **outer; /* `buckets` each */
    struct flow *free_list;
    uint32_t capacity, buckets, used;
    uint32_t sweep;   /* next flow that flow_expire() looks at */
    uint32_t reserve; /* flows that only privileged owners get */
    uint64_t serial;
    struct sip_key key;
};

/* capacity: a power of two. memory: flow_table_bytes(capacity) zeroed bytes, kept by the table. */
size_t flow_table_bytes(uint32_t capacity);
void flow_table_init(struct flow_table *t, uint32_t capacity, void *memory,
                     const struct sip_key *key);

/* Live flow of an outgoing or incoming packet, or NULL. Ports and addresses in host order. */
struct flow *flow_find_inner(struct flow_table *t, uint8_t proto, uint32_t inner_ip,
                             uint16_t inner_port, uint32_t remote_ip, uint16_t remote_port,
                             uint64_t now);
struct flow *flow_find_outer(struct flow_table *t, uint8_t proto, uint16_t outer_port,
                             uint32_t remote_ip, uint16_t remote_port, uint64_t now);

/*
 * Adds a flow for the given sides. outer_port 0: picks a free one, unpredictably. Returns NULL when
 * the owner's share or the table is used up (after reclaiming the owner's own dead or unanswered
 * flows) or no port is free. The caller sets state and expiry with flow_touch().
 */
struct flow *flow_create(struct flow_table *t, struct flow_owner *owner, uint8_t proto,
                         uint32_t inner_ip, uint16_t inner_port, uint32_t remote_ip,
                         uint16_t remote_port, uint16_t outer_port, uint64_t now);

/* Follows the state by one packet (tcp_flags: of TCP, else 0) and renews the time-out. */
void flow_touch(struct flow *f, bool from_remote_side, uint8_t tcp_flags, uint64_t now);

/* Frees what has timed out, looking at no more than `budget` entries. */
void flow_expire(struct flow_table *t, uint32_t budget, uint64_t now);
void flow_drop_owner(struct flow_table *t, struct flow_owner *owner);
void flow_drop_all(struct flow_table *t);

#endif
