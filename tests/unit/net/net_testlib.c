/* SPDX-License-Identifier: MIT */
/*
 * Frames and a switch in memory; see net_testlib.h.
 */
#include "net_testlib.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "wire.h"

const uint8_t mac_up[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
const uint8_t mac_mgmt[6] = {0x02, 0x42, 0x48, 0, 0, 2};
const uint8_t mac_box1[6] = {0x02, 0x42, 0x48, 0, 1, 0};
const uint8_t mac_box2[6] = {0x02, 0x42, 0x48, 0, 1, 1};
const uint8_t mac_neighbour[6] = {0x52, 0x55, 0x0a, 0, 2, 2};
const uint8_t mac_broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

#define FRAMES 512U

static struct rig rig;
static struct sw_port *out_port;
static struct frame *frames;
static uint8_t *frame_data;
static void *flow_memory;

static void on_local(void *ctx, const uint8_t *frame, size_t len)
{
    (void)ctx;
    (void)frame;
    (void)len;
    rig.local_frames++;
}

static bool on_resolve(void *ctx, uint32_t ip, uint8_t mac[6])
{
    (void)ctx;
    (void)ip;
    if (rig.neighbours_unknown)
        return false;
    memcpy(mac, mac_neighbour, 6);
    return true;
}

static void on_resolve_start(void *ctx, uint32_t ip, const uint8_t *packet, size_t len)
{
    (void)ctx;
    (void)ip;
    (void)packet;
    (void)len;
    rig.resolve_asked++;
}

static void add(struct sw_port *port, enum sw_kind kind, const uint8_t *mac, uint32_t ip)
{
    port->kind = kind;
    port->ip = ip;
    memcpy(port->mac, mac, 6);
    CHECK_EQ(sw_port_add(&rig.sw, port), 0);
}

struct rig *rig_begin(uint32_t flows)
{
    struct sw_env env = {
        .uplink_local = on_local, .resolve = on_resolve, .resolve_start = on_resolve_start};
    struct sw_uplink up = {.ip = UP_IP, .mask = 0xffffff00U, .gateway = UP_GW, .dns = UP_DNS};
    struct sip_key key = {1, 2};

    free(frames);
    free(frame_data);
    free(flow_memory);
    memset(&rig, 0, sizeof(rig));
    frames = calloc(FRAMES, sizeof(*frames));
    frame_data = malloc((size_t)FRAMES * FRAME_ROOM);
    flow_memory = calloc(1, flow_table_bytes(flows));
    frame_pool_init(&rig.pool, frames, frame_data, FRAMES);
    sw_init(&rig.sw, &rig.pool, &env, flows, flow_memory, &key, 1000 * FLOW_SECOND);
    add(&rig.up, SW_UPLINK, mac_up, 0);
    add(&rig.mgmt, SW_MGMT, mac_mgmt, SW_MGMT_IP);
    add(&rig.box1, SW_SANDBOX, mac_box1, BOX1_IP);
    add(&rig.box2, SW_SANDBOX, mac_box2, BOX2_IP);
    rig.sw.nat.api_outer_port = rig.sw.nat.api_inner_port = 443;
    rig.sw.nat.api_inner_ip = SW_MGMT_IP;
    sw_set_uplink(&rig.sw, &up);
    return &rig;
}

void rig_end(void)
{
    CHECK_EQ(rig.pool.free_count, FRAMES);
    sw_port_remove(&rig.sw, &rig.box1);
    sw_port_remove(&rig.sw, &rig.box2);
    sw_port_remove(&rig.sw, &rig.mgmt);
    CHECK_EQ(rig.sw.nat.flows.used, 0);
    free(frames);
    free(frame_data);
    free(flow_memory);
    frames = NULL;
    frame_data = NULL;
    flow_memory = NULL;
}

uint16_t reference_checksum(const uint8_t *p, size_t len, uint32_t start)
{
    uint64_t sum = start;

    for (size_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint64_t)p[i] << 8 : p[i];
    while (sum > 0xffff)
        sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)~sum;
}

static uint32_t pseudo_sum(const uint8_t *ip, size_t l4_len)
{
    uint8_t pseudo[12] = {0};

    memcpy(pseudo, ip + IP_SRC, 8);
    pseudo[9] = ip[IP_PROTO];
    wire_put16(pseudo + 10, (uint16_t)l4_len);
    return (uint16_t)~reference_checksum(pseudo, sizeof(pseudo), 0);
}

