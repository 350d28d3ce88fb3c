/* SPDX-License-Identifier: MIT */
/*
 * NAT both ways with every checksum verified by the test's own arithmetic, the forwarded port, ICMP
 * errors, expiry and shares of the flow table, and random packets against damaged checksums.
 */
#include <stdlib.h>
#include <string.h>

#include "net_testlib.h"
#include "test.h"
#include "wire.h"

static struct spec from_box1(uint8_t proto, uint16_t sport, uint16_t dport)
{
    return (struct spec){.src_mac = mac_box1,
                         .dst_mac = sw_gateway_mac,
                         .src = BOX1_IP,
                         .dst = REMOTE,
                         .proto = proto,
                         .sport = sport,
                         .dport = dport,
                         .payload = "payload",
                         .payload_len = 7};
}

static struct spec from_remote(uint8_t proto, uint16_t sport, uint16_t dport)
{
    return (struct spec){.src_mac = mac_neighbour,
                         .dst_mac = mac_up,
                         .src = REMOTE,
                         .dst = UP_IP,
                         .proto = proto,
                         .sport = sport,
                         .dport = dport,
                         .payload = "answer!!",
                         .payload_len = 8};
}

/* Sends and checks where it came out, with right checksums; returns the frame. */
static struct frame *pass(struct sw_port *from, const struct spec *s, struct sw_port *to)
{
    struct frame *f = rig_send(from, s);

    CHECK(f != NULL && rig_out_port() == to);
    CHECK(checksums_right(f->data, f->len));
    return f;
}

static uint32_t src_of(const struct frame *f)
{
    return wire_get32(f->data + 26);
}

static uint32_t dst_of(const struct frame *f)
{
    return wire_get32(f->data + 30);
}

static uint16_t sport_of(const struct frame *f)
{
    return wire_get16(f->data + 34);
}

static uint16_t dport_of(const struct frame *f)
{
    return wire_get16(f->data + 36);
}

/* Opens a flow and returns its outer port. */
static uint16_t open_flow(struct rig *r, uint8_t proto, uint16_t sport, uint16_t dport)
{
    struct spec s = from_box1(proto, sport, dport);
    struct frame *f;
    uint16_t outer;

    s.flags = TCP_SYN;
    f = pass(&r->box1, &s, &r->up);
    CHECK_EQ(src_of(f), UP_IP);
    CHECK_EQ(dst_of(f), REMOTE);
    CHECK_EQ(dport_of(f), dport);
    CHECK(memcmp(f->data, mac_neighbour, 6) == 0 && memcmp(f->data + 6, mac_up, 6) == 0);
    outer = sport_of(f);
    CHECK(outer >= 20000);
    rig_free(f);
    return outer;
}

TEST(nat_translates_tcp_and_udp_both_ways)
{
    struct rig *r = rig_begin(256);
    static const uint8_t protos[] = {IP_PROTO_TCP, IP_PROTO_UDP};

    for (size_t i = 0; i < 2; i++) {
        uint16_t outer = open_flow(r, protos[i], 5555, 80);
        struct spec s = from_remote(protos[i], 80, outer);
        struct frame *f;

        s.flags = TCP_SYN | TCP_ACK;
        f = pass(&r->up, &s, &r->box1);
        CHECK_EQ(src_of(f), REMOTE);
        CHECK_EQ(dst_of(f), BOX1_IP);
        CHECK_EQ(sport_of(f), 80);
        CHECK_EQ(dport_of(f), 5555);
        CHECK_EQ(f->data[22], 63);
        CHECK(memcmp(f->data, mac_box1, 6) == 0 && memcmp(f->data + 6, sw_gateway_mac, 6) == 0);
        CHECK(memcmp(f->data + f->len - 8, "answer!!", 8) == 0);
        rig_free(f);
        CHECK_EQ(open_flow(r, protos[i], 5555, 80), outer); /* the same flow again */
        s.sport = 81; /* not from the endpoint that was asked */
        CHECK(rig_send(&r->up, &s) == NULL);
        s.sport = 80;
        s.src = REMOTE + 1;
        CHECK(rig_send(&r->up, &s) == NULL);
    }
    rig_end();
}

