/* SPDX-License-Identifier: MIT */
/*
 * The packet side of the back end on a real switch: two interfaces, one of which turns hostile; and
 * connecting when each step in turn fails, with nothing left behind.
 */
#include <errno.h>
#include <rt/rt.h>
#include <string.h>

#include "netback.h"
#include "net_testlib.h"
#include "test.h"
#include "vif.h"
#include "wire.h"

#define BOX3_IP 0x0a4d0102U
#define BOX4_IP 0x0a4d0103U

static uint8_t rings[4][RING_PAGE] __attribute__((aligned(4096)));
static uint8_t guest_page[RING_PAGE] __attribute__((aligned(4096)));
static unsigned int mapped, bound, sent, wakes, step, fail_at;
static evtchn_fn *handlers[8];
static void *handler_args[8];

/* ---- the runtime ---- */

static bool fails(void)
{
    return ++step == fail_at;
}

int gnt_map(uint16_t dom, const grant_ref *refs, uint32_t n, bool readonly, struct gnt_mapping *m)
{
    (void)dom;
    CHECK(n == 1 && !readonly && refs[0] < 4);
    if (fails())
        return -EINVAL;
    mapped++;
    m->addr = rings[refs[0]];
    m->n = 1;
    return 0;
}

void gnt_unmap(struct gnt_mapping *m)
{
    if (m->addr == NULL)
        return;
    mapped--;
    m->addr = NULL;
}

int gnt_copy(struct gnt_copy *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ops[i].status = 0;
        if (ops[i].to_foreign)
            memcpy(guest_page + ops[i].offset, ops[i].local, ops[i].length);
        else
            memcpy(ops[i].local, guest_page + ops[i].offset, ops[i].length);
    }
    return 0;
}

int evtchn_bind_interdomain(uint16_t remote, evtchn_port remote_port, evtchn_port *port)
{
    (void)remote;
    if (fails())
        return -EINVAL;
    bound++;
    *port = remote_port;
    return 0;
}

int evtchn_set_handler(evtchn_port port, evtchn_fn *fn, void *arg)
{
    handlers[port] = fn;
    handler_args[port] = arg;
    return 0;
}

int evtchn_close(evtchn_port port)
{
    handlers[port] = NULL;
    bound--;
    return 0;
}

int evtchn_send(evtchn_port port)
{
    CHECK(handlers[port] != NULL);
    sent++;
    return 0;
}

void waitq_wake_all(struct waitq *wq)
{
    (void)wq;
    wakes++;
}

void rt_log(const char *fmt, ...)
{
    (void)fmt;
}

int vif_watch_start(void)
{
    return 0;
}

/* ---- two interfaces ---- */

static struct vif good, bad;
static struct waitq wake;

static void setup_vif(struct vif *v, uint16_t domid, uint32_t ip, uint8_t last)
{
    memset(v, 0, sizeof(*v));
    v->domid = domid;
    v->port.kind = SW_SANDBOX;
    v->port.ip = ip;
    memcpy(v->port.mac, mac_box1, 6);
    v->port.mac[5] = last;
}

static struct rig *begin(void)
{
    struct rig *r = rig_begin(64);

    memset(rings, 0, sizeof(rings));
    step = fail_at = mapped = bound = sent = 0;
    setup_vif(&good, 5, BOX3_IP, 3);
    setup_vif(&bad, 6, BOX4_IP, 4);
    good.next = &bad;
    bad.next = NULL;
    vifs = &good;
    CHECK_EQ(netback_start(&r->sw, &wake), 0);
    return r;
}

static void event(struct vif *v)
{
    handlers[v->evtchn](v->evtchn, handler_args[v->evtchn]);
}

