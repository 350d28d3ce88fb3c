/* SPDX-License-Identifier: MIT */
/*
 * The uplink's endpoint, real lwIP on a switch in memory: DHCP against our own server's code
 * playing the site's server, ARP and echo, resolving neighbours, and what a hostile wire may send.
 */
#include <stdlib.h>
#include <string.h>

#include "dhcpd.h"
#include "net_testlib.h"
#include "test.h"
#include "uplink.h"
#include "wire.h"

/* lwIP cannot be started twice, so all cases share one switch; they run in this order. */
static struct sw sw;
static struct frame_pool pool;
static struct frame frames[256];
static uint8_t data[256][FRAME_ROOM];
static struct sw_port port;
static uint32_t now_ms = 5000;

#define SITE_DNS 0xc0a80102U

uint32_t uplink_random(void)
{
    return (uint32_t)rand();
}

_Noreturn void uplink_assert(const char *what)
{
    (void)what;
    abort();
}

static struct frame *next_frame(void)
{
    struct sw_port *p = sw_next_ready(&sw);
    struct frame *f = p == NULL ? NULL : frame_queue_pop(&p->out);

    if (f != NULL && p->out.count != 0)
        sw_set_ready(&sw, p);
    return f;
}

static void input(const uint8_t *frame, size_t len)
{
    struct frame *f = frame_get(&pool);

    CHECK(f != NULL);
    memcpy(f->data, frame, len);
    f->len = (uint16_t)len;
    sw_input(&sw, &port, f);
}

static bool tick(uint32_t ms)
{
    now_ms += ms;
    sw.now = now_ms * 1000000ULL;
    return uplink_tick(now_ms);
}

/* The site's server: answers whatever the client sent last. */
static bool serve(uint8_t expected)
{
    struct dhcpd_lease lease = {
        .ip = UP_IP, .mask = 0xffffff00, .gateway = UP_GW, .dns = SITE_DNS, .seconds = 600};
    struct dhcpd_reply reply;
    struct frame *f;
    uint8_t out[FRAME_ROOM];
    struct spec s = {.src_mac = mac_neighbour,
                     .dst_mac = mac_up,
                     .src = UP_GW,
                     .proto = IP_PROTO_UDP,
                     .sport = 67,
                     .dport = 68};

    memcpy(lease.mac, mac_up, 6);
    while ((f = next_frame()) != NULL) {
        bool dhcp = wire_get16(f->data + 12) == ETH_TYPE_IPV4;
        const uint8_t *udp = f->data + 34;
        int rc = -1;

        if (dhcp) {
            CHECK(checksums_right(f->data, f->len));
            CHECK_EQ(wire_get16(udp), 68);
            CHECK_EQ(udp[8 + 242], expected);
            rc = dhcpd_answer(&lease, udp + 8, wire_get16(udp + 4) - 8U, &reply);
        }
        frame_put(&pool, f);
        if (rc == 0) {
            s.dst = reply.dst_ip;
            s.payload = reply.bytes;
            s.payload_len = reply.len;
            input(out, frame_make(out, &s));
            return true;
        }
    }
    return false;
}

TEST(uplink_gets_an_address_by_dhcp)
{
    static struct uplink_config config;
    struct sw_env env = uplink_env();
    struct sip_key key = {3, 4};
    uint8_t mac[6];

    frame_pool_init(&pool, frames, data[0], 256);
    sw_init(&sw, &pool, &env, 64, calloc(1, flow_table_bytes(64)), &key, now_ms * 1000000ULL);
    CHECK(!env.resolve(env.ctx, UP_GW, mac)); /* harmless before the start */
    CHECK(!tick(10));
    port.kind = SW_UPLINK;
    memcpy(port.mac, mac_up, 6);
    CHECK(sw_port_add(&sw, &port) == 0);
    uplink_start(&sw, &port, &config, now_ms);
    CHECK(!tick(50));
    CHECK(serve(1));
    CHECK(serve(3));
    CHECK(tick(50));
    CHECK_EQ(sw.up.ip, UP_IP);
    CHECK_EQ(sw.up.mask, 0xffffff00);
    CHECK_EQ(sw.up.gateway, UP_GW);
    CHECK_EQ(sw.up.dns, SITE_DNS);
    CHECK(!tick(50));
}