TEST(nat_keeps_an_absent_udp_checksum_absent)
{
    struct rig *r = rig_begin(64);
    struct spec s = from_box1(IP_PROTO_UDP, 1, 2);
    struct frame *f;

    s.no_udp_checksum = true;
    f = pass(&r->box1, &s, &r->up);
    CHECK_EQ(wire_get16(f->data + 40), 0);
    rig_free(f);
    rig_end();
}

TEST(nat_fills_blank_checksums)
{
    struct rig *r = rig_begin(64);
    static const uint8_t protos[] = {IP_PROTO_TCP, IP_PROTO_UDP};

    for (size_t i = 0; i < 2; i++) {
        struct spec s = from_box1(protos[i], 7, 8);
        struct frame *f = frame_get(&r->pool);
        unsigned int at = protos[i] == IP_PROTO_TCP ? 34 + TCP_CSUM : 34 + UDP_CSUM;

        s.flags = TCP_SYN;
        f->len = (uint16_t)frame_make(f->data, &s);
        wire_put16(f->data + at, 0x1234); /* what a guest leaves: the pseudo header's sum */
        f->checksum_blank = 1;
        sw_input(&r->sw, &r->box1, f);
        CHECK(sw_next_ready(&r->sw) == &r->up);
        f = frame_queue_pop(&r->up.out);
        CHECK(checksums_right(f->data, f->len));
        CHECK(wire_get16(f->data + at) != 0);
        rig_free(f);
    }
    rig_end();
}

/* Whatever the addresses, ports and payload: what comes out checks, and a damaged checksum stays
 * wrong. */
TEST(nat_checksums_hold_for_random_packets)
{
    struct rig *r = rig_begin(8192);
    uint8_t payload[64], buffer[FRAME_ROOM];

    r->box1.flows.limit = 8192;
    srand(42);
    for (unsigned int i = 0; i < 3000; i++) {
        struct spec s =
            from_box1(i % 2 ? IP_PROTO_TCP : IP_PROTO_UDP, (uint16_t)rand(), (uint16_t)rand());
        struct frame *f;
        size_t len;

        for (size_t b = 0; b < sizeof(payload); b++)
            payload[b] = (uint8_t)(rand() % 3 == 0 ? 0xff : rand());
        s.dst = 0x08000000U | ((uint32_t)rand() & 0xffffff);
        s.flags = TCP_SYN;
        s.payload = payload;
        s.payload_len = (size_t)rand() % sizeof(payload);
        f = pass(&r->box1, &s, &r->up);
        rig_free(f);
        len = frame_make(buffer, &s);
        buffer[34 + (s.proto == IP_PROTO_TCP ? TCP_CSUM : UDP_CSUM)] ^= 0x10;
        f = rig_send_raw(&r->box1, buffer, len);
        CHECK(f != NULL && !checksums_right(f->data, f->len));
        rig_free(f);
        if (i % 500 == 0)
            flow_drop_all(&r->sw.nat.flows);
    }
    rig_end();
}

TEST(nat_translates_echo)
{
    struct rig *r = rig_begin(64);
    struct spec s = from_box1(IP_PROTO_ICMP, 8, 0);
    struct frame *f;
    uint16_t outer;

    s.id = 77;
    f = pass(&r->box1, &s, &r->up);
    CHECK_EQ(src_of(f), UP_IP);
    outer = wire_get16(f->data + 38);
    CHECK(outer != 77);
    rig_free(f);
    f = pass(&r->box1, &s, &r->up);
    CHECK_EQ(wire_get16(f->data + 38), outer);
    rig_free(f);
    CHECK_EQ(r->sw.nat.flows.used, 1);
    s = from_remote(IP_PROTO_ICMP, 0, 0);
    s.id = outer;
    f = pass(&r->up, &s, &r->box1);
    CHECK_EQ(dst_of(f), BOX1_IP);
    CHECK_EQ(wire_get16(f->data + 38), 77);
    rig_free(f);
    s.id = (uint16_t)(outer + 1);
    CHECK(rig_send(&r->up, &s) == NULL);
    rig_end();
}

