/* SPDX-License-Identifier: MIT */
/*
 * Parsing of one frame into a view of its headers, with every bound checked. The view points into
 * the frame, which is private memory (copied out of the guest or the NIC's ring before), so what
 * was checked stays true. No dependency on the runtime: runs in host tests and fuzzers.
 */
#ifndef NET_PACKET_H
#define NET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet {
    uint8_t *eth; /* Ethernet header */
    uint8_t *ip;  /* IPv4 header, 20 bytes */
    uint8_t *l4;  /* transport header and payload, l4_len bytes within the frame */
    size_t len;   /* frame length without padding */
    uint16_t l4_len;
    uint8_t proto;
    uint32_t src, dst; /* host order */
    /* TCP and UDP: the ports. ICMP echo: the identifier in both. Else 0. */
    uint16_t sport, dport;
    bool icmp_error; /* ICMP that carries the packet it is about */
};

/*
 * Parses an Ethernet frame of type IPv4. Refuses (false) what is truncated, has a wrong IP header
 * checksum, IP options, is a fragment, or whose transport header does not fit. Protocols other than
 * TCP, UDP and ICMP parse with ports 0.
 */
bool packet_parse(uint8_t *frame, size_t len, struct packet *p);

/* Computes the TCP or UDP checksum that the sender left blank; a no-op for other protocols. */
void packet_fill_checksum(struct packet *p);

/* Changes an address or port together with the checksums that cover it. */
void packet_set_src(struct packet *p, uint32_t ip, uint16_t port);
void packet_set_dst(struct packet *p, uint32_t ip, uint16_t port);
void packet_decrement_ttl(struct packet *p);

/*
 * Writes Ethernet and IPv4 headers in front of l4_len bytes at frame + 34 and returns the frame's
 * length. The transport checksum is the caller's.
 */
size_t packet_build(uint8_t *frame, const uint8_t dst_mac[6], const uint8_t src_mac[6],
                    uint32_t src, uint32_t dst, uint8_t proto, uint16_t l4_len);

#endif
