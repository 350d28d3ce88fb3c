/* SPDX-License-Identifier: MIT */
/*
 * The gateway's own answers to inner ports; see local.h.
 */
#include "local.h"

#include <string.h>

#include "checksum.h"
#include "dhcpd.h"
#include "wire.h"

static const uint8_t arp_ipv4_ethernet[6] = {0, 1, 0x08, 0x00, 6, 4};

bool local_arp(const struct sw_port *port, struct frame *f, enum sw_drop *why)
{
    uint8_t *arp = f->data + ETH_HLEN;
    uint32_t sender, target;

    *why = SW_DROP_MALFORMED;
    if (f->len < ETH_HLEN + ARP_LEN || memcmp(arp, arp_ipv4_ethernet, 6) != 0)
        return false;
    sender = wire_get32(arp + ARP_SPA);
    target = wire_get32(arp + ARP_TPA);
    *why = SW_DROP_SPOOF; /* a probe (RFC 5227) has no sender address yet */
    if (memcmp(arp + ARP_SHA, port->mac, 6) != 0 || (sender != 0 && sender != port->ip))
        return false;
    *why = SW_DROP_NOT_FOR_US;
    if (wire_get16(arp + ARP_OP) != ARP_REQUEST || target != SW_GATEWAY_IP)
        return false;
    memcpy(f->data + ETH_DST, port->mac, 6);
    memcpy(f->data + ETH_SRC, sw_gateway_mac, 6);
    wire_put16(arp + ARP_OP, ARP_REPLY);
    memcpy(arp + ARP_SHA, sw_gateway_mac, 6);
    wire_put32(arp + ARP_SPA, SW_GATEWAY_IP);
    memcpy(arp + ARP_THA, port->mac, 6);
    wire_put32(arp + ARP_TPA, sender);
    f->len = ETH_HLEN + ARP_LEN;
    return true;
}

bool local_echo(const struct sw_port *port, struct packet *p)
{
    if (p->proto != IP_PROTO_ICMP || p->l4[ICMP_TYPE] != ICMP_ECHO_REQUEST)
        return false;
    memcpy(p->eth + ETH_DST, port->mac, 6);
    memcpy(p->eth + ETH_SRC, sw_gateway_mac, 6);
    wire_put32(p->ip + IP_SRC, SW_GATEWAY_IP); /* swapping the two leaves the checksum as it is */
    wire_put32(p->ip + IP_DST, p->src);

    uint16_t from = wire_get16(p->l4 + ICMP_TYPE);

    p->l4[ICMP_TYPE] = ICMP_ECHO_REPLY;
    csum_update16(p->l4 + ICMP_CSUM, from, wire_get16(p->l4 + ICMP_TYPE));
    return true;
}

bool local_dhcp(const struct sw *sw, const struct sw_port *port, struct frame *f,
                const struct packet *p)
{
    struct dhcpd_lease lease = {.ip = port->ip,
                                .mask = SW_INNER_MASK,
                                .gateway = SW_GATEWAY_IP,
                                .dns = sw->up.dns,
                                .seconds =
                                    sw->up.dns != 0 ? SW_LEASE_SECONDS : SW_LEASE_SECONDS_NO_DNS};
    struct dhcpd_reply reply;
    uint8_t *udp = f->data + ETH_HLEN + IP_HLEN;
    uint16_t udp_len;
    uint32_t sum;

    memcpy(lease.mac, port->mac, 6);
    if (dhcpd_answer(&lease, p->l4 + UDP_HLEN, wire_get16(p->l4 + UDP_LEN) - UDP_HLEN, &reply) != 0)
        return false;
    udp_len = (uint16_t)(UDP_HLEN + reply.len);
    memcpy(udp + UDP_HLEN, reply.bytes, reply.len);
    wire_put16(udp + L4_SPORT, DHCP_SERVER_PORT);
    wire_put16(udp + L4_DPORT, DHCP_CLIENT_PORT);
    wire_put16(udp + UDP_LEN, udp_len);
    wire_put16(udp + UDP_CSUM, 0);
    sum = csum_pseudo(SW_GATEWAY_IP, reply.dst_ip, IP_PROTO_UDP, udp_len);
    sum = csum_finish(csum_add(sum, udp, udp_len));
    wire_put16(udp + UDP_CSUM, sum == 0 ? 0xffff : (uint16_t)sum);
    f->len = (uint16_t)packet_build(f->data, port->mac, sw_gateway_mac, SW_GATEWAY_IP, reply.dst_ip,
                                    IP_PROTO_UDP, udp_len);
    return true;
}
