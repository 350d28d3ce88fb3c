/* SPDX-License-Identifier: MIT */
/*
 * Network byte order and the few numbers of Ethernet, ARP, IPv4 (RFC 791), ICMP (RFC 792), UDP
 * (RFC 768) and TCP (RFC 9293) that the switch needs. Headers are read and written through byte
 * pointers at named offsets: frames have no alignment and the host's structs are not involved.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include <stdint.h>

#define ETH_HLEN 14U
#define ETH_DST 0U
#define ETH_SRC 6U
#define ETH_TYPE 12U
#define ETH_MIN 60U         /* without FCS */
#define ETH_FRAME_MAX 1514U /* MTU 1500 on every port */
#define ETH_TYPE_IPV4 0x0800U
#define ETH_TYPE_ARP 0x0806U

#define ARP_LEN 28U
#define ARP_OP 6U
#define ARP_SHA 8U
#define ARP_SPA 14U
#define ARP_THA 18U
#define ARP_TPA 24U
#define ARP_REQUEST 1U
#define ARP_REPLY 2U

#define IP_HLEN 20U /* no options: packets that have them are dropped */
#define IP_TOTAL 2U
#define IP_ID 4U
#define IP_FRAG 6U
#define IP_TTL 8U
#define IP_PROTO 9U
#define IP_CSUM 10U
#define IP_SRC 12U
#define IP_DST 16U
#define IP_FRAG_MASK 0x3fffU /* more-fragments and the offset */
#define IP_PROTO_ICMP 1U
#define IP_PROTO_TCP 6U
#define IP_PROTO_UDP 17U

#define ICMP_HLEN 8U
#define ICMP_TYPE 0U
#define ICMP_CODE 1U
#define ICMP_CSUM 2U
#define ICMP_ECHO_ID 4U
#define ICMP_ECHO_REPLY 0U
#define ICMP_UNREACHABLE 3U
#define ICMP_ECHO_REQUEST 8U
#define ICMP_TIME_EXCEEDED 11U
#define ICMP_PARAMETER 12U

#define UDP_HLEN 8U
#define UDP_LEN 4U
#define UDP_CSUM 6U

#define TCP_HLEN 20U
#define TCP_OFF 12U
#define TCP_FLAGS 13U
#define TCP_CSUM 16U
#define TCP_FIN 0x01U
#define TCP_SYN 0x02U
#define TCP_RST 0x04U
#define TCP_ACK 0x10U

#define L4_SPORT 0U /* TCP and UDP alike */
#define L4_DPORT 2U

static inline uint16_t wire_get16(const uint8_t *p)
{
    return (uint16_t)((unsigned int)p[0] << 8 | p[1]);
}

static inline uint32_t wire_get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void wire_put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void wire_put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

#endif
