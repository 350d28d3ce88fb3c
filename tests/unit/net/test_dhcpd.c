/* SPDX-License-Identifier: MIT */
/*
 * The DHCP server: whole exchanges through the switch, then hostile and damaged messages.
 */
#include <errno.h>
#include <string.h>

#include "dhcpd.h"
#include "net_testlib.h"
#include "test.h"
#include "wire.h"

struct message {
    uint8_t bytes[600];
    size_t len;
};

static void begin_message(struct message *m, uint8_t type, const uint8_t *mac)
{
    memset(m, 0, sizeof(*m));
    m->bytes[0] = 1;
    m->bytes[1] = 1;
    m->bytes[2] = 6;
    wire_put32(m->bytes + 4, 0xdecafbad);
    memcpy(m->bytes + 28, mac, 6);
    wire_put32(m->bytes + 236, 0x63825363);
    m->bytes[240] = 53;
    m->bytes[241] = 1;
    m->bytes[242] = type;
    m->bytes[243] = 255;
    m->len = 244;
}

static void add_option(struct message *m, uint8_t code, uint32_t value)
{
    m->len--; /* over the end mark */
    m->bytes[m->len] = code;
    m->bytes[m->len + 1] = 4;
    wire_put32(m->bytes + m->len + 2, value);
    m->bytes[m->len + 6] = 255;
    m->len += 7;
}

static const uint8_t *find_option(const uint8_t *reply, size_t len, uint8_t code)
{
    for (size_t i = 240; i + 1 < len && reply[i] != 255; i += 2 + (size_t)reply[i + 1]) {
        if (reply[i] == code)
            return reply + i + 2;
    }
    return NULL;
}

static uint32_t option32(const uint8_t *reply, size_t len, uint8_t code)
{
    const uint8_t *o = find_option(reply, len, code);

    return o == NULL ? 0 : wire_get32(o);
}

static const struct dhcpd_lease lease = {.mac = {2, 0x42, 0x48, 0, 1, 0},
                                         .ip = BOX1_IP,
                                         .mask = 0xffff0000,
                                         .gateway = SW_GATEWAY_IP,
                                         .dns = UP_DNS,
                                         .seconds = 3600};

TEST(dhcpd_leases_the_ports_address_through_the_switch)
{
    struct rig *r = rig_begin(64);
    struct message m;
    struct spec s = {.src_mac = mac_box1,
                     .dst_mac = mac_broadcast,
                     .dst = 0xffffffff,
                     .proto = IP_PROTO_UDP,
                     .sport = 68,
                     .dport = 67};
    static const uint8_t types[][2] = {{1, 2}, {3, 5}};

    for (size_t i = 0; i < 2; i++) {
        struct frame *f;
        const uint8_t *reply;

        begin_message(&m, types[i][0], mac_box1);
        if (i == 1) {
            add_option(&m, 50, BOX1_IP);
            add_option(&m, 54, SW_GATEWAY_IP);
        }
        s.payload = m.bytes;
        s.payload_len = m.len;
        f = rig_send(&r->box1, &s);
        CHECK(f != NULL && rig_out_port() == &r->box1 && checksums_right(f->data, f->len));
        CHECK(memcmp(f->data, mac_box1, 6) == 0 && memcmp(f->data + 6, sw_gateway_mac, 6) == 0);
        CHECK_EQ(wire_get32(f->data + 26), SW_GATEWAY_IP);
        CHECK_EQ(wire_get32(f->data + 30), BOX1_IP);
        CHECK_EQ(wire_get32(f->data + 34), 67U << 16 | 68);
        reply = f->data + 42;
        CHECK_EQ(wire_get32(reply + 4), 0xdecafbad);
        CHECK_EQ(wire_get32(reply + 16), BOX1_IP);
        CHECK_EQ(find_option(reply, 300, 53)[0], types[i][1]);
        CHECK_EQ(option32(reply, 300, 1), 0xffff0000);
        CHECK_EQ(option32(reply, 300, 3), SW_GATEWAY_IP);
        CHECK_EQ(option32(reply, 300, 6), UP_DNS);
        CHECK_EQ(option32(reply, 300, 51), 3600);
        CHECK_EQ(option32(reply, 300, 54), SW_GATEWAY_IP);
        rig_free(f);
    }
    r->sw.up.dns = 0; /* not known yet: a short lease, so that it is asked for again */
    struct frame *f = rig_send(&r->box1, &s);

    CHECK(f != NULL);
    CHECK_EQ(option32(f->data + 42, 300, 51), 60);
    rig_free(f);
    rig_end();
}

