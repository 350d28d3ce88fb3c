/* SPDX-License-Identifier: MIT */
/*
 * The switch's policy: who reaches whom, anti-spoofing, what the gateway answers, budgets, queues.
 */
#include <errno.h>
#include <string.h>

#include "net_testlib.h"
#include "test.h"
#include "wire.h"

enum where { NOWHERE, TO_UP, TO_MGMT, TO_BOX1, TO_BOX2, TO_STACK };

static enum where where_to(struct rig *r, struct frame *f)
{
    struct sw_port *p = rig_out_port();

    if (f == NULL)
        return NOWHERE;
    CHECK(checksums_right(f->data, f->len));
    rig_free(f);
    return p == &r->up ? TO_UP : p == &r->mgmt ? TO_MGMT : p == &r->box1 ? TO_BOX1 : TO_BOX2;
}

static struct sw_port *port_of(struct rig *r, enum where w)
{
    return w == TO_UP ? &r->up : w == TO_MGMT ? &r->mgmt : w == TO_BOX1 ? &r->box1 : &r->box2;
}

static const uint8_t *mac_of(enum where w)
{
    return w == TO_UP     ? mac_neighbour
           : w == TO_MGMT ? mac_mgmt
           : w == TO_BOX1 ? mac_box1
                          : mac_box2;
}

struct matrix_case {
    enum where from;
    uint32_t src, dst;
    uint8_t proto;
    uint16_t sport, dport;
    uint8_t flags;
    enum where to;
    enum sw_drop why;
};

#define SYN TCP_SYN
#define T IP_PROTO_TCP
#define U IP_PROTO_UDP
#define I IP_PROTO_ICMP