TEST(nat_forwards_the_api_port_to_mgmt)
{
    struct rig *r = rig_begin(64);
    struct spec s = from_remote(IP_PROTO_TCP, 40000, 443);
    struct frame *f;

    s.flags = TCP_SYN;
    f = pass(&r->up, &s, &r->mgmt);
    CHECK_EQ(src_of(f), REMOTE); /* mgmt's audit log names the client */
    CHECK_EQ(dst_of(f), SW_MGMT_IP);
    CHECK_EQ(dport_of(f), 443);
    CHECK(memcmp(f->data, mac_mgmt, 6) == 0);
    rig_free(f);
    s = (struct spec){.src_mac = mac_mgmt,
                      .dst_mac = sw_gateway_mac,
                      .src = SW_MGMT_IP,
                      .dst = REMOTE,
                      .proto = IP_PROTO_TCP,
                      .sport = 443,
                      .dport = 40000,
                      .flags = TCP_SYN | TCP_ACK};
    f = pass(&r->mgmt, &s, &r->up);
    CHECK_EQ(src_of(f), UP_IP);
    CHECK_EQ(sport_of(f), 443);
    CHECK_EQ(dport_of(f), 40000);
    rig_free(f);
    rig_end();
}

TEST(nat_forwards_another_outer_port)
{
    struct rig *r = rig_begin(64);
    struct spec s = from_remote(IP_PROTO_TCP, 40000, 8443);
    struct frame *f;

    r->sw.nat.api_outer_port = 8443;
    s.flags = TCP_SYN;
    f = pass(&r->up, &s, &r->mgmt);
    CHECK_EQ(dport_of(f), 443);
    rig_free(f);
    s.dport = 443;
    CHECK(rig_send(&r->up, &s) == NULL);
    sw_port_remove(&r->sw, &r->mgmt); /* nobody behind it */
    s.dport = 8443;
    s.sport = 40001;
    CHECK(rig_send(&r->up, &s) == NULL);
    CHECK_EQ(r->sw.nat.flows.used, 0);
    rig_end();
}

/* An ICMP error (type 3) about the given packet, as payload of a spec. */
static struct spec error_about(const uint8_t *frame, size_t bytes, uint32_t src, uint32_t dst)
{
    return (struct spec){.src = src,
                         .dst = dst,
                         .proto = IP_PROTO_ICMP,
                         .sport = 3,
                         .dport = 3,
                         .payload = frame + ETH_HLEN,
                         .payload_len = bytes};
}

TEST(nat_translates_icmp_errors_inwards)
{
    struct rig *r = rig_begin(64);
    static const uint8_t protos[] = {IP_PROTO_TCP, IP_PROTO_UDP, IP_PROTO_ICMP};

    for (size_t i = 0; i < 3; i++) {
        struct spec s = from_box1(protos[i], protos[i] == IP_PROTO_ICMP ? 8 : 3333,
                                  protos[i] == IP_PROTO_ICMP ? 0 : 99);
        struct frame *f;
        struct spec e;
        uint8_t sent[FRAME_ROOM];

        s.flags = TCP_SYN;
        s.id = 3333;
        f = pass(&r->box1, &s, &r->up);
        memcpy(sent, f->data, f->len);
        rig_free(f);
        e = error_about(sent, 28, 0x08080401, UP_IP); /* from a router, cut to the minimum */
        e.src_mac = mac_neighbour;
        e.dst_mac = mac_up;
        f = pass(&r->up, &e, &r->box1);
        CHECK_EQ(dst_of(f), BOX1_IP);
        CHECK_EQ(src_of(f), 0x08080401);
        CHECK_EQ(reference_checksum(f->data + 42, 20, 0), 0); /* the embedded IP header */
        CHECK_EQ(wire_get32(f->data + 42 + IP_SRC), BOX1_IP);
        CHECK_EQ(wire_get16(f->data + 62 + (protos[i] == IP_PROTO_ICMP ? 4 : 0)), 3333);
        rig_free(f);
        e.payload_len = 27; /* one byte less than RFC 792 gives */
        CHECK(rig_send(&r->up, &e) == NULL);
        sent[ETH_HLEN + IP_HLEN + (protos[i] == IP_PROTO_ICMP ? 5 : 1)] ^= 1; /* no such flow */
        e.payload_len = 28;
        CHECK(rig_send(&r->up, &e) == NULL);
    }
    rig_end();
}