TEST(dhcpd_is_not_for_spoofers)
{
    struct rig *r = rig_begin(64);
    struct message m;
    struct spec s = {.src_mac = mac_box1,
                     .dst_mac = mac_broadcast,
                     .dst = 0xffffffff,
                     .proto = IP_PROTO_UDP,
                     .sport = 68,
                     .dport = 67,
                     .payload = m.bytes};

    begin_message(&m, 1, mac_box2); /* another's hardware address inside */
    s.payload_len = m.len;
    CHECK(rig_send(&r->box1, &s) == NULL);
    begin_message(&m, 1, mac_box1);
    s.src = BOX2_IP;
    CHECK(rig_send(&r->box1, &s) == NULL);
    CHECK_EQ(r->box1.drops[SW_DROP_SPOOF], 1);
    s.src = 0;
    s.sport = 67; /* a rogue server's answer */
    s.dport = 68;
    CHECK(rig_send(&r->box1, &s) == NULL);
    rig_end();
}

TEST(dhcpd_answers_by_message_type)
{
    static const struct {
        uint8_t type;
        uint32_t requested, ciaddr, server;
        uint8_t answer; /* 0: none */
    } cases[] = {
        {1, 0, 0, 0, 2},
        {1, BOX2_IP, 0, 0, 2}, /* wishes do not matter */
        {3, BOX1_IP, 0, SW_GATEWAY_IP, 5},
        {3, BOX1_IP, 0, 0, 5}, /* after a reboot */
        {3, 0, BOX1_IP, 0, 5}, /* renewal */
        {3, BOX2_IP, 0, 0, 6},
        {3, 0, BOX2_IP, 0, 6},
        {3, 0, 0, 0, 6},
        {3, BOX1_IP, 0, 0x01020304, 0},    /* the client chose another server */
        {4, BOX1_IP, 0, SW_GATEWAY_IP, 0}, /* decline */
        {7, 0, BOX1_IP, SW_GATEWAY_IP, 0}, /* release */
        {8, 0, BOX1_IP, 0, 5},             /* inform */
        {2, 0, 0, 0, 0},
        {5, 0, 0, 0, 0},
        {0, 0, 0, 0, 0},
        {255, 0, 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message m;
        struct dhcpd_reply reply;
        int rc;

        begin_message(&m, cases[i].type, lease.mac);
        wire_put32(m.bytes + 12, cases[i].ciaddr);
        if (cases[i].requested != 0)
            add_option(&m, 50, cases[i].requested);
        if (cases[i].server != 0)
            add_option(&m, 54, cases[i].server);
        rc = dhcpd_answer(&lease, m.bytes, m.len, &reply);
        CHECK_EQ(rc, cases[i].answer == 0 ? -EINVAL : 0);
        if (rc != 0)
            continue;
        CHECK_EQ(find_option(reply.bytes, reply.len, 53)[0], cases[i].answer);
        CHECK_EQ(reply.dst_ip, cases[i].answer == 6 ? 0xffffffff : BOX1_IP);
        CHECK_EQ(wire_get32(reply.bytes + 16),
                 cases[i].answer == 6 || cases[i].type == 8 ? 0 : BOX1_IP);
        CHECK_EQ(option32(reply.bytes, reply.len, 51),
                 cases[i].answer == 6 || cases[i].type == 8 ? 0 : 3600);
    }
}

TEST(dhcpd_honours_the_broadcast_flag_and_a_missing_dns)
{
    struct message m;
    struct dhcpd_reply reply;
    struct dhcpd_lease no_dns = lease;

    no_dns.dns = 0;
    begin_message(&m, 1, lease.mac);
    m.bytes[10] = 0x80;
    CHECK_EQ(dhcpd_answer(&no_dns, m.bytes, m.len, &reply), 0);
    CHECK_EQ(reply.dst_ip, 0xffffffff);
    CHECK(find_option(reply.bytes, reply.len, 6) == NULL);
}

TEST(dhcpd_survives_damaged_messages)
{
    struct message m;
    struct dhcpd_reply reply;

    begin_message(&m, 1, lease.mac);
    add_option(&m, 50, BOX1_IP);
    for (size_t len = 0; len < 243; len++) {
        struct message cut;

        memcpy(&cut, &m, sizeof(cut));
        CHECK_EQ(dhcpd_answer(&lease, cut.bytes, len, &reply), -EINVAL);
    }
    m.bytes[244] = 255; /* an option that says it is longer than the message */
    CHECK_EQ(dhcpd_answer(&lease, m.bytes, m.len, &reply), -EINVAL);
    begin_message(&m, 1, lease.mac);
    m.len--; /* no end mark: fine */
    CHECK_EQ(dhcpd_answer(&lease, m.bytes, m.len, &reply), 0);
    m.bytes[m.len++] = 50; /* a code without its length */
    CHECK_EQ(dhcpd_answer(&lease, m.bytes, m.len, &reply), -EINVAL);
    static const unsigned int headers[] = {0, 1, 2, 24, 28, 33, 236, 239};

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        begin_message(&m, 1, lease.mac);
        m.bytes[headers[i]] ^= 0x41;
        CHECK_EQ(dhcpd_answer(&lease, m.bytes, m.len, &reply), -EINVAL);
    }
}
