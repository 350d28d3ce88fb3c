/* SPDX-License-Identifier: MIT */
/*
 * The network domain: puts the switch, the network card, the uplink's stack and the back end
 * together and runs the loop that moves packets. The loop is one thread; store and status have
 * theirs. A missing card is not fatal: sandboxes and mgmt then only have the gateway.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rt/event.h>
#include <rt/rt.h>
#include <rt/thread.h>
#include <rt/xs.h>

#include "netback.h"
#include "nic.h"
#include "uplink.h"

#define FRAMES 1024U   /* 2 MB */
#define FLOWS 16384U   /* 1.5 MB */
#define NIC_BUDGET 64U /* frames a round */
#define ROUNDS_MAX 16U /* before other threads get their turn */
#define MS 1000000ULL
#define TICK (10 * MS)
#define NIC_LOOK (100 * MS)
#define POLL_BUSY (MS / 4) /* how often an idle domain looks at the card */
#define POLL_IDLE (2 * MS)
#define BUSY_TIME (50 * MS)

static struct sw sw;
static struct frame_pool pool;
static struct sw_port uplink_port = {.kind = SW_UPLINK};
static struct nic *nic;
static struct uplink_config config;
static struct waitq work, status_changed;
static uint64_t last_traffic;
static const char *state = "starting";

/* ---- given to lwIP ---- */

uint32_t uplink_random(void)
{
    uint32_t value;

    rt_random(&value, sizeof(value));
    return value;
}

_Noreturn void uplink_assert(const char *what)
{
    rt_panic("net: lwIP: %s\n", what);
}

/* ---- status for mgmt ---- */

#define IP_FMT "%u.%u.%u.%u"
#define IP_ARGS(ip) (ip) >> 24, (ip) >> 16 & 255U, (ip) >> 8 & 255U, (ip)&255U

static void write_status(const struct sw_uplink *up)
{
    char text[160];
    const uint8_t *mac = nic != NULL ? nic->mac : uplink_port.mac;

    xs_write(XS_TX_NONE, "data/state", state);
    if (up->ip == 0) {
        xs_rm(XS_TX_NONE, "data/uplink");
        return;
    }
    snprintf(text, sizeof(text),
             IP_FMT "/%d " IP_FMT " " IP_FMT " %02x:%02x:%02x:%02x:%02x:%02x %s", IP_ARGS(up->ip),
             __builtin_popcount(up->mask), IP_ARGS(up->gateway), IP_ARGS(up->dns), mac[0], mac[1],
             mac[2], mac[3], mac[4], mac[5], nic->ops->name);
    xs_write(XS_TX_NONE, "data/uplink", text);
    rt_log("net: uplink %s\n", text);
}

/* Writing waits for the store, so it is not the packet loop's business. */
static void status_thread(void *arg)
{
    struct sw_uplink told = {.ip = ~0U};
    const char *told_state = NULL;

    (void)arg;
    for (;;) {
        struct sw_uplink now = sw.up;

        if (memcmp(&now, &told, sizeof(now)) != 0 || state != told_state) {
            told = now;
            told_state = state;
            write_status(&now);
        } else {
            waitq_wait(&status_changed, WAIT_FOREVER);
        }
    }
}

static void set_state(const char *to)
{
    state = to;
    waitq_wake_all(&status_changed);
}

/* ---- the card ---- */

static int poll_nic(void *arg)
{
    static uint64_t last_try;

    (void)arg;
    if (!nic->ops->pending(nic)) {
        /* Frames that the card had no room for: tried again, but not in a busy loop. */
        if (uplink_port.out.count == 0 || rt_now() - last_try < POLL_BUSY)
            return 0;
        last_try = rt_now();
    }
    waitq_wake_all(&work);
    return 1;
}

static void start_uplink(void)
{
    int rc;

    memcpy(uplink_port.mac, nic->mac, 6);
    rc = sw_port_add(&sw, &uplink_port);
    if (rc == 0)
        rc = rt_poll_add(poll_nic, NULL);
    if (rc != 0)
        rt_panic("net: uplink: %d\n", rc);
    rt_log("net: %s %02x:%02x:%02x:%02x:%02x:%02x\n", nic->ops->name, nic->mac[0], nic->mac[1],
           nic->mac[2], nic->mac[3], nic->mac[4], nic->mac[5]);
    uplink_start(&sw, &uplink_port, &config, (uint32_t)(sw.now / MS));
    set_state(config.fixed ? "fixed" : "dhcp");
}

/* Tries the functions that mgmt gave us so far, each once. */
static struct nic *find_nic(void)
{
    static uint32_t next;
    struct pci_fn fn;
    struct nic *found = NULL;

    while (found == NULL && pci_get(next, &fn) == 0) {
        int rc = -ENODEV;

        next++;
        if (fn.class_code >> 8 != PCI_CLASS_ETHERNET)
            continue;
        rc = virtio_net_probe(&fn, &found);
        if (rc == -ENODEV)
            rc = e1000_probe(&fn, &found);
        if (rc != 0)
            rt_log("net: no driver for %04x:%04x: %d\n", fn.vendor, fn.device, rc);
    }
    return found;
}