/* An echo request to the gateway from the interface, in its ring. */
static void ping(struct vif *v, unsigned int page)
{
    struct netif_tx_sring *s = (void *)rings[page];
    struct spec e = {.src_mac = v->port.mac,
                     .dst_mac = sw_gateway_mac,
                     .src = v->port.ip,
                     .dst = SW_GATEWAY_IP,
                     .proto = IP_PROTO_ICMP,
                     .sport = 8,
                     .id = 9};
    size_t len = frame_make(guest_page, &e);

    s->ring[s->req_prod % 256].req = (struct netif_tx_request){8, 0, 0, 7, (uint16_t)len};
    s->req_prod++;
}

TEST(netback_moves_packets_and_closes_only_who_cheats)
{
    static const struct vif_rings good_rings = {0, 1, 1}, bad_rings = {2, 3, 2};
    struct rig *r = begin();
    struct netif_rx_sring *rx = (void *)rings[1];

    CHECK_EQ(vif_connect(&good, &good_rings), 0);
    CHECK_EQ(vif_connect(&bad, &bad_rings), 0);
    CHECK_EQ(mapped, 4);
    netback_take();
    ping(&good, 0);
    rx->req_prod = 1; /* one buffer */
    ((struct netif_tx_sring *)(void *)rings[2])->req_prod = 5000;
    event(&bad);
    event(&good);
    CHECK(!netback_take());
    CHECK(good.connected && !bad.connected && bad.failed);
    CHECK_EQ(mapped, 2);
    CHECK_EQ(bound, 1);
    CHECK(sw_next_ready(&r->sw) == &good.port);
    netback_deliver(&good.port);
    CHECK_EQ(((struct netif_tx_sring *)(void *)rings[0])->rsp_prod, 1);
    CHECK_EQ(rx->rsp_prod, 1);
    CHECK_EQ(rx->ring[0].rsp.status, 42);
    CHECK_EQ(guest_page[34], 0); /* the reply */
    CHECK(!sw_next_ready(&r->sw));
    rx->req_prod = 0x7fffffff; /* now this one */
    ping(&good, 0);
    event(&good);
    netback_take();
    CHECK(sw_next_ready(&r->sw) == &good.port);
    netback_deliver(&good.port);
    CHECK(good.failed && !good.connected);
    CHECK_EQ(mapped, 0);
    CHECK_EQ(bound, 0);
    CHECK(sw_next_ready(&r->sw) == NULL);
    vif_disconnect(&good); /* harmless */
    rig_end();
}

TEST(netback_keeps_frames_until_there_are_buffers)
{
    static const struct vif_rings good_rings = {0, 1, 1};
    struct rig *r = begin();
    struct netif_rx_sring *rx = (void *)rings[1];

    CHECK_EQ(vif_connect(&good, &good_rings), 0);
    ping(&good, 0);
    event(&good);
    netback_take();
    CHECK(sw_next_ready(&r->sw) == &good.port);
    netback_deliver(&good.port);
    CHECK_EQ(good.port.out.count, 1);
    CHECK_EQ(rx->req_event, 1);
    rx->req_prod = 1;
    event(&good);
    netback_take();
    CHECK(sw_next_ready(&r->sw) == &good.port);
    netback_deliver(&good.port);
    CHECK_EQ(rx->rsp_prod, 1);
    vif_disconnect(&good);
    rig_end();
}

TEST(netback_undoes_a_connection_that_fails)
{
    static const struct vif_rings good_rings = {0, 1, 1};
    struct rig *r;

    for (unsigned int at = 1; at <= 4; at++) {
        r = begin();
        fail_at = at;
        if (at == 4)
            good.port.ip = BOX1_IP; /* taken: the switch refuses */
        CHECK(vif_connect(&good, &good_rings) != 0);
        CHECK(!good.connected);
        CHECK_EQ(mapped, 0);
        CHECK_EQ(bound, 0);
        rig_end();
    }
    r = begin();
    CHECK_EQ(vif_connect(&good, &good_rings), 0);
    ping(&good, 0);
    event(&good);
    netback_take(); /* disconnected with a frame still queued */
    vif_disconnect(&good);
    CHECK(sw_next_ready(&r->sw) == NULL);
    CHECK_EQ(mapped, 0);
    rig_end();
}