static size_t make_arp(uint8_t *out, uint16_t op, uint32_t spa, uint32_t tpa)
{
    static const uint8_t fixed[6] = {0, 1, 8, 0, 6, 4};

    memset(out, 0, 60);
    memcpy(out, op == 1 ? mac_broadcast : mac_up, 6);
    memcpy(out + 6, mac_neighbour, 6);
    wire_put16(out + 12, ETH_TYPE_ARP);
    memcpy(out + 14, fixed, 6);
    wire_put16(out + 20, op);
    memcpy(out + 22, mac_neighbour, 6);
    wire_put32(out + 28, spa);
    if (op == 2)
        memcpy(out + 32, mac_up, 6);
    wire_put32(out + 38, tpa);
    return 60;
}

static bool asked_for(uint32_t ip)
{
    struct frame *f;
    bool found = false;

    while ((f = next_frame()) != NULL) {
        if (wire_get16(f->data + 12) == ETH_TYPE_ARP && wire_get16(f->data + 20) == 1 &&
            wire_get32(f->data + 38) == ip)
            found = true;
        frame_put(&pool, f);
    }
    return found;
}

TEST(uplink_resolves_its_gateway_at_once)
{
    uint8_t arp[60], mac[6] = {0};
    struct sw_env env = uplink_env();

    CHECK(asked_for(UP_GW));
    CHECK(!env.resolve(env.ctx, UP_GW, mac));
    input(arp, make_arp(arp, 2, UP_GW, UP_IP));
    CHECK(env.resolve(env.ctx, UP_GW, mac));
    CHECK(memcmp(mac, mac_neighbour, 6) == 0);
}

TEST(uplink_keeps_a_packet_while_it_asks)
{
    struct sw_env env = uplink_env();
    struct spec s = {.src_mac = mac_up,
                     .dst_mac = mac_up,
                     .src = UP_IP,
                     .dst = UP_IP + 10,
                     .proto = IP_PROTO_UDP,
                     .sport = 9,
                     .dport = 9,
                     .payload = "x",
                     .payload_len = 1};
    uint8_t frame[FRAME_ROOM], arp[60];
    size_t len = frame_make(frame, &s);
    struct frame *f;

    env.resolve_start(env.ctx, UP_IP + 10, frame + 14, len - 14);
    CHECK(asked_for(UP_IP + 10));
    input(arp, make_arp(arp, 2, UP_IP + 10, UP_IP));
    f = next_frame();
    CHECK(f != NULL && f->len == len && memcmp(f->data, mac_neighbour, 6) == 0);
    CHECK(memcmp(f->data + 14, frame + 14, len - 14) == 0);
    frame_put(&pool, f);
}

TEST(uplink_answers_arp_and_echo)
{
    struct spec s = {.src_mac = mac_neighbour,
                     .dst_mac = mac_up,
                     .src = UP_GW,
                     .dst = UP_IP,
                     .proto = IP_PROTO_ICMP,
                     .sport = 8,
                     .id = 5,
                     .payload = "ping",
                     .payload_len = 4};
    uint8_t frame[FRAME_ROOM];
    struct frame *f;

    input(frame, make_arp(frame, 1, UP_GW, UP_IP));
    f = next_frame();
    CHECK(f != NULL && wire_get16(f->data + 20) == 2 && memcmp(f->data + 22, mac_up, 6) == 0);
    frame_put(&pool, f);
    input(frame, frame_make(frame, &s));
    f = next_frame();
    CHECK(f != NULL && checksums_right(f->data, f->len) && f->data[34] == 0);
    CHECK(memcmp(f->data, mac_neighbour, 6) == 0 && wire_get16(f->data + 38) == 5);
    frame_put(&pool, f);
}