static const struct matrix_case matrix[] = {
    /* a sandbox reaches the outside and the gateway's echo, nothing else */
    {TO_BOX1, BOX1_IP, REMOTE, T, 1000, 80, SYN, TO_UP, 0},
    {TO_BOX1, BOX1_IP, REMOTE, U, 1000, 53, 0, TO_UP, 0},
    {TO_BOX1, BOX1_IP, REMOTE, I, 8, 0, 0, TO_UP, 0},
    {TO_BOX1, BOX1_IP, 0xc0a80114, T, 1000, 80, SYN, TO_UP, 0}, /* uplink neighbour */
    {TO_BOX1, BOX1_IP, SW_GATEWAY_IP, I, 8, 0, 0, TO_BOX1, 0},
    {TO_BOX1, BOX1_IP, SW_GATEWAY_IP, U, 1000, 53, 0, NOWHERE, SW_DROP_NOT_FOR_US},
    {TO_BOX1, BOX1_IP, SW_GATEWAY_IP, T, 1000, 443, SYN, NOWHERE, SW_DROP_NOT_FOR_US},
    {TO_BOX1, BOX1_IP, SW_MGMT_IP, T, 1000, 443, SYN, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, SW_MGMT_IP, I, 8, 0, 0, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, BOX2_IP, T, 1000, 22, SYN, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, BOX2_IP, U, 1000, 22, 0, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, BOX1_IP, U, 1000, 22, 0, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, UP_IP, T, 1000, 443, SYN, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, 0xa9fea9fe, T, 1000, 80, SYN, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, 0x7f000001, T, 1000, 80, SYN, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, 0x00000001, T, 1000, 80, SYN, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, 0xe00000fb, U, 5353, 5353, 0, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, 0xffffffff, U, 1000, 1000, 0, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, 0xc0a801ff, U, 1000, 1000, 0, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, 0xc0a80100, U, 1000, 1000, 0, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_BOX1, BOX1_IP, 0x0a4dffff, U, 1000, 1000, 0, NOWHERE, SW_DROP_FORBIDDEN},
    /* not with another's address */
    {TO_BOX1, BOX2_IP, REMOTE, T, 1000, 80, SYN, NOWHERE, SW_DROP_SPOOF},
    {TO_BOX1, SW_MGMT_IP, REMOTE, T, 443, 80, SYN, NOWHERE, SW_DROP_SPOOF},
    {TO_BOX1, SW_GATEWAY_IP, REMOTE, I, 8, 0, 0, NOWHERE, SW_DROP_SPOOF},
    {TO_BOX1, REMOTE, UP_GW, U, 53, 53, 0, NOWHERE, SW_DROP_SPOOF},
    {TO_BOX1, 0, REMOTE, U, 53, 53, 0, NOWHERE, SW_DROP_SPOOF},
    /* no flow, no mid-stream packet */
    {TO_BOX1, BOX1_IP, REMOTE, T, 2000, 80, TCP_ACK, NOWHERE, SW_DROP_NAT},
    {TO_BOX1, BOX1_IP, REMOTE, T, 2000, 80, TCP_SYN | TCP_ACK, NOWHERE, SW_DROP_NAT},
    {TO_BOX1, BOX1_IP, REMOTE, I, 0, 0, 0, NOWHERE, SW_DROP_NAT},
    {TO_BOX1, BOX1_IP, REMOTE, 47, 0, 0, 0, NOWHERE, SW_DROP_NAT},
    /* mgmt: out, and nowhere else */
    {TO_MGMT, SW_MGMT_IP, REMOTE, T, 1000, 443, SYN, TO_UP, 0},
    {TO_MGMT, SW_MGMT_IP, BOX1_IP, T, 1000, 22, SYN, NOWHERE, SW_DROP_FORBIDDEN},
    {TO_MGMT, BOX1_IP, REMOTE, T, 1000, 22, SYN, NOWHERE, SW_DROP_SPOOF},
    {TO_MGMT, SW_MGMT_IP, SW_GATEWAY_IP, I, 8, 0, 0, TO_MGMT, 0},
    /* from outside: the API port and our own echo */
    {TO_UP, REMOTE, UP_IP, T, 1000, 443, SYN, TO_MGMT, 0},
    {TO_UP, REMOTE, UP_IP, T, 1001, 443, TCP_ACK, NOWHERE, SW_DROP_NAT},
    {TO_UP, REMOTE, UP_IP, T, 1000, 22, SYN, NOWHERE, SW_DROP_NAT},
    {TO_UP, REMOTE, UP_IP, U, 1000, 443, 0, NOWHERE, SW_DROP_NAT},
    {TO_UP, REMOTE, UP_IP, I, 8, 0, 0, TO_STACK, 0},
    {TO_UP, REMOTE, BOX1_IP, T, 1000, 22, SYN, NOWHERE, SW_DROP_NOT_FOR_US},
    {TO_UP, REMOTE, SW_MGMT_IP, T, 1000, 443, SYN, NOWHERE, SW_DROP_NOT_FOR_US},
    {TO_UP, SW_MGMT_IP, UP_IP, T, 1000, 443, SYN, NOWHERE, SW_DROP_SPOOF},
    {TO_UP, BOX1_IP, UP_IP, T, 1000, 443, SYN, NOWHERE, SW_DROP_SPOOF},
    {TO_UP, UP_IP, UP_IP, T, 1000, 443, SYN, NOWHERE, SW_DROP_SPOOF},
    {TO_UP, 0x7f000001, UP_IP, T, 1000, 443, SYN, NOWHERE, SW_DROP_SPOOF},
    {TO_UP, UP_GW, UP_IP, U, 67, 68, 0, TO_STACK, 0},
};

TEST(switch_isolation_matrix)
{
    for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++) {
        const struct matrix_case *c = &matrix[i];
        struct rig *r = rig_begin(256);
        struct sw_port *from = port_of(r, c->from);
        struct spec s = {.src_mac = mac_of(c->from),
                         .dst_mac = c->from == TO_UP ? mac_up : sw_gateway_mac,
                         .src = c->src,
                         .dst = c->dst,
                         .proto = c->proto,
                         .sport = c->sport,
                         .dport = c->dport,
                         .flags = c->flags,
                         .payload = "hello",
                         .payload_len = 5};
        enum where to = where_to(r, rig_send(from, &s));

        if (to == NOWHERE && r->local_frames != 0)
            to = TO_STACK;
        if (to != c->to || (to == NOWHERE && from->drops[c->why] != 1))
            test_fail_equal(__FILE__, __LINE__, "case (line of the table), expected", i, c->to);
        rig_end();
    }
}