TEST(nat_translates_icmp_errors_outwards)
{
    struct rig *r = rig_begin(64);
    uint16_t outer = open_flow(r, IP_PROTO_UDP, 3333, 99);
    struct spec s = from_remote(IP_PROTO_UDP, 99, outer), e;
    struct frame *f = pass(&r->up, &s, &r->box1);
    uint8_t got[FRAME_ROOM];

    memcpy(got, f->data, f->len);
    rig_free(f);
    e = error_about(got, 28, BOX1_IP, REMOTE); /* "port unreachable" to the remote */
    e.src_mac = mac_box1;
    e.dst_mac = sw_gateway_mac;
    f = pass(&r->box1, &e, &r->up);
    CHECK_EQ(src_of(f), UP_IP);
    CHECK_EQ(reference_checksum(f->data + 42, 20, 0), 0);
    CHECK_EQ(wire_get32(f->data + 42 + IP_DST), UP_IP);
    CHECK_EQ(wire_get16(f->data + 62 + L4_DPORT), outer);
    rig_free(f);
    e.dst = REMOTE + 1; /* about a packet of somebody else */
    CHECK(rig_send(&r->box1, &e) == NULL);
    e.src = BOX2_IP;
    e.src_mac = mac_box2;
    e.dst = REMOTE;
    CHECK(rig_send(&r->box2, &e) == NULL); /* about another sandbox's flow */
    rig_end();
}

static bool answered(struct rig *r, uint8_t proto, uint16_t remote_port, uint16_t outer,
                     uint8_t flags)
{
    struct spec s = from_remote(proto, remote_port, outer);
    struct frame *f;

    s.flags = flags;
    f = rig_send(&r->up, &s);
    if (f != NULL)
        rig_free(f);
    return f != NULL;
}

static void send_more(struct rig *r, uint8_t proto, uint16_t sport, uint16_t dport, uint8_t flags)
{
    struct spec s = from_box1(proto, sport, dport);

    s.flags = flags;
    rig_free(pass(&r->box1, &s, &r->up));
}

TEST(nat_flows_expire)
{
    struct rig *r = rig_begin(64);
    uint16_t outer = open_flow(r, IP_PROTO_UDP, 1, 53);

    r->sw.now += 29 * FLOW_SECOND;
    CHECK(answered(r, IP_PROTO_UDP, 53, outer, 0));
    r->sw.now += 299 * FLOW_SECOND;
    CHECK(answered(r, IP_PROTO_UDP, 53, outer, 0));
    r->sw.now += 301 * FLOW_SECOND;
    CHECK(!answered(r, IP_PROTO_UDP, 53, outer, 0));
    outer = open_flow(r, IP_PROTO_UDP, 1, 53);
    r->sw.now += 31 * FLOW_SECOND;
    CHECK(!answered(r, IP_PROTO_UDP, 53, outer, 0));
    CHECK_EQ(r->sw.nat.flows.used, 0);
    open_flow(r, IP_PROTO_UDP, 1, 53);
    r->sw.now += 31 * FLOW_SECOND;
    sw_tick(&r->sw);
    CHECK_EQ(r->sw.nat.flows.used, 0);
    rig_end();
}