/* Assignment may come after our start; mgmt says "none" when there is nothing to assign. */
static void nic_thread(void *arg)
{
    (void)arg;
    for (;;) {
        struct nic *found = find_nic();
        char *value = NULL;
        bool none;

        if (found != NULL) {
            nic = found;
            start_uplink();
            return;
        }
        none = xs_read(XS_TX_NONE, "data/nic", &value, NULL) == 0 && strcmp(value, "none") == 0;
        free(value);
        if (none)
            break;
        thread_sleep(NIC_LOOK);
    }
    rt_log("net: no network card\n");
    set_state("no-nic");
}

static bool receive_from_nic(void)
{
    for (unsigned int i = 0; i < NIC_BUDGET; i++) {
        struct frame *f = frame_get(&pool);
        int len;

        if (f == NULL)
            return false;
        len = nic->ops->receive(nic, f->data);
        if (len > 0) {
            f->len = (uint16_t)len;
            sw_input(&sw, &uplink_port, f);
            last_traffic = sw.now;
            continue;
        }
        frame_put(&pool, f);
        if (len == 0)
            return false;
    }
    return true;
}

static void send_to_nic(void)
{
    struct frame *f;

    while ((f = uplink_port.out.head) != NULL) {
        if (nic->ops->send(nic, f->data, f->len) == -EAGAIN) {
            sw_set_ready(&sw, &uplink_port); /* full: next round */
            return;
        }
        frame_put(&pool, frame_queue_pop(&uplink_port.out));
        last_traffic = sw.now;
    }
}

/* ---- the loop ---- */

/* One round: take in, judge, deliver. True: there is more to take in. */
static bool run_round(void)
{
    struct sw_port *port, *full = NULL;
    bool more = false;

    sw.now = rt_now();
    if (nic != NULL)
        more = receive_from_nic();
    more |= netback_take();
    while ((port = sw_next_ready(&sw)) != NULL && port != full) {
        if (port->kind != SW_UPLINK) {
            netback_deliver(port);
            continue;
        }
        send_to_nic();
        if (port->ready)
            full = port;
    }
    if (full != NULL)
        sw_set_ready(&sw, full);
    if (nic != NULL)
        nic->ops->kick(nic);
    return more;
}

static void run_timers(void)
{
    static uint64_t next_tick;

    if (sw.now < next_tick)
        return;
    next_tick = sw.now + TICK;
    sw_tick(&sw);
    if (uplink_tick((uint32_t)(sw.now / MS)))
        set_state(sw.up.ip != 0 ? "up" : "dhcp");
}

static void switch_loop(void)
{
    for (;;) {
        bool more = true;

        for (unsigned int i = 0; more && i < ROUNDS_MAX; i++)
            more = run_round();
        run_timers();
        rt_poll_set_interval(sw.now - last_traffic < BUSY_TIME ? POLL_BUSY : POLL_IDLE);
        if (more)
            thread_yield();
        else
            waitq_wait(&work, sw.now + TICK);
    }
}

/* ---- start ---- */

static void read_options(void)
{
    char text[64];

    sw.nat.api_inner_ip = SW_MGMT_IP;
    sw.nat.api_inner_port = 443;
    sw.nat.api_outer_port = (uint16_t)rt_option_u64("net.api_port", 443);
    if (rt_option("net.dns", text, sizeof(text)) == 0 &&
        !uplink_parse_ip(text, &config.address.dns))
        rt_log("net: net.dns=%s is not an address\n", text);
    if (rt_option("net.address", text, sizeof(text)) != 0 || strcmp(text, "dhcp") == 0)
        return;
    if (!uplink_parse_cidr(text, &config.address.ip, &config.address.mask)) {
        rt_log("net: net.address=%s is not A.B.C.D/LEN: using DHCP\n", text);
        return;
    }
    config.fixed = true;
    if (rt_option("net.gateway", text, sizeof(text)) == 0 &&
        !uplink_parse_ip(text, &config.address.gateway))
        rt_log("net: net.gateway=%s is not an address\n", text);
}

static void setup_switch(void)
{
    struct frame *frames = calloc(FRAMES, sizeof(*frames));
    size_t flow_pages = (flow_table_bytes(FLOWS) + RT_PAGE - 1) / RT_PAGE;
    uint8_t *data = rt_pages_alloc(FRAMES * FRAME_ROOM / RT_PAGE);
    void *flows = rt_pages_alloc(flow_pages);
    struct sw_env env = uplink_env();
    struct sip_key key;

    if (frames == NULL || data == NULL || flows == NULL)
        rt_panic("net: not enough memory\n");
    rt_random(&key, sizeof(key));
    frame_pool_init(&pool, frames, data, FRAMES);
    sw_init(&sw, &pool, &env, FLOWS, flows, &key, rt_now());
}

int rt_main(void)
{
    int rc;

    setup_switch();
    read_options();
    rc = xs_init_ring();
    if (rc == 0)
        rc = netback_start(&sw, &work);
    if (rc == 0)
        rc = thread_create(status_thread, NULL, "status", 0);
    if (rc == 0)
        rc = thread_create(nic_thread, NULL, "nic", 0);
    if (rc != 0)
        rt_panic("net: start: %d\n", rc);
    switch_loop();
    return 0;
}