TEST(switch_checks_mac_addresses)
{
    struct rig *r = rig_begin(64);
    struct spec s = {.src_mac = mac_box2,
                     .dst_mac = sw_gateway_mac,
                     .src = BOX1_IP,
                     .dst = REMOTE,
                     .proto = IP_PROTO_UDP,
                     .sport = 9,
                     .dport = 9};

    CHECK(rig_send(&r->box1, &s) == NULL);
    CHECK_EQ(r->box1.drops[SW_DROP_SPOOF], 1);
    s.src_mac = mac_box1;
    s.dst_mac = mac_box2; /* straight to a neighbour */
    CHECK(rig_send(&r->box1, &s) == NULL);
    s.dst_mac = mac_mgmt;
    CHECK(rig_send(&r->box1, &s) == NULL);
    s.dst_mac = mac_broadcast; /* an IP packet must not leave on a broadcast */
    CHECK(rig_send(&r->box1, &s) == NULL);
    CHECK_EQ(r->box1.drops[SW_DROP_NOT_FOR_US], 3);
    rig_end();
}

TEST(switch_drops_what_does_not_parse)
{
    struct rig *r = rig_begin(64);
    struct spec s = {.src_mac = mac_box1,
                     .dst_mac = sw_gateway_mac,
                     .src = BOX1_IP,
                     .dst = REMOTE,
                     .proto = IP_PROTO_UDP,
                     .sport = 9,
                     .dport = 9,
                     .payload = "abcdef",
                     .payload_len = 6};
    uint8_t good[FRAME_ROOM], bad[FRAME_ROOM];
    size_t len = frame_make(good, &s);
    static const struct {
        unsigned int offset;
        uint8_t value;
    } damage[] = {
        {12, 0x86}, /* IPv6 or any other type */
        {14, 0x46}, /* options */
        {14, 0x65}, /* version 6 */
        {16, 0xff}, /* total length beyond the frame */
        {20, 0x20}, /* more fragments */
        {21, 0x01}, /* a later fragment */
        {24, 0x55}, /* header checksum */
        {38, 0xff}, /* UDP length beyond the packet */
    };

    for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
        memcpy(bad, good, len);
        bad[damage[i].offset] = damage[i].value;
        if (damage[i].offset != 24) { /* make it the only fault */
            memset(bad + ETH_HLEN + IP_CSUM, 0, 2);
            wire_put16(bad + ETH_HLEN + IP_CSUM, reference_checksum(bad + ETH_HLEN, IP_HLEN, 0));
        }
        CHECK(rig_send_raw(&r->box1, bad, len) == NULL);
        CHECK_EQ(r->box1.drops[SW_DROP_MALFORMED], i + 1);
    }
    r->box1.drops[SW_DROP_MALFORMED] = 0;
    for (size_t cut = 0; cut < len; cut++)
        CHECK(rig_send_raw(&r->box1, good, cut) == NULL);
    CHECK_EQ(r->box1.drops[SW_DROP_MALFORMED], len);
    CHECK(rig_send_raw(&r->box1, good, ETH_FRAME_MAX + 1) == NULL);
    rig_end();
}

TEST(switch_decrements_the_ttl)
{
    struct rig *r = rig_begin(64);
    struct spec s = {.src_mac = mac_box1,
                     .dst_mac = sw_gateway_mac,
                     .src = BOX1_IP,
                     .dst = REMOTE,
                     .proto = IP_PROTO_UDP,
                     .sport = 9,
                     .dport = 9,
                     .ttl = 2};
    struct frame *f = rig_send(&r->box1, &s);

    CHECK(f != NULL && f->data[ETH_HLEN + IP_TTL] == 1);
    CHECK(checksums_right(f->data, f->len));
    rig_free(f);
    s.ttl = 1;
    CHECK(rig_send(&r->box1, &s) == NULL);
    CHECK_EQ(r->box1.drops[SW_DROP_TTL], 1);
    rig_end();
}

static size_t make_arp(uint8_t *out, const uint8_t *mac, uint16_t op, const uint8_t *sha,
                       uint32_t spa, uint32_t tpa)
{
    static const uint8_t fixed[6] = {0, 1, 8, 0, 6, 4};

    memset(out, 0, 60);
    memcpy(out, mac_broadcast, 6);
    memcpy(out + 6, mac, 6);
    wire_put16(out + 12, ETH_TYPE_ARP);
    memcpy(out + 14, fixed, 6);
    wire_put16(out + 20, op);
    memcpy(out + 22, sha, 6);
    wire_put32(out + 28, spa);
    wire_put32(out + 38, tpa);
    return 60;
}

