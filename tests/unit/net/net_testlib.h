/* SPDX-License-Identifier: MIT */
/*
 * Frames and a switch in memory for the tests of net/: builds frames with right checksums, checks
 * those that come out with an independent implementation of the checksum.
 */
#ifndef NET_TESTLIB_H
#define NET_TESTLIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "switch.h"

#define UP_IP 0xc0a8010aU /* 192.168.1.10/24 */
#define UP_GW 0xc0a80101U
#define UP_DNS 0xc0a80135U
#define REMOTE 0x08080808U
#define BOX1_IP 0x0a4d0100U
#define BOX2_IP 0x0a4d0101U

extern const uint8_t mac_up[6], mac_mgmt[6], mac_box1[6], mac_box2[6], mac_neighbour[6],
    mac_broadcast[6];

struct rig {
    struct sw sw;
    struct sw_port up, mgmt, box1, box2;
    struct frame_pool pool;
    uint32_t local_frames, resolve_asked;
    bool neighbours_unknown;
};

/* One rig at a time; flows is the table's capacity. rig_end() checks that no frame was lost. */
struct rig *rig_begin(uint32_t flows);
void rig_end(void);

struct spec {
    const uint8_t *src_mac, *dst_mac;
    uint32_t src, dst;
    uint8_t proto;
    uint16_t sport, dport; /* ICMP: type and code; identifier in `id` */
    uint16_t id;
    uint8_t flags; /* TCP */
    uint8_t ttl;   /* 0: 64 */
    const void *payload;
    size_t payload_len;
    bool no_udp_checksum;
};

size_t frame_make(uint8_t *out, const struct spec *s);
/* Puts the frame in; returns what came out of any port (at most one), which `from` says, or NULL.
 */
struct frame *rig_send_raw(struct sw_port *port, const void *frame, size_t len);
struct frame *rig_send(struct sw_port *port, const struct spec *s);
struct sw_port *rig_out_port(void);
void rig_free(struct frame *f);

/* IP and transport checksums of an Ethernet frame are right (a UDP checksum of 0 too). */
bool checksums_right(const uint8_t *frame, size_t len);
uint16_t reference_checksum(const uint8_t *p, size_t len, uint32_t start);

#endif