bool checksums_right(const uint8_t *frame, size_t len)
{
    const uint8_t *ip = frame + ETH_HLEN, *l4 = ip + IP_HLEN;
    size_t l4_len = wire_get16(ip + IP_TOTAL) - (size_t)IP_HLEN;

    if (ETH_HLEN + IP_HLEN + l4_len > len || reference_checksum(ip, IP_HLEN, 0) != 0)
        return false;
    if (ip[IP_PROTO] == IP_PROTO_ICMP)
        return reference_checksum(l4, l4_len, 0) == 0;
    if (ip[IP_PROTO] == IP_PROTO_UDP && wire_get16(l4 + UDP_CSUM) == 0)
        return true;
    return reference_checksum(l4, l4_len, pseudo_sum(ip, l4_len)) == 0;
}

static size_t make_l4(uint8_t *l4, const struct spec *s)
{
    size_t header = s->proto == IP_PROTO_TCP ? TCP_HLEN : 8;

    memset(l4, 0, header);
    if (s->payload_len != 0)
        memcpy(l4 + header, s->payload, s->payload_len);
    if (s->proto == IP_PROTO_ICMP) {
        l4[ICMP_TYPE] = (uint8_t)s->sport;
        l4[ICMP_CODE] = (uint8_t)s->dport;
        wire_put16(l4 + ICMP_ECHO_ID, s->id);
        return header + s->payload_len;
    }
    wire_put16(l4, s->sport);
    wire_put16(l4 + 2, s->dport);
    if (s->proto == IP_PROTO_TCP) {
        l4[TCP_OFF] = 0x50;
        l4[TCP_FLAGS] = s->flags;
    } else {
        wire_put16(l4 + UDP_LEN, (uint16_t)(header + s->payload_len));
    }
    return header + s->payload_len;
}

size_t frame_make(uint8_t *out, const struct spec *s)
{
    uint8_t *ip = out + ETH_HLEN, *l4 = ip + IP_HLEN;
    size_t l4_len = make_l4(l4, s);
    uint16_t sum;

    memcpy(out, s->dst_mac, 6);
    memcpy(out + 6, s->src_mac, 6);
    wire_put16(out + ETH_TYPE, ETH_TYPE_IPV4);
    memset(ip, 0, IP_HLEN);
    ip[0] = 0x45;
    wire_put16(ip + IP_TOTAL, (uint16_t)(IP_HLEN + l4_len));
    ip[IP_TTL] = s->ttl != 0 ? s->ttl : 64;
    ip[IP_PROTO] = s->proto;
    wire_put32(ip + IP_SRC, s->src);
    wire_put32(ip + IP_DST, s->dst);
    wire_put16(ip + IP_CSUM, reference_checksum(ip, IP_HLEN, 0));
    if (s->proto == IP_PROTO_ICMP) {
        wire_put16(l4 + ICMP_CSUM, reference_checksum(l4, l4_len, 0));
    } else if (s->proto == IP_PROTO_TCP) {
        wire_put16(l4 + TCP_CSUM, reference_checksum(l4, l4_len, pseudo_sum(ip, l4_len)));
    } else if (!s->no_udp_checksum) {
        sum = reference_checksum(l4, l4_len, pseudo_sum(ip, l4_len));
        wire_put16(l4 + UDP_CSUM, sum == 0 ? 0xffff : sum);
    }
    return ETH_HLEN + IP_HLEN + l4_len;
}

struct frame *rig_send_raw(struct sw_port *port, const void *frame, size_t len)
{
    struct frame *f = frame_get(&rig.pool);

    CHECK(f != NULL && len <= FRAME_ROOM);
    memset(f->data, 0xa5, FRAME_ROOM);
    memcpy(f->data, frame, len);
    f->len = (uint16_t)len;
    sw_input(&rig.sw, port, f);
    out_port = sw_next_ready(&rig.sw);
    if (out_port == NULL)
        return NULL;
    CHECK(sw_next_ready(&rig.sw) == NULL);
    CHECK_EQ(out_port->out.count, 1);
    return frame_queue_pop(&out_port->out);
}

struct frame *rig_send(struct sw_port *port, const struct spec *s)
{
    uint8_t buffer[FRAME_ROOM];

    return rig_send_raw(port, buffer, frame_make(buffer, s));
}

struct sw_port *rig_out_port(void)
{
    return out_port;
}

void rig_free(struct frame *f)
{
    frame_put(&rig.pool, f);
}