TEST(switch_answers_arp_for_the_gateway_only)
{
    struct rig *r = rig_begin(64);
    uint8_t arp[64];
    struct frame *f;

    f = rig_send_raw(&r->box1, arp, make_arp(arp, mac_box1, 1, mac_box1, BOX1_IP, SW_GATEWAY_IP));
    CHECK(f != NULL && rig_out_port() == &r->box1 && f->len == 42);
    CHECK(memcmp(f->data, mac_box1, 6) == 0 && memcmp(f->data + 6, sw_gateway_mac, 6) == 0);
    CHECK_EQ(wire_get16(f->data + 20), 2);
    CHECK(memcmp(f->data + 22, sw_gateway_mac, 6) == 0);
    CHECK_EQ(wire_get32(f->data + 28), SW_GATEWAY_IP);
    CHECK_EQ(wire_get32(f->data + 38), BOX1_IP);
    rig_free(f);
    /* for somebody else, a probe for its own address, a lie in the hardware or protocol address */
    CHECK(!rig_send_raw(&r->box1, arp, make_arp(arp, mac_box1, 1, mac_box1, BOX1_IP, SW_MGMT_IP)));
    CHECK(!rig_send_raw(&r->box1, arp, make_arp(arp, mac_box1, 1, mac_box1, BOX1_IP, BOX2_IP)));
    CHECK(!rig_send_raw(&r->box1, arp, make_arp(arp, mac_box1, 1, mac_box1, 0, BOX1_IP)));
    CHECK_EQ(r->box1.drops[SW_DROP_NOT_FOR_US], 3);
    CHECK(
        !rig_send_raw(&r->box1, arp, make_arp(arp, mac_box1, 1, mac_box2, BOX1_IP, SW_GATEWAY_IP)));
    CHECK(
        !rig_send_raw(&r->box1, arp, make_arp(arp, mac_box1, 1, mac_box1, BOX2_IP, SW_GATEWAY_IP)));
    CHECK(
        !rig_send_raw(&r->box1, arp, make_arp(arp, mac_box1, 2, mac_box1, SW_GATEWAY_IP, BOX2_IP)));
    CHECK_EQ(r->box1.drops[SW_DROP_SPOOF], 3);
    CHECK(!rig_send_raw(&r->box1, arp, 41));
    CHECK_EQ(r->box1.drops[SW_DROP_MALFORMED], 1);
    rig_end();
}

TEST(switch_limits_what_the_gateway_answers)
{
    struct rig *r = rig_begin(64);
    struct spec s = {.src_mac = mac_box1,
                     .dst_mac = sw_gateway_mac,
                     .src = BOX1_IP,
                     .dst = SW_GATEWAY_IP,
                     .proto = IP_PROTO_ICMP,
                     .sport = 8,
                     .id = 3};
    unsigned int answered = 0;

    for (unsigned int i = 0; i < 1000; i++) {
        struct frame *f = rig_send(&r->box1, &s);

        if (f != NULL) {
            answered++;
            rig_free(f);
        }
    }
    CHECK_EQ(answered, 100);
    CHECK_EQ(r->box1.drops[SW_DROP_BUDGET], 900);
    r->sw.now += FLOW_SECOND / 10;
    for (answered = 0;; answered++) {
        struct frame *f = rig_send(&r->box1, &s);

        if (f == NULL)
            break;
        rig_free(f);
    }
    CHECK_EQ(answered, 10);
    rig_end();
}

TEST(switch_limits_the_search_for_neighbours)
{
    struct rig *r = rig_begin(256);
    struct spec s = {.src_mac = mac_box1,
                     .dst_mac = sw_gateway_mac,
                     .src = BOX1_IP,
                     .dst = 0xc0a80100,
                     .proto = IP_PROTO_UDP,
                     .sport = 9,
                     .dport = 9};

    r->neighbours_unknown = true;
    for (unsigned int i = 1; i <= 100; i++) {
        s.dst = 0xc0a80100 + 100 + i;
        CHECK(rig_send(&r->box1, &s) == NULL);
    }
    CHECK_EQ(r->resolve_asked, 8);
    s.dst = REMOTE; /* the gateway is asked for whatever a sandbox did */
    CHECK(rig_send(&r->box1, &s) == NULL);
    CHECK_EQ(r->resolve_asked, 9);
    rig_end();
}