TEST(uplink_renews_its_lease)
{
    CHECK(!tick(50));
    for (unsigned int s = 0; s < 310; s++) {
        struct frame *f = NULL;

        tick(1000);
        f = next_frame();
        if (f == NULL)
            continue;
        if (wire_get16(f->data + 12) == ETH_TYPE_IPV4) {
            CHECK_EQ(f->data[42 + 242], 3);
            CHECK_EQ(wire_get32(f->data + 42 + 12), UP_IP); /* ciaddr */
            frame_put(&pool, f);
            return;
        }
        frame_put(&pool, f);
    }
    CHECK(!"a renewal was sent");
}

TEST(uplink_survives_junk)
{
    uint8_t frame[FRAME_ROOM];
    struct frame *f;

    srand(7);
    for (unsigned int i = 0; i < 20000; i++) {
        size_t len = 14 + (size_t)rand() % 400;

        for (size_t b = 0; b < len; b++)
            frame[b] = (uint8_t)rand();
        memcpy(frame, mac_up, 6);
        if (i % 2 == 0) {
            make_arp(frame, (uint16_t)(rand() % 3), UP_GW + (uint32_t)rand() % 300, UP_IP);
            frame[14 + (unsigned int)rand() % 28] ^= (uint8_t)rand();
            len = 30 + (size_t)rand() % 30;
        } else {
            wire_put16(frame + 12, ETH_TYPE_IPV4);
            frame[14] = 0x45;
            wire_put16(frame + 16, (uint16_t)(len - 14 > 20 ? len - 14 : 20));
            frame[20] = frame[21] = 0;
            frame[23] = i % 4 == 1 ? 1 : 17;
            wire_put32(frame + 34, i % 4 == 1 ? 0x08000000U : 67U << 16 | 68);
            wire_put16(frame + 38, (uint16_t)(len - 34));
            wire_put32(frame + 30, UP_IP);
            wire_put16(frame + 24, 0);
            wire_put16(frame + 24, reference_checksum(frame + 14, 20, 0));
        }
        input(frame, len < 34 && i % 2 ? 60 : len);
        if (i % 64 == 0)
            tick(40);
        while ((f = next_frame()) != NULL)
            frame_put(&pool, f);
    }
    CHECK(port.drops[SW_DROP_BUDGET] > 0);
    tick(5000);
    while ((f = next_frame()) != NULL)
        frame_put(&pool, f);
    CHECK_EQ(pool.free_count, 256);
}

TEST(uplink_parses_options)
{
    static const struct {
        const char *text;
        bool ip, cidr;
    } cases[] = {
        {"10.0.2.15", true, false},    {"10.0.2.15/24", false, true}, {"", false, false},
        {"256.0.0.1", false, false},   {"1.2.3", false, false},       {"1.2.3.4.5", false, false},
        {"1.2.3.4/0", false, false},   {"1.2.3.4/31", false, false},  {"1.2.3.4/", false, false},
        {"1.2.3.4/24x", false, false}, {" 1.2.3.4", false, false},    {"1..3.4", false, false},
        {"0001.2.3.4", false, false},  {"1.2.3.4/8", false, true},    {"-1.2.3.4", false, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t ip = 0, mask = 0;

        CHECK_EQ(uplink_parse_ip(cases[i].text, &ip), cases[i].ip);
        CHECK_EQ(uplink_parse_cidr(cases[i].text, &ip, &mask), cases[i].cidr);
    }
    uint32_t ip, mask;

    CHECK(uplink_parse_cidr("10.0.2.15/24", &ip, &mask));
    CHECK_EQ(ip, 0x0a00020f);
    CHECK_EQ(mask, 0xffffff00);
}
