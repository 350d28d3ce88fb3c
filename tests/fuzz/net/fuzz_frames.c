/* SPDX-License-Identifier: MIT */
/*
 * Frames through the switch: each input is a run of records (one byte of port and flags, one of
 * clock, two of length, then a frame without its MAC addresses, which are filled in so that the
 * checks behind them are reached). Sanitizers find memory errors; lost frames and wrong flow counts
 * abort. make fuzz-net && build/tests/fuzz/net_frames -max_total_time=60
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "switch.h"
#include "wire.h"

#define FRAMES 64U
#define FLOWS 64U

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static const uint8_t macs[4][6] = {{0x52, 0x54, 0, 1, 2, 3},
                                   {2, 0x42, 0x48, 0, 0, 2},
                                   {2, 0x42, 0x48, 0, 1, 0},
                                   {2, 0x42, 0x48, 0, 1, 1}};
static struct sw sw;
static struct sw_port ports[4];
static struct frame_pool pool;
static struct frame frames[FRAMES];

static void on_local(void *ctx, const uint8_t *frame, size_t len)
{
    (void)ctx;
    if (len < ETH_HLEN || frame == NULL)
        abort();
}

static bool on_resolve(void *ctx, uint32_t ip, uint8_t mac[6])
{
    (void)ctx;
    memset(mac, 6, 6);
    return (ip & 1) == 0;
}

static void on_resolve_start(void *ctx, uint32_t ip, const uint8_t *packet, size_t len)
{
    (void)ctx;
    (void)ip;
    if (len < IP_HLEN || packet[0] != 0x45)
        abort();
}

static void start(uint8_t *data, void *flows)
{
    struct sw_env env = {
        .uplink_local = on_local, .resolve = on_resolve, .resolve_start = on_resolve_start};
    struct sw_uplink up = {0xc0a8010a, 0xffffff00, 0xc0a80102, 0xc0a80103};
    struct sip_key key = {1, 2};
    static const uint32_t ips[4] = {0, SW_MGMT_IP, SW_FIRST_SANDBOX_IP, SW_FIRST_SANDBOX_IP + 1};

    frame_pool_init(&pool, frames, data, FRAMES);
    sw_init(&sw, &pool, &env, FLOWS, flows, &key, 1);
    for (unsigned int i = 0; i < 4; i++) {
        ports[i].kind = i == 0 ? SW_UPLINK : i == 1 ? SW_MGMT : SW_SANDBOX;
        ports[i].ip = ips[i];
        memcpy(ports[i].mac, macs[i], 6);
        if (sw_port_add(&sw, &ports[i]) != 0)
            abort();
    }
    sw.nat.api_inner_ip = SW_MGMT_IP;
    sw.nat.api_inner_port = sw.nat.api_outer_port = 443;
    sw_set_uplink(&sw, &up);
}

/* Nothing may come out of a sandbox's port that is not from the gateway or through NAT to it. */
static void drain(void)
{
    struct sw_port *p;

    while ((p = sw_next_ready(&sw)) != NULL) {
        struct frame *f;

        while ((f = frame_queue_pop(&p->out)) != NULL) {
            if (f->len < ETH_HLEN || f->len > ETH_FRAME_MAX)
                abort();
            if (p->kind == SW_UPLINK && wire_get32(f->data + ETH_HLEN + IP_SRC) != sw.up.ip)
                abort();
            if (p->kind != SW_UPLINK && (memcmp(f->data + ETH_DST, p->mac, 6) != 0 ||
                                         memcmp(f->data + ETH_SRC, sw_gateway_mac, 6) != 0))
                abort();
            frame_put(&pool, f);
        }
    }
}

static void send(unsigned int flags, const uint8_t *body, size_t len)
{
    unsigned int port = flags & 3;
    struct frame *f = frame_get(&pool);

    if (f == NULL)
        abort();
    memcpy(f->data + ETH_DST, port == 0 ? macs[0] : sw_gateway_mac, 6);
    memcpy(f->data + ETH_SRC, port == 0 ? (const uint8_t *)"\6\6\6\6\6\6" : macs[port], 6);
    if ((flags & 4) != 0)
        memset(f->data + ETH_DST, 0xff, 6);
    memcpy(f->data + ETH_TYPE, body, len);
    f->len = (uint16_t)(ETH_TYPE + len);
    f->checksum_blank = (flags & 8) != 0;
    if ((flags & 16) == 0 && f->len >= ETH_HLEN + IP_HLEN) { /* a right header checksum */
        wire_put16(f->data + ETH_HLEN + IP_CSUM, 0);
        wire_put16(f->data + ETH_HLEN + IP_CSUM,
                   csum_finish(csum_add(0, f->data + ETH_HLEN, IP_HLEN)));
    }
    sw_input(&sw, &ports[port], f);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static uint8_t *data;
    void *flows = calloc(1, flow_table_bytes(FLOWS));

    if (data == NULL)
        data = malloc((size_t)FRAMES * FRAME_ROOM);
    start(data, flows);
    while (size >= 4) {
        size_t len = wire_get16(input + 2) % (ETH_FRAME_MAX - ETH_TYPE + 1);

        if (len > size - 4)
            len = size - 4;
        sw.now += (uint64_t)input[1] * FLOW_SECOND / 4;
        send(input[0], input + 4, len);
        if ((input[0] & 32) == 0)
            drain();
        if ((input[0] & 64) != 0)
            sw_tick(&sw);
        input += 4 + len;
        size -= 4 + len;
    }
    drain();
    for (unsigned int i = 0; i < 4; i++)
        sw_port_remove(&sw, &ports[i]);
    if (pool.free_count != FRAMES || sw.nat.flows.used != 0)
        abort();
    free(flows);
    return 0;
}
