/* SPDX-License-Identifier: MIT */
/*
 * Frame parsing and header rewriting; see packet.h. This is the first code that looks at bytes from
 * a sandbox or the wire: every read is inside bounds that were checked before it.
 */
#include "packet.h"

#include <string.h>

#include "checksum.h"
#include "wire.h"

static bool parse_icmp(struct packet *p)
{
    if (p->l4_len < ICMP_HLEN)
        return false;
    switch (p->l4[ICMP_TYPE]) {
    case ICMP_ECHO_REQUEST:
    case ICMP_ECHO_REPLY:
        p->sport = p->dport = wire_get16(p->l4 + ICMP_ECHO_ID);
        break;
    case ICMP_UNREACHABLE:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETER:
        p->icmp_error = true;
        break;
    default:
        break;
    }
    return true;
}

static bool parse_ports(struct packet *p)
{
    if (p->proto == IP_PROTO_TCP) {
        if (p->l4_len < TCP_HLEN)
            return false;

        unsigned int header = (unsigned int)(p->l4[TCP_OFF] >> 4) * 4U;

        if (header < TCP_HLEN || header > p->l4_len)
            return false;
    } else {
        if (p->l4_len < UDP_HLEN)
            return false;

        uint16_t udp_len = wire_get16(p->l4 + UDP_LEN);

        if (udp_len < UDP_HLEN || udp_len > p->l4_len)
            return false;
    }
    p->sport = wire_get16(p->l4 + L4_SPORT);
    p->dport = wire_get16(p->l4 + L4_DPORT);
    return true;
}

bool packet_parse(uint8_t *frame, size_t len, struct packet *p)
{
    memset(p, 0, sizeof(*p));
    if (len < ETH_HLEN + IP_HLEN || len > ETH_FRAME_MAX)
        return false;
    if (wire_get16(frame + ETH_TYPE) != ETH_TYPE_IPV4)
        return false;
    p->eth = frame;
    p->ip = frame + ETH_HLEN;
    if (p->ip[0] != 0x45) /* version 4, five words: no options */
        return false;

    uint16_t total = wire_get16(p->ip + IP_TOTAL);

    if (total < IP_HLEN || total > len - ETH_HLEN)
        return false;
    if ((wire_get16(p->ip + IP_FRAG) & IP_FRAG_MASK) != 0)
        return false;
    if (csum_finish(csum_add(0, p->ip, IP_HLEN)) != 0)
        return false;
    p->l4 = p->ip + IP_HLEN;
    p->l4_len = (uint16_t)(total - IP_HLEN);
    p->len = ETH_HLEN + (size_t)total;
    p->proto = p->ip[IP_PROTO];
    p->src = wire_get32(p->ip + IP_SRC);
    p->dst = wire_get32(p->ip + IP_DST);
    if (p->proto == IP_PROTO_ICMP)
        return parse_icmp(p);
    if (p->proto == IP_PROTO_TCP || p->proto == IP_PROTO_UDP)
        return parse_ports(p);
    return true;
}

void packet_fill_checksum(struct packet *p)
{
    uint16_t len = p->l4_len;
    uint8_t *field;

    if (p->proto == IP_PROTO_TCP) {
        field = p->l4 + TCP_CSUM;
    } else if (p->proto == IP_PROTO_UDP) {
        field = p->l4 + UDP_CSUM;
        len = wire_get16(p->l4 + UDP_LEN);
    } else {
        return;
    }
    wire_put16(field, 0);

    uint16_t sum = csum_finish(csum_add(csum_pseudo(p->src, p->dst, p->proto, len), p->l4, len));

    if (sum == 0 && p->proto == IP_PROTO_UDP)
        sum = 0xffff; /* 0 means "no checksum" there (RFC 768) */
    wire_put16(field, sum);
}

/* The transport checksum that covers addresses and ports, or NULL if there is none to keep. */
static uint8_t *l4_checksum(const struct packet *p)
{
    if (p->proto == IP_PROTO_TCP)
        return p->l4 + TCP_CSUM;
    if (p->proto == IP_PROTO_UDP && wire_get16(p->l4 + UDP_CSUM) != 0)
        return p->l4 + UDP_CSUM;
    return NULL;
}

static void rewrite(struct packet *p, unsigned int ip_offset, unsigned int port_offset, uint32_t ip,
                    uint16_t port)
{
    uint8_t *sum = l4_checksum(p);
    uint32_t old_ip = wire_get32(p->ip + ip_offset);

    csum_update32(p->ip + IP_CSUM, old_ip, ip);
    wire_put32(p->ip + ip_offset, ip);
    if (sum != NULL)
        csum_update32(sum, old_ip, ip);
    if (p->proto == IP_PROTO_ICMP) { /* no pseudo header; its "port" is the echo identifier */
        sum = p->l4 + ICMP_CSUM;
        port_offset = ICMP_ECHO_ID;
    }
    if (sum != NULL)
        csum_update16(sum, wire_get16(p->l4 + port_offset), port);
    wire_put16(p->l4 + port_offset, port);
    if (p->proto == IP_PROTO_UDP && sum != NULL && wire_get16(sum) == 0)
        wire_put16(sum, 0xffff);
}

void packet_set_src(struct packet *p, uint32_t ip, uint16_t port)
{
    rewrite(p, IP_SRC, L4_SPORT, ip, port);
    p->src = ip;
    p->sport = port;
}

void packet_set_dst(struct packet *p, uint32_t ip, uint16_t port)
{
    rewrite(p, IP_DST, L4_DPORT, ip, port);
    p->dst = ip;
    p->dport = port;
}

void packet_decrement_ttl(struct packet *p)
{
    uint16_t from = wire_get16(p->ip + IP_TTL);

    p->ip[IP_TTL]--;
    csum_update16(p->ip + IP_CSUM, from, wire_get16(p->ip + IP_TTL));
}

size_t packet_build(uint8_t *frame, const uint8_t dst_mac[6], const uint8_t src_mac[6],
                    uint32_t src, uint32_t dst, uint8_t proto, uint16_t l4_len)
{
    uint8_t *ip = frame + ETH_HLEN;

    memcpy(frame + ETH_DST, dst_mac, 6);
    memcpy(frame + ETH_SRC, src_mac, 6);
    wire_put16(frame + ETH_TYPE, ETH_TYPE_IPV4);
    memset(ip, 0, IP_HLEN);
    ip[0] = 0x45;
    wire_put16(ip + IP_TOTAL, (uint16_t)(IP_HLEN + l4_len));
    wire_put16(ip + IP_FRAG, 0x4000); /* don't fragment, so the identification may be 0 */
    ip[IP_TTL] = 64;
    ip[IP_PROTO] = proto;
    wire_put32(ip + IP_SRC, src);
    wire_put32(ip + IP_DST, dst);
    wire_put16(ip + IP_CSUM, csum_finish(csum_add(0, ip, IP_HLEN)));
    return ETH_HLEN + IP_HLEN + (size_t)l4_len;
}
