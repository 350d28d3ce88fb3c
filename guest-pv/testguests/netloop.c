/* SPDX-License-Identifier: MIT */
/*
 * netfront against a back end in the same domain: a small xenstore answers the local transport, a
 * thread plays the back end (maps the rings, copies by grants) and sends every frame back. Then the
 * back end lies, and netfront must give up the connection instead of believing it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/io/netif.h>
#include <xen/io/xenbus.h>
#include <xen/io/xs_wire.h>

#include "pv/netfront.h"
#include "report.h"
#include "rt/event.h"
#include "rt/grant.h"
#include "rt/thread.h"
#include "rt/xs.h"

#define FRONT "device/vif/0"
#define BACK "backend/vif/0"
#define DEADLINE (rt_now() + UINT64_C(10000000000))
#define FRAMES 2000U
#define BAD_ID 60000U

/* The store: keys in a list, watches that match by prefix, transactions that always succeed. */
struct entry {
    struct entry *next;
    char *path, *value;
};
struct watch {
    struct watch *next;
    char *path, *token;
};
static struct entry *entries;
static struct watch *watches;

static struct entry *find(const char *path)
{
    struct entry *e = entries;

    while (e != NULL && strcmp(e->path, path) != 0)
        e = e->next;
    return e;
}

static void put(const char *path, const char *value)
{
    struct entry *e = find(path);

    if (e == NULL) {
        e = calloc(1, sizeof(*e));
        e->path = strdup(path);
        e->next = entries;
        entries = e;
    }
    free(e->value);
    e->value = strdup(value);
    for (struct watch *w = watches; w != NULL; w = w->next) {
        if (strncmp(path, w->path, strlen(w->path)) == 0)
            xs_deliver_watch(path, w->token);
    }
}

static void add_watch(const char *path, const char *token)
{
    struct watch *w = calloc(1, sizeof(*w));

    w->path = strdup(path);
    w->token = strdup(token);
    w->next = watches;
    watches = w;
    xs_deliver_watch(path, token);
}

static void remove_watch(const char *token)
{
    for (struct watch **link = &watches; *link != NULL; link = &(*link)->next) {
        struct watch *w = *link;

        if (strcmp(w->token, token) == 0) {
            *link = w->next;
            free(w->path);
            free(w->token);
            free(w);
            return;
        }
    }
}

static int answer(const char *text, void **out, size_t *out_len)
{
    *out = strdup(text);
    *out_len = strlen(text);
    return 0;
}

static int store(void *ctx, uint32_t type, uint32_t tx, const void *in, size_t in_len, void **out,
                 size_t *out_len)
{
    char path[256], value[1024];
    size_t path_len = strnlen(in, in_len);

    (void)ctx;
    (void)tx;
    if (path_len >= sizeof(path) || in_len - path_len >= sizeof(value))
        return -E2BIG;
    memcpy(path, in, path_len);
    path[path_len] = '\0';
    value[0] = '\0';
    if (in_len > path_len) {
        memcpy(value, (const char *)in + path_len + 1, in_len - path_len - 1);
        value[in_len - path_len - 1] = '\0';
    }
    switch (type) {
    case XS_READ:
        return find(path) != NULL ? answer(find(path)->value, out, out_len) : -ENOENT;
    case XS_WRITE:
        put(path, value);
        return 0;
    case XS_WATCH:
        add_watch(path, value);
        return 0;
    case XS_UNWATCH:
        remove_watch(value);
        return 0;
    case XS_TRANSACTION_START:
        return answer("7", out, out_len);
    case XS_TRANSACTION_END:
        return 0;
    default:
        return -ENOSYS;
    }
}

/* The back end. */
static struct {
    uint16_t id; /* of both sides */
    struct netif_tx_back_ring tx;
    struct netif_rx_back_ring rx;
    struct gnt_mapping tx_map, rx_map;
    evtchn_port port;
    struct waitq event;
    bool stop, stopped, lie;
    unsigned int copy_errors;
} back;
static uint8_t *bounce;

static uint32_t read_number(const char *path)
{
    uint64_t value = 0;

    if (xs_read_u64(XS_TX_NONE, path, &value) != 0)
        ERROR("back end", "cannot read %s", path);
    return (uint32_t)value;
}

