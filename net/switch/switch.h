/* SPDX-License-Identifier: MIT */
/*
 * The switch: ports, who may talk to whom, and the gateway 10.77.0.1 that all inner ports see. It
 * takes a frame from a port, judges it, and queues it (rewritten) on another port or drops it. It
 * owns no ring and no device: netback and the NIC loop feed it and drain the queues. One thread.
 *
 *            from uplink          from mgmt               from a sandbox
 *  uplink    —                    NAT                     NAT
 *  mgmt      forwarded API port   —                       never
 *  sandbox   answers only         never                   never
 *  gateway   uplink address: ARP, echo, DHCP client │ inner: ARP, echo, DHCP server
 */
#ifndef NET_SWITCH_H
#define NET_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"
#include "frame.h"
#include "nat.h"

#define SW_INNER_NET 0x0a4d0000U /* 10.77.0.0/16 */
#define SW_INNER_MASK 0xffff0000U
#define SW_GATEWAY_IP 0x0a4d0001U
#define SW_MGMT_IP 0x0a4d0002U
#define SW_FIRST_SANDBOX_IP 0x0a4d0100U
#define SW_LAST_SANDBOX_IP 0x0a4dfffeU
extern const uint8_t sw_gateway_mac[6]; /* 02:42:48:00:00:01 */

#define SW_SANDBOX_FLOWS 1024U
#define SW_MGMT_FLOWS 2048U
#define SW_LEASE_SECONDS 3600U
#define SW_LEASE_SECONDS_NO_DNS 60U /* asks again soon, when the uplink may be up */

enum sw_kind { SW_UPLINK, SW_MGMT, SW_SANDBOX };

enum sw_drop {
    SW_DROP_MALFORMED,  /* does not parse, is a fragment, has IP options, is not IPv4 or ARP */
    SW_DROP_SPOOF,      /* source MAC, IP or ARP sender is not the port's own */
    SW_DROP_NOT_FOR_US, /* other destination MAC, multicast, an ARP question not about us */
    SW_DROP_FORBIDDEN,  /* isolation: a destination this port may not reach */
    SW_DROP_NAT,        /* no flow and none may start, or no room for one */
    SW_DROP_NO_ROUTE,   /* no uplink address or gateway, neighbour unknown */
    SW_DROP_BUDGET,     /* more for the gateway itself than the port's budget */
    SW_DROP_QUEUE,      /* the destination does not keep up, or no frame left */
    SW_DROP_TTL,
    SW_NR_DROPS,
};

/* Token bucket. */
struct sw_budget {
    uint64_t last;        /* time of the last refill */
    uint32_t tokens;      /* thousandths */
    uint32_t rate, burst; /* per second; at most so many at once */
};

struct sw_port {
    enum sw_kind kind;
    uint8_t mac[6];
    uint32_t ip;            /* uplink: as sw_uplink.ip */
    struct frame_queue out; /* to be delivered through the port */
    uint32_t out_limit;
    struct flow_owner flows;
    struct sw_budget local;        /* what the gateway itself must answer */
    struct sw_budget resolve;      /* neighbours to be looked for */
    uint64_t rx_frames, tx_frames; /* seen from the port's owner: taken in, queued out */
    uint64_t drops[SW_NR_DROPS];
    bool ready; /* on the switch's ready list: `out` got frames */
    struct sw_port *ready_next;
    struct sw_port *next; /* all ports */
};

struct sw_uplink {
    uint32_t ip, mask, gateway, dns; /* 0: unknown */
};

struct sw_env {
    void *ctx;
    /* A frame for the uplink's own stack (lwIP); data valid during the call. */
    void (*uplink_local)(void *ctx, const uint8_t *frame, size_t len);
    /* MAC of an on-link uplink neighbour. False: unknown. */
    bool (*resolve)(void *ctx, uint32_t ip, uint8_t mac[6]);
    /* Unknown neighbour: ask for it; may keep a copy of the IP packet to send it then. */
    void (*resolve_start)(void *ctx, uint32_t ip, const uint8_t *packet, size_t len);
};

struct sw {
    uint64_t now; /* ns; set by the owner before each round */
    struct frame_pool *pool;
    struct sw_env env;
    struct nat nat;
    struct sw_uplink up;
    struct sw_port *uplink, *mgmt; /* NULL: not there */
    struct sw_port *ports;
    struct sw_port *ready;
};

/* memory: flow_table_bytes(flows), zeroed. */
void sw_init(struct sw *sw, struct frame_pool *pool, const struct sw_env *env, uint32_t flows,
             void *memory, const struct sip_key *key, uint64_t now);

/*
 * Adds a port; kind, mac and ip are given, the rest is set up here. The caller keeps the struct.
 * Inner ports: -EINVAL for an address out of the range of its kind or a MAC that is multicast or
 * the gateway's; -EEXIST when another port has one of them, or the port of that kind is there.
 */
int sw_port_add(struct sw *sw, struct sw_port *port);
/* Removes it with its flows and queued frames; unknown ports are left alone. */
void sw_port_remove(struct sw *sw, struct sw_port *port);

/* The uplink's address changed; all 0: gone. */
void sw_set_uplink(struct sw *sw, const struct sw_uplink *up);

/* Takes over a frame that came in through the port. */
void sw_input(struct sw *sw, struct sw_port *port, struct frame *f);
/* Queues a frame for delivery through the port, or drops it. For the switch and the uplink's stack.
 */
void sw_output(struct sw *sw, struct sw_port *port, struct frame *f);
/* Takes the first port that has frames queued off the ready list; NULL: none. Whoever cannot drain
 * it puts it back with sw_set_ready() when that changes. */
struct sw_port *sw_next_ready(struct sw *sw);
void sw_set_ready(struct sw *sw, struct sw_port *port);

bool sw_budget_take(struct sw_budget *b, uint64_t now);

/* Housekeeping; call each few milliseconds. */
void sw_tick(struct sw *sw);

#endif