TEST(nat_follows_a_tcp_connection)
{
    struct rig *r = rig_begin(64);
    uint16_t outer = open_flow(r, IP_PROTO_TCP, 1, 80);

    r->sw.now += 20 * FLOW_SECOND;
    open_flow(r, IP_PROTO_TCP, 1, 80); /* a retry does not renew an unanswered flow */
    r->sw.now += 11 * FLOW_SECOND;
    CHECK(!answered(r, IP_PROTO_TCP, 80, outer, TCP_SYN | TCP_ACK));
    outer = open_flow(r, IP_PROTO_TCP, 1, 80);
    CHECK(answered(r, IP_PROTO_TCP, 80, outer, TCP_SYN | TCP_ACK));
    r->sw.now += 7000 * FLOW_SECOND;
    CHECK(answered(r, IP_PROTO_TCP, 80, outer, TCP_ACK));
    send_more(r, IP_PROTO_TCP, 1, 80, TCP_FIN | TCP_ACK);
    r->sw.now += 239 * FLOW_SECOND; /* half closed lives on while it is used */
    CHECK(answered(r, IP_PROTO_TCP, 80, outer, TCP_ACK));
    CHECK(answered(r, IP_PROTO_TCP, 80, outer, TCP_FIN | TCP_ACK));
    send_more(r, IP_PROTO_TCP, 1, 80, TCP_ACK);
    r->sw.now += 31 * FLOW_SECOND;
    CHECK(!answered(r, IP_PROTO_TCP, 80, outer, TCP_ACK));
    outer = open_flow(r, IP_PROTO_TCP, 1, 80);
    CHECK(answered(r, IP_PROTO_TCP, 80, outer, TCP_SYN | TCP_ACK));
    send_more(r, IP_PROTO_TCP, 1, 80, TCP_FIN | TCP_ACK);
    r->sw.now += 241 * FLOW_SECOND;
    CHECK(!answered(r, IP_PROTO_TCP, 80, outer, TCP_ACK));
    outer = open_flow(r, IP_PROTO_TCP, 1, 80);
    CHECK(answered(r, IP_PROTO_TCP, 80, outer, TCP_RST | TCP_ACK));
    r->sw.now += 31 * FLOW_SECOND;
    CHECK(!answered(r, IP_PROTO_TCP, 80, outer, TCP_ACK));
    rig_end();
}

TEST(nat_gives_each_sandbox_a_share)
{
    struct rig *r = rig_begin(256);
    unsigned int opened = 0;

    for (uint16_t i = 1; i <= 400; i++) { /* no more than half of what is left, then recycled */
        struct spec s = from_box1(IP_PROTO_UDP, i, 53);
        struct frame *f = rig_send(&r->box1, &s);

        if (f != NULL) {
            opened++;
            rig_free(f);
        }
        CHECK(r->box1.flows.count <= 75);
    }
    CHECK_EQ(opened, 400); /* its own unanswered flows made room */
    struct spec other = from_box1(IP_PROTO_UDP, 9, 53);

    other.src = BOX2_IP;
    other.src_mac = mac_box2;
    rig_free(pass(&r->box2, &other, &r->up));
    rig_end();
}

TEST(nat_full_share_of_established_flows_refuses)
{
    struct rig *r = rig_begin(256);
    struct spec s = from_box1(IP_PROTO_UDP, 0, 53);
    unsigned int opened = 0;

    for (uint16_t i = 1; i <= 200; i++) {
        struct frame *f;

        s.sport = i;
        f = rig_send(&r->box1, &s);
        if (f == NULL)
            continue;
        (void)answered(r, IP_PROTO_UDP, 53, sport_of(f), 0);
        opened++;
        rig_free(f);
    }
    CHECK(opened >= 70 && opened <= 75);
    CHECK_EQ(r->box1.drops[SW_DROP_NAT], 200 - opened);
    /* the API still gets through */
    s = from_remote(IP_PROTO_TCP, 1234, 443);
    s.flags = TCP_SYN;
    rig_free(pass(&r->up, &s, &r->mgmt));
    rig_end();
}

TEST(nat_forgets_a_removed_port)
{
    struct rig *r = rig_begin(64);
    uint16_t outer = open_flow(r, IP_PROTO_UDP, 1, 53);

    CHECK(answered(r, IP_PROTO_UDP, 53, outer, 0));
    sw_port_remove(&r->sw, &r->box1);
    CHECK(!answered(r, IP_PROTO_UDP, 53, outer, 0));
    CHECK_EQ(r->sw.nat.flows.used, 0);
    rig_end();
}