TEST(switch_bounds_a_queue_that_nobody_drains)
{
    struct rig *r = rig_begin(64);
    struct spec s = {.src_mac = mac_box1,
                     .dst_mac = sw_gateway_mac,
                     .src = BOX1_IP,
                     .dst = REMOTE,
                     .proto = IP_PROTO_UDP,
                     .sport = 9,
                     .dport = 9};
    uint8_t buffer[FRAME_ROOM];
    struct frame *f = rig_send(&r->box1, &s);
    uint16_t outer = wire_get16(f->data + 34);
    struct spec back = {.src_mac = mac_neighbour,
                        .dst_mac = mac_up,
                        .src = REMOTE,
                        .dst = UP_IP,
                        .proto = IP_PROTO_UDP,
                        .sport = 9,
                        .dport = outer};
    size_t len = frame_make(buffer, &back);

    rig_free(f);
    for (unsigned int i = 0; i < 300; i++) {
        f = frame_get(&r->pool);
        CHECK(f != NULL);
        memcpy(f->data, buffer, len);
        f->len = (uint16_t)len;
        sw_input(&r->sw, &r->up, f);
    }
    CHECK_EQ(r->box1.out.count, 64);
    CHECK_EQ(r->box1.drops[SW_DROP_QUEUE], 300 - 64);
    CHECK(sw_next_ready(&r->sw) == &r->box1);
    sw_set_ready(&r->sw, &r->box1);
    sw_port_remove(&r->sw, &r->box1); /* frees the queue */
    CHECK(sw_next_ready(&r->sw) == NULL);
    rig_end();
}

TEST(switch_refuses_ports_that_clash)
{
    struct rig *r = rig_begin(64);
    struct sw_port p = {.kind = SW_SANDBOX, .ip = BOX1_IP + 9, .mac = {2, 0, 0, 0, 0, 9}};

    p.ip = BOX1_IP;
    CHECK_EQ(sw_port_add(&r->sw, &p), -EEXIST);
    p.ip = BOX1_IP + 9;
    memcpy(p.mac, mac_box2, 6);
    CHECK_EQ(sw_port_add(&r->sw, &p), -EEXIST);
    memcpy(p.mac, sw_gateway_mac, 6);
    CHECK_EQ(sw_port_add(&r->sw, &p), -EINVAL);
    memcpy(p.mac, mac_broadcast, 6);
    CHECK_EQ(sw_port_add(&r->sw, &p), -EINVAL);
    memcpy(p.mac, "\2\0\0\0\0\11", 6);
    p.ip = SW_GATEWAY_IP;
    CHECK_EQ(sw_port_add(&r->sw, &p), -EINVAL);
    p.ip = SW_MGMT_IP;
    CHECK_EQ(sw_port_add(&r->sw, &p), -EINVAL);
    p.kind = SW_MGMT;
    CHECK_EQ(sw_port_add(&r->sw, &p), -EEXIST);
    p.kind = SW_UPLINK;
    CHECK_EQ(sw_port_add(&r->sw, &p), -EEXIST);
    rig_end();
}

TEST(switch_without_an_uplink_passes_nothing)
{
    struct rig *r = rig_begin(64);
    struct sw_uplink none = {0};
    struct spec s = {.src_mac = mac_box1,
                     .dst_mac = sw_gateway_mac,
                     .src = BOX1_IP,
                     .dst = REMOTE,
                     .proto = IP_PROTO_UDP,
                     .sport = 9,
                     .dport = 9};
    struct frame *f = rig_send(&r->box1, &s);

    CHECK(f != NULL);
    rig_free(f);
    sw_set_uplink(&r->sw, &none);
    CHECK_EQ(r->sw.nat.flows.used, 0);
    CHECK(rig_send(&r->box1, &s) == NULL);
    rig_end();
}