static int back_connect(void)
{
    grant_ref tx_ref = read_number(FRONT "/tx-ring-ref"),
              rx_ref = read_number(FRONT "/rx-ring-ref");
    int r = gnt_map(back.id, &tx_ref, 1, false, &back.tx_map);

    if (r == 0)
        r = gnt_map(back.id, &rx_ref, 1, false, &back.rx_map);
    if (r == 0)
        r = evtchn_bind_interdomain(back.id, read_number(FRONT "/event-channel"), &back.port);
    if (r != 0)
        return r;
    BACK_RING_INIT(&back.tx, (struct netif_tx_sring *)back.tx_map.addr, RT_PAGE);
    BACK_RING_INIT(&back.rx, (struct netif_rx_sring *)back.rx_map.addr, RT_PAGE);
    return evtchn_wake_on(back.port, &back.event);
}

static int copy(bool to_front, grant_ref ref, uint16_t offset, uint16_t len)
{
    struct gnt_copy op = {.to_foreign = to_front,
                          .dom = back.id,
                          .ref = ref,
                          .offset = offset,
                          .length = len,
                          .local = bounce};

    return gnt_copy(&op, 1) == 0 ? 0 : -EIO;
}

/* One frame in, one frame out. */
static void back_reflect(const struct netif_tx_request *in)
{
    struct netif_rx_request out;
    struct netif_rx_response *rsp;

    if (copy(false, in->gref, in->offset, in->size) != 0) {
        back.copy_errors++;
        return;
    }
    if (back.rx.req_cons == back.rx.sring->req_prod)
        return;
    RING_COPY_REQUEST(&back.rx, back.rx.req_cons, &out);
    back.rx.req_cons++;
    if (copy(true, out.gref, 2, in->size) != 0)
        back.copy_errors++;
    rsp = RING_GET_RESPONSE(&back.rx, back.rx.rsp_prod_pvt);
    *rsp = (struct netif_rx_response){
        .id = back.lie ? BAD_ID : out.id, .offset = 2, .status = (int16_t)in->size};
    back.rx.rsp_prod_pvt++;
}

static bool back_work(void)
{
    RING_IDX prod = back.tx.sring->req_prod;
    bool any = false;
    int notify_tx, notify_rx;

    xen_rmb();
    while (back.tx.req_cons != prod) {
        struct netif_tx_request req;

        RING_COPY_REQUEST(&back.tx, back.tx.req_cons, &req);
        back.tx.req_cons++;
        back_reflect(&req);
        *RING_GET_RESPONSE(&back.tx, back.tx.rsp_prod_pvt) =
            (struct netif_tx_response){.id = req.id, .status = NETIF_RSP_OKAY};
        back.tx.rsp_prod_pvt++;
        any = true;
    }
    if (!any)
        return false;
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back.tx, notify_tx);
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back.rx, notify_rx);
    if (notify_tx || notify_rx)
        evtchn_send(back.port);
    return true;
}

static void back_end(void *arg)
{
    int r, more;

    (void)arg;
    xenbus_switch_state(BACK, XenbusStateInitWait);
    r = xenbus_wait_state(FRONT, XenbusStateConnected, DEADLINE);
    if (r == 0)
        r = back_connect();
    if (r != 0) {
        ERROR("back end connects", "%d", r);
        return;
    }
    xenbus_switch_state(BACK, XenbusStateConnected);
    while (!back.stop) {
        if (back_work()) {
            thread_yield();
            continue;
        }
        RING_FINAL_CHECK_FOR_REQUESTS(&back.tx, more);
        if (!more)
            waitq_wait(&back.event, WAIT_FOREVER);
    }
    gnt_unmap(&back.tx_map);
    gnt_unmap(&back.rx_map);
    evtchn_close(back.port);
    xenbus_switch_state(BACK, XenbusStateClosed);
    back.stopped = true;
}

/* The front's user. */
static unsigned int received, wrong;

static void fill_frame(uint8_t *frame, size_t len, unsigned int number)
{
    for (size_t i = 0; i < len; i++)
        frame[i] = (uint8_t)(number * 31 + i * 7);
}

