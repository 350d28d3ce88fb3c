/* SPDX-License-Identifier: MIT */
/*
 * Network address translation; see nat.h. Checksums are updated incrementally, so a packet that was
 * damaged before it came here stays recognizably damaged; the exception is ICMP errors, verified
 * and then computed anew.
 */
#include "nat.h"

#include "checksum.h"
#include "wire.h"

static uint8_t tcp_flags(const struct packet *p)
{
    return p->proto == IP_PROTO_TCP ? p->l4[TCP_FLAGS] : 0;
}

static bool is_opening(const struct packet *p)
{
    return (tcp_flags(p) & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

static bool is_echo(const struct packet *p, uint8_t type)
{
    return p->proto == IP_PROTO_ICMP && p->l4[ICMP_TYPE] == type;
}

/*
 * The packet inside an ICMP error: its IP header and the first 8 bytes behind it must be there. Its
 * checksums and length are not judged: routers may have cut it. Ports as in struct packet.
 */
static bool parse_embedded(const struct packet *p, struct packet *in)
{
    const uint8_t *ip = p->l4 + ICMP_HLEN;

    if (p->l4_len < ICMP_HLEN + IP_HLEN + 8U || ip[0] != 0x45)
        return false;
    if (csum_finish(csum_add(0, p->l4, p->l4_len)) != 0)
        return false;
    if ((wire_get16(ip + IP_FRAG) & IP_FRAG_MASK) != 0)
        return false;
    *in = (struct packet){.ip = p->l4 + ICMP_HLEN,
                          .l4 = p->l4 + ICMP_HLEN + IP_HLEN,
                          .l4_len = (uint16_t)(p->l4_len - ICMP_HLEN - IP_HLEN),
                          .proto = ip[IP_PROTO],
                          .src = wire_get32(ip + IP_SRC),
                          .dst = wire_get32(ip + IP_DST)};
    switch (in->proto) {
    case IP_PROTO_TCP:
    case IP_PROTO_UDP:
        in->sport = wire_get16(in->l4 + L4_SPORT);
        in->dport = wire_get16(in->l4 + L4_DPORT);
        return true;
    case IP_PROTO_ICMP:
        in->sport = in->dport = wire_get16(in->l4 + ICMP_ECHO_ID);
        return in->l4[ICMP_TYPE] == ICMP_ECHO_REQUEST || in->l4[ICMP_TYPE] == ICMP_ECHO_REPLY;
    default:
        return false;
    }
}

/* Rewrites address and port of the embedded packet and the IP checksum that covers the address. Its
 * transport checksum, which may be cut off, stays: receivers match on addresses and ports. */
static void rewrite_embedded(struct packet *in, bool source, uint32_t ip, uint16_t port)
{
    unsigned int offset = source ? IP_SRC : IP_DST;
    unsigned int port_offset = source ? L4_SPORT : L4_DPORT;

    csum_update32(in->ip + IP_CSUM, wire_get32(in->ip + offset), ip);
    wire_put32(in->ip + offset, ip);
    wire_put16(in->l4 + (in->proto == IP_PROTO_ICMP ? ICMP_ECHO_ID : port_offset), port);
}

static void rewrite_error(struct packet *p, bool source, uint32_t ip)
{
    unsigned int offset = source ? IP_SRC : IP_DST;

    csum_update32(p->ip + IP_CSUM, wire_get32(p->ip + offset), ip);
    wire_put32(p->ip + offset, ip);
    if (source)
        p->src = ip;
    else
        p->dst = ip;
    wire_put16(p->l4 + ICMP_CSUM, 0);
    wire_put16(p->l4 + ICMP_CSUM, csum_finish(csum_add(0, p->l4, p->l4_len)));
}

/* An error that an inner port sends about a packet it received: embedded is remote → inner. */
static bool error_outgoing(struct nat *nat, struct packet *p, struct flow_owner *owner,
                           uint64_t now)
{
    struct packet in;
    struct flow *f;

    if (!parse_embedded(p, &in) || in.dst != p->src || in.src != p->dst)
        return false;
    f = flow_find_inner(&nat->flows, in.proto, in.dst, in.dport, in.src,
                        in.proto == IP_PROTO_ICMP ? 0 : in.sport, now);
    if (f == NULL || f->owner != owner)
        return false;
    rewrite_embedded(&in, false, nat->outer_ip, f->outer_port);
    rewrite_error(p, true, nat->outer_ip);
    return true;
}

/* An error from anywhere on the way about a packet that we sent: embedded is outer → remote. */
static struct flow_owner *error_incoming(struct nat *nat, struct packet *p, uint64_t now)
{
    struct packet in;
    struct flow *f;

    if (!parse_embedded(p, &in) || in.src != nat->outer_ip)
        return NULL;
    f = flow_find_outer(&nat->flows, in.proto, in.sport, in.dst,
                        in.proto == IP_PROTO_ICMP ? 0 : in.dport, now);
    if (f == NULL)
        return NULL;
    rewrite_embedded(&in, true, f->inner_ip, f->inner_port);
    rewrite_error(p, false, f->inner_ip);
    return f->owner;
}

static bool may_start(const struct packet *p)
{
    if (p->proto == IP_PROTO_TCP)
        return is_opening(p);
    return p->proto == IP_PROTO_UDP || is_echo(p, ICMP_ECHO_REQUEST);
}

bool nat_outgoing(struct nat *nat, struct packet *p, struct flow_owner *owner, uint64_t now)
{
    uint16_t remote_port = p->proto == IP_PROTO_ICMP ? 0 : p->dport;
    struct flow *f;

    if (nat->outer_ip == 0)
        return false;
    if (p->icmp_error)
        return error_outgoing(nat, p, owner, now);
    if (p->proto != IP_PROTO_TCP && p->proto != IP_PROTO_UDP && !is_echo(p, ICMP_ECHO_REQUEST))
        return false;
    f = flow_find_inner(&nat->flows, p->proto, p->src, p->sport, p->dst, remote_port, now);
    if (f == NULL) {
        if (!may_start(p))
            return false;
        f = flow_create(&nat->flows, owner, p->proto, p->src, p->sport, p->dst, remote_port, 0,
                        now);
        if (f == NULL)
            return false;
    } else if (f->owner != owner) {
        return false; /* cannot be while addresses are unique: a port only has its own */
    }
    flow_touch(f, false, tcp_flags(p), now);
    packet_set_src(p, nat->outer_ip, f->outer_port);
    return true;
}

static struct flow *open_forwarded(struct nat *nat, const struct packet *p, uint64_t now)
{
    struct flow *f;

    if (nat->api_owner == NULL || p->proto != IP_PROTO_TCP || !is_opening(p) ||
        p->dport != nat->api_outer_port)
        return NULL;
    /* mgmt itself may have a connection out to this very port of the remote: then there is none. */
    if (flow_find_inner(&nat->flows, p->proto, nat->api_inner_ip, nat->api_inner_port, p->src,
                        p->sport, now) != NULL)
        return NULL;
    f = flow_create(&nat->flows, nat->api_owner, p->proto, nat->api_inner_ip, nat->api_inner_port,
                    p->src, p->sport, nat->api_outer_port, now);
    if (f != NULL)
        f->from_remote = true;
    return f;
}

struct flow_owner *nat_incoming(struct nat *nat, struct packet *p, uint64_t now)
{
    uint16_t remote_port = p->proto == IP_PROTO_ICMP ? 0 : p->sport;
    struct flow *f;

    if (nat->outer_ip == 0 || p->dst != nat->outer_ip)
        return NULL;
    if (p->icmp_error)
        return error_incoming(nat, p, now);
    if (p->proto != IP_PROTO_TCP && p->proto != IP_PROTO_UDP && !is_echo(p, ICMP_ECHO_REPLY))
        return NULL;
    f = flow_find_outer(&nat->flows, p->proto, p->dport, p->src, remote_port, now);
    if (f == NULL)
        f = open_forwarded(nat, p, now);
    if (f == NULL)
        return NULL;
    flow_touch(f, true, tcp_flags(p), now);
    packet_set_dst(p, f->inner_ip, f->inner_port);
    return f->owner;
}

void nat_set_outer_ip(struct nat *nat, uint32_t ip)
{
    if (nat->outer_ip != ip)
        flow_drop_all(&nat->flows);
    nat->outer_ip = ip;
}
