/* SPDX-License-Identifier: MIT */
/*
 * The switch; see switch.h. All policy of this version is here: the functions from_inner() and
 * from_uplink() and what they call decide what passes.
 */
#include "switch.h"

#include <errno.h>
#include <string.h>

#include "dhcpd.h"
#include "local.h"
#include "packet.h"
#include "wire.h"

const uint8_t sw_gateway_mac[6] = {0x02, 0x42, 0x48, 0x00, 0x00, 0x01};
static const uint8_t broadcast_mac[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

#define BROADCAST_IP 0xffffffffU
#define QUEUE_SANDBOX 64U
#define QUEUE_TRUSTED 256U
#define SWEEP_PER_TICK 512U

void sw_init(struct sw *sw, struct frame_pool *pool, const struct sw_env *env, uint32_t flows,
             void *memory, const struct sip_key *key, uint64_t now)
{
    *sw = (struct sw){.now = now, .pool = pool, .env = *env};
    flow_table_init(&sw->nat.flows, flows, memory, key);
}

/* ---- ports ---- */

static int check_inner(const struct sw *sw, const struct sw_port *port)
{
    if ((port->mac[0] & 1) != 0 || memcmp(port->mac, sw_gateway_mac, 6) == 0)
        return -EINVAL;
    if (port->kind == SW_MGMT && port->ip != SW_MGMT_IP)
        return -EINVAL;
    if (port->kind == SW_SANDBOX &&
        (port->ip < SW_FIRST_SANDBOX_IP || port->ip > SW_LAST_SANDBOX_IP))
        return -EINVAL;
    for (const struct sw_port *p = sw->ports; p != NULL; p = p->next) {
        if (p->kind != SW_UPLINK && (p->ip == port->ip || memcmp(p->mac, port->mac, 6) == 0))
            return -EEXIST;
    }
    return 0;
}

static void set_budget(struct sw_budget *b, uint32_t rate, uint32_t burst, uint64_t now)
{
    *b = (struct sw_budget){.rate = rate, .burst = burst, .tokens = burst * 1000, .last = now};
}

int sw_port_add(struct sw *sw, struct sw_port *port)
{
    struct sw_port clean = {.kind = port->kind, .ip = port->ip, .next = sw->ports};
    bool sandbox = port->kind == SW_SANDBOX;

    if (port->kind != SW_UPLINK) {
        int rc = check_inner(sw, port);

        if (rc != 0)
            return rc;
    } else if (sw->uplink != NULL) {
        return -EEXIST;
    }
    memcpy(clean.mac, port->mac, 6);
    clean.out_limit = sandbox ? QUEUE_SANDBOX : QUEUE_TRUSTED;
    clean.flows.limit = sandbox ? SW_SANDBOX_FLOWS : SW_MGMT_FLOWS;
    clean.flows.privileged = !sandbox;
    set_budget(&clean.local, sandbox ? 100 : 1000, sandbox ? 100 : 1000, sw->now);
    set_budget(&clean.resolve, sandbox ? 4 : 50, sandbox ? 8 : 50, sw->now);
    *port = clean;
    sw->ports = port;
    if (port->kind == SW_UPLINK)
        sw->uplink = port;
    if (port->kind == SW_MGMT) {
        sw->mgmt = port;
        sw->nat.api_owner = &port->flows;
    }
    return 0;
}

void sw_port_remove(struct sw *sw, struct sw_port *port)
{
    struct sw_port **link = &sw->ports;
    struct frame *f;

    while (*link != NULL && *link != port)
        link = &(*link)->next;
    if (*link == NULL)
        return;
    *link = port->next;
    for (link = &sw->ready; *link != NULL; link = &(*link)->ready_next) {
        if (*link == port) {
            *link = port->ready_next;
            break;
        }
    }
    if (sw->uplink == port)
        sw->uplink = NULL;
    if (sw->mgmt == port) {
        sw->mgmt = NULL;
        sw->nat.api_owner = NULL;
    }
    flow_drop_owner(&sw->nat.flows, &port->flows);
    while ((f = frame_queue_pop(&port->out)) != NULL)
        frame_put(sw->pool, f);
    port->ready = false;
}

void sw_set_uplink(struct sw *sw, const struct sw_uplink *up)
{
    sw->up = *up;
    if (sw->uplink != NULL)
        sw->uplink->ip = up->ip;
    nat_set_outer_ip(&sw->nat, up->ip);
}

/* ---- queues and budgets ---- */

bool sw_budget_take(struct sw_budget *b, uint64_t now)
{
    uint64_t elapsed_us = (now - b->last) / 1000;
    uint64_t refill = elapsed_us > 1000000 ? (uint64_t)b->rate * 1000 : elapsed_us * b->rate / 1000;

    if (refill > 0) {
        uint64_t tokens = b->tokens + refill;

        b->tokens = tokens > b->burst * 1000ULL ? b->burst * 1000 : (uint32_t)tokens;
        b->last = now;
    }
    if (b->tokens < 1000)
        return false;
    b->tokens -= 1000;
    return true;
}

static void drop(struct sw *sw, struct sw_port *port, struct frame *f, enum sw_drop why)
{
    port->drops[why]++;
    frame_put(sw->pool, f);
}

void sw_set_ready(struct sw *sw, struct sw_port *port)
{
    struct sw_port **link = &sw->ready;

    if (port->ready)
        return;
    while (*link != NULL)
        link = &(*link)->ready_next;
    *link = port;
    port->ready = true;
    port->ready_next = NULL;
}

struct sw_port *sw_next_ready(struct sw *sw)
{
    struct sw_port *port = sw->ready;

    if (port != NULL) {
        sw->ready = port->ready_next;
        port->ready = false;
    }
    return port;
}

/* A queue's share shrinks with the pool, so that ports that do not drain theirs starve nobody. */
void sw_output(struct sw *sw, struct sw_port *port, struct frame *f)
{
    if (port->out.count >= port->out_limit ||
        (port->kind == SW_SANDBOX && port->out.count >= sw->pool->free_count / 4)) {
        drop(sw, port, f, SW_DROP_QUEUE);
        return;
    }
    frame_queue_push(&port->out, f);
    port->tx_frames++;
    sw_set_ready(sw, port);
}

/* ---- inner ports ---- */

/* Destinations no inner port may send to. What is left goes out through NAT. */
static bool may_leave(const struct sw *sw, uint32_t dst)
{
    uint32_t host = ~sw->up.mask;

    if ((dst & SW_INNER_MASK) == SW_INNER_NET) /* other ports, mgmt above all */
        return false;
    if (dst >> 24 == 0 || dst >> 24 == 127 || dst >> 16 == 0xa9fe || dst >> 28 >= 0xe)
        return false; /* "this", loopback, link-local, multicast, reserved, broadcast */
    if (dst == sw->up.ip)
        return false; /* the appliance's own services are not for its inside */
    if ((dst & sw->up.mask) == (sw->up.ip & sw->up.mask) && host > 1 &&
        ((dst & host) == 0 || (dst & host) == host))
        return false; /* broadcast addresses of the uplink's network */
    return true;
}

/* Sends a packet of ours on through the uplink. */
static void to_uplink(struct sw *sw, struct sw_port *from, struct frame *f, struct packet *p)
{
    bool on_link = (p->dst & sw->up.mask) == (sw->up.ip & sw->up.mask);
    uint32_t hop = on_link ? p->dst : sw->up.gateway;

    if (sw->uplink == NULL || hop == 0) {
        drop(sw, from, f, SW_DROP_NO_ROUTE);
        return;
    }
    if (!sw->env.resolve(sw->env.ctx, hop, f->data + ETH_DST)) {
        /* The gateway serves everybody: looking for it is nobody's budget. */
        if (hop == sw->up.gateway || sw_budget_take(&from->resolve, sw->now))
            sw->env.resolve_start(sw->env.ctx, hop, p->ip, p->len - ETH_HLEN);
        drop(sw, from, f, SW_DROP_NO_ROUTE);
        return;
    }
    memcpy(f->data + ETH_SRC, sw->uplink->mac, 6);
    f->len = (uint16_t)p->len;
    sw_output(sw, sw->uplink, f);
}

static void answer(struct sw *sw, struct sw_port *port, struct frame *f, bool answered)
{
    if (answered)
        sw_output(sw, port, f);
    else
        drop(sw, port, f, SW_DROP_NOT_FOR_US);
}

static void to_gateway(struct sw *sw, struct sw_port *port, struct frame *f, struct packet *p,
                       bool dhcp)
{
    if (!sw_budget_take(&port->local, sw->now))
        drop(sw, port, f, SW_DROP_BUDGET);
    else
        answer(sw, port, f, dhcp ? local_dhcp(sw, port, f, p) : local_echo(port, p));
}

static bool is_dhcp_request(const struct sw_port *port, const struct packet *p)
{
    return p->proto == IP_PROTO_UDP && p->sport == DHCP_CLIENT_PORT &&
           p->dport == DHCP_SERVER_PORT && (p->src == 0 || p->src == port->ip) &&
           (p->dst == BROADCAST_IP || p->dst == SW_GATEWAY_IP);
}

static void inner_ipv4(struct sw *sw, struct sw_port *port, struct frame *f)
{
    struct packet p;

    if (!packet_parse(f->data, f->len, &p)) {
        drop(sw, port, f, SW_DROP_MALFORMED);
        return;
    }
    f->len = (uint16_t)p.len;
    if (is_dhcp_request(port, &p)) {
        to_gateway(sw, port, f, &p, true);
        return;
    }
    if (p.src != port->ip) {
        drop(sw, port, f, SW_DROP_SPOOF);
        return;
    }
    if (memcmp(f->data + ETH_DST, sw_gateway_mac, 6) != 0) {
        drop(sw, port, f, SW_DROP_NOT_FOR_US);
        return;
    }
    if (p.dst == SW_GATEWAY_IP) {
        to_gateway(sw, port, f, &p, false);
        return;
    }
    if (!may_leave(sw, p.dst)) {
        drop(sw, port, f, SW_DROP_FORBIDDEN);
        return;
    }
    if (p.ip[IP_TTL] <= 1) {
        drop(sw, port, f, SW_DROP_TTL);
        return;
    }
    if (f->checksum_blank)
        packet_fill_checksum(&p);
    packet_decrement_ttl(&p);
    if (!nat_outgoing(&sw->nat, &p, &port->flows, sw->now)) {
        drop(sw, port, f, SW_DROP_NAT);
        return;
    }
    to_uplink(sw, port, f, &p);
}

static void inner_arp(struct sw *sw, struct sw_port *port, struct frame *f)
{
    enum sw_drop why;

    if (!sw_budget_take(&port->local, sw->now))
        drop(sw, port, f, SW_DROP_BUDGET);
    else if (local_arp(port, f, &why))
        sw_output(sw, port, f);
    else
        drop(sw, port, f, why);
}

static void from_inner(struct sw *sw, struct sw_port *port, struct frame *f)
{
    uint16_t type = wire_get16(f->data + ETH_TYPE);
    const uint8_t *dst = f->data + ETH_DST;

    if (memcmp(f->data + ETH_SRC, port->mac, 6) != 0)
        drop(sw, port, f, SW_DROP_SPOOF);
    else if (memcmp(dst, sw_gateway_mac, 6) != 0 && memcmp(dst, broadcast_mac, 6) != 0)
        drop(sw, port, f, SW_DROP_NOT_FOR_US);
    else if (type == ETH_TYPE_IPV4)
        inner_ipv4(sw, port, f);
    else if (type == ETH_TYPE_ARP)
        inner_arp(sw, port, f);
    else
        drop(sw, port, f, SW_DROP_MALFORMED);
}

/* ---- uplink ---- */

static void to_stack(struct sw *sw, struct sw_port *port, struct frame *f)
{
    if (!sw_budget_take(&port->local, sw->now)) {
        drop(sw, port, f, SW_DROP_BUDGET);
        return;
    }
    sw->env.uplink_local(sw->env.ctx, f->data, f->len);
    frame_put(sw->pool, f);
}

/* Sources that cannot be outside. */
static bool is_martian(const struct sw *sw, uint32_t src)
{
    return (src & SW_INNER_MASK) == SW_INNER_NET || src >> 24 == 0 || src >> 24 == 127 ||
           src >> 28 >= 0xe || (sw->up.ip != 0 && src == sw->up.ip);
}

static struct sw_port *port_of_flows(struct flow_owner *flows)
{
    return (struct sw_port *)(void *)((char *)flows - offsetof(struct sw_port, flows));
}

/* Delivers to an inner port what NAT let through. */
static void to_inner(struct sw *sw, struct sw_port *to, struct frame *f, struct packet *p)
{
    packet_decrement_ttl(p);
    memcpy(f->data + ETH_DST, to->mac, 6);
    memcpy(f->data + ETH_SRC, sw_gateway_mac, 6);
    f->len = (uint16_t)p->len;
    sw_output(sw, to, f);
}

static void uplink_ipv4(struct sw *sw, struct sw_port *port, struct frame *f, bool unicast)
{
    struct flow_owner *owner;
    struct packet p;

    if (!packet_parse(f->data, f->len, &p)) {
        drop(sw, port, f, SW_DROP_MALFORMED);
        return;
    }
    if (is_martian(sw, p.src)) {
        drop(sw, port, f, SW_DROP_SPOOF);
        return;
    }
    f->len = (uint16_t)p.len;
    if (p.proto == IP_PROTO_UDP && p.sport == DHCP_SERVER_PORT && p.dport == DHCP_CLIENT_PORT) {
        to_stack(sw, port, f);
        return;
    }
    if (!unicast || sw->up.ip == 0 || p.dst != sw->up.ip) {
        drop(sw, port, f, SW_DROP_NOT_FOR_US);
        return;
    }
    if (p.proto == IP_PROTO_ICMP && p.l4[ICMP_TYPE] == ICMP_ECHO_REQUEST) {
        to_stack(sw, port, f);
        return;
    }
    if (p.ip[IP_TTL] <= 1) {
        drop(sw, port, f, SW_DROP_TTL);
        return;
    }
    owner = nat_incoming(&sw->nat, &p, sw->now);
    if (owner == NULL)
        drop(sw, port, f, SW_DROP_NAT);
    else
        to_inner(sw, port_of_flows(owner), f, &p);
}

static void from_uplink(struct sw *sw, struct sw_port *port, struct frame *f)
{
    uint16_t type = wire_get16(f->data + ETH_TYPE);
    const uint8_t *dst = f->data + ETH_DST;
    bool unicast = memcmp(dst, port->mac, 6) == 0;

    if (!unicast && memcmp(dst, broadcast_mac, 6) != 0)
        drop(sw, port, f, SW_DROP_NOT_FOR_US);
    else if (type == ETH_TYPE_IPV4)
        uplink_ipv4(sw, port, f, unicast);
    else if (type == ETH_TYPE_ARP)
        to_stack(sw, port, f);
    else
        drop(sw, port, f, SW_DROP_MALFORMED);
}

void sw_input(struct sw *sw, struct sw_port *port, struct frame *f)
{
    port->rx_frames++;
    if (f->len < ETH_HLEN || f->len > ETH_FRAME_MAX)
        drop(sw, port, f, SW_DROP_MALFORMED);
    else if (port->kind == SW_UPLINK)
        from_uplink(sw, port, f);
    else
        from_inner(sw, port, f);
}

void sw_tick(struct sw *sw)
{
    flow_expire(&sw->nat.flows, SWEEP_PER_TICK, sw->now);
}