static size_t frame_len(unsigned int number)
{
    return 14 + number * 61 % 1501;
}

static void receive(void *arg, const uint8_t *frame, size_t len)
{
    uint8_t expected[1514];

    (void)arg;
    fill_frame(expected, frame_len(received), received);
    if (len != frame_len(received) || memcmp(frame, expected, len) != 0)
        wrong++;
    received++;
}

static int send_frame(struct netfront *nf, unsigned int number)
{
    uint8_t frame[1514];
    size_t len = frame_len(number);
    int r;

    fill_frame(frame, len, number);
    while ((r = netfront_send(nf, frame, len)) == -EAGAIN) {
        r = netfront_wait_tx(nf, DEADLINE);
        if (r != 0)
            break;
    }
    return r;
}

/* In windows, so that the back end never lacks pages to answer into. */
static void test_traffic(struct netfront *nf)
{
    uint64_t start = rt_now(), end = DEADLINE;
    int r = 0;

    for (unsigned int i = 0; i < FRAMES && r == 0; i++) {
        r = send_frame(nf, i);
        while (r == 0 && i > received + 100 && rt_now() < end)
            thread_yield();
    }
    EXPECT("frames are sent", r == 0, r);
    while (received < FRAMES && rt_now() < end)
        thread_yield();
    EXPECT("all come back", received == FRAMES, received);
    EXPECT("with what was sent", wrong == 0, wrong);
    EXPECT("no copy failed", back.copy_errors == 0, back.copy_errors);
    BENCH("netfront loop", (rt_now() - start) / FRAMES, "ns/frame");
}

static void test_lie(struct netfront *nf)
{
    unsigned int before = received;
    int r = 0;

    back.lie = true;
    for (unsigned int i = 0; i < 100 && r == 0; i++) {
        r = send_frame(nf, received);
        thread_sleep(100000);
    }
    EXPECT("a lying back end ends the connection", r == -EIO, r);
    EXPECT("and nothing of it is believed", received == before, received);
}

static uint16_t own_id(void)
{
    struct evtchn_status st = {.dom = DOMID_SELF};
    evtchn_port port;
    long r;

    if (evtchn_alloc_unbound(DOMID_SELF, DOMID_SELF, &port) != 0)
        return DOMID_INVALID;
    st.port = port;
    r = rt_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_status, (uintptr_t)&st, 0, 0, 0);
    evtchn_close(port);
    return r == 0 && st.status == EVTCHNSTAT_unbound ? st.u.unbound.dom : DOMID_INVALID;
}

/* As a toolstack writes it, the front's own directory last. */
static void write_directories(void)
{
    char id[8];

    snprintf(id, sizeof(id), "%u", back.id);
    put(BACK "/state", "1");
    put(FRONT "/backend-id", id);
    put(FRONT "/mac", "00:16:3e:01:02:03");
    put(FRONT "/state", "1");
    put(FRONT "/backend", BACK);
}

int rt_main(void)
{
    size_t before;
    struct netfront *nf;
    uint8_t mac[6];
    int r;

    back.id = own_id();
    bounce = rt_pages_alloc(1);
    if (bounce == NULL || back.id == DOMID_INVALID) {
        ERROR("netloop", "no memory, or own id unknown");
        return REPORT_RESULT();
    }
    xs_init_local(store, NULL);
    write_directories();
    if (thread_create(back_end, NULL, "backend", 0) != 0)
        ERROR("netloop", "no memory");
    before = rt_pages_available();
    r = netfront_open(0, receive, NULL, DEADLINE, &nf);
    EXPECT("netfront connects", r == 0, r);
    if (r != 0)
        return REPORT_RESULT();
    netfront_mac(nf, mac);
    EXPECT("address", memcmp(mac, "\x00\x16\x3e\x01\x02\x03", 6) == 0, mac[5]);
    test_traffic(nf);
    test_lie(nf);
    back.stop = true;
    waitq_wake_all(&back.event);
    netfront_close(nf);
    EXPECT("back end has let go", back.stopped, 0);
    rt_log("%ld pages taken and kept\n", (long)(before - rt_pages_available()));
    return REPORT_RESULT();
}
