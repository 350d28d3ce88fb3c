/* SPDX-License-Identifier: MIT */
/*
 * The store side of the back end: backend/vif/DOMID/INDEX appears and disappears at mgmt's will,
 * the front end's state (Xen public/io/xenbus.h) at that of the sandbox. A thread for each
 * interface follows the front end; the watching thread alone creates interfaces and takes them
 * away, and then unmaps at once, so that mgmt can destroy the domain.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>
#include <rt/thread.h>

#include "uplink.h"
#include "vif.h"

#include <xen/io/xenbus.h>

#define ROOT "backend/vif"
#define MAX_VIFS 1024U
#define VIF_INDEX_MAX 15U
#define DOMID_LAST 0x7fefU     /* above are Xen's special ids */
#define CHECK_NS 1000000000ULL /* how late a thread notices what it gets no watch event for */
#define STEP_NS 100000000ULL
#define THREAD_STACK 16384U

static unsigned int nr_vifs;

/* ---- reading ---- */

static int read_string(const char *dir, const char *key, char *out, size_t size)
{
    char path[VIF_PATH_MAX + 32], *value;
    size_t len;
    int rc;

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    rc = xs_read(XS_TX_NONE, path, &value, &len);
    if (rc != 0)
        return rc;
    if (len >= size || strlen(value) != len)
        rc = -EINVAL;
    else
        memcpy(out, value, len + 1);
    free(value);
    return rc;
}

static int read_u32(const char *dir, const char *key, uint32_t *out)
{
    char path[VIF_PATH_MAX + 32];
    uint64_t value;
    int rc;

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    rc = xs_read_u64(XS_TX_NONE, path, &value);
    if (rc == 0 && value > UINT32_MAX)
        rc = -ERANGE;
    if (rc == 0)
        *out = (uint32_t)value;
    return rc;
}

static bool parse_mac(const char *s, uint8_t mac[6])
{
    for (unsigned int i = 0; i < 6; i++, s += 3) {
        char *end, hex[3] = {s[0], s[0] != '\0' ? s[1] : '\0', '\0'};

        mac[i] = (uint8_t)strtoul(hex, &end, 16);
        if (end != hex + 2 || s[2] != (i == 5 ? '\0' : ':'))
            return false;
    }
    return true;
}

/* What mgmt says about the interface. */
static int read_port(const char *dir, uint16_t domid, struct sw_port *port)
{
    char text[32];
    int rc;

    memset(port, 0, sizeof(*port));
    rc = read_string(dir, "mac", text, sizeof(text));
    if (rc != 0)
        return rc;
    if (!parse_mac(text, port->mac))
        return -EINVAL;
    if (read_string(dir, "bulkhead/kind", text, sizeof(text)) != 0)
        strcpy(text, domid == 0 ? "mgmt" : "sandbox");
    port->kind = domid == 0 && strcmp(text, "mgmt") == 0 ? SW_MGMT : SW_SANDBOX;
    rc = read_string(dir, "bulkhead/ip", text, sizeof(text));
    if (rc == 0)
        return uplink_parse_ip(text, &port->ip) ? 0 : -EINVAL;
    port->ip = SW_MGMT_IP; /* the only one that may leave it out */
    return port->kind == SW_MGMT ? 0 : rc;
}

/* ---- following the front end ---- */

static int offer(struct vif *v)
{
    static const struct {
        const char *key, *value;
    } features[] = {
        {"feature-rx-copy", "1"},
        {"feature-rx-flip", "0"},
        {"feature-rx-notify", "1"},
        {"feature-sg", "0"},
        {"feature-gso-tcpv4", "0"},
        {"feature-gso-tcpv6", "0"},
        {"feature-ipv6-csum-offload", "0"},
        {"feature-multicast-control", "0"},
        {"feature-split-event-channels", "0"},
        {"multi-queue-max-queues", "1"},
    };
    char path[VIF_PATH_MAX + 32];

    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        int rc;

        snprintf(path, sizeof(path), "%s/%s", v->dir, features[i].key);
        rc = xs_write(XS_TX_NONE, path, features[i].value);
        if (rc != 0)
            return rc;
    }
    return xenbus_switch_state(v->dir, XenbusStateInitWait);
}

static void try_connect(struct vif *v)
{
    struct vif_rings rings;
    uint32_t rx_copy = 0;
    int rc = read_u32(v->frontend, "tx-ring-ref", &rings.tx_ref);

    if (rc == 0)
        rc = read_u32(v->frontend, "rx-ring-ref", &rings.rx_ref);
    if (rc == 0)
        rc = read_u32(v->frontend, "event-channel", &rings.evtchn);
    if (rc == 0)
        rc = read_u32(v->frontend, "request-rx-copy", &rx_copy);
    if (rc == 0 && rx_copy != 1)
        rc = -ENOTSUP;
    if (rc == 0)
        rc = read_port(v->dir, v->domid, &v->port);
    if (v->gone) /* taken away while we read */
        return;
    if (rc == 0)
        rc = vif_connect(v, &rings);
    if (rc != 0) {
        rt_log("net: vif %u/%u: cannot connect: %d\n", v->domid, v->index, rc);
        v->failed = true;
        xenbus_switch_state(v->dir, XenbusStateClosing);
        return;
    }
    xenbus_switch_state(v->dir, XenbusStateConnected);
}

/* One step after the front end's state. `shown` is the state we last wrote. */
static unsigned int follow(struct vif *v, unsigned int frontend, unsigned int shown)
{
    switch (frontend) {
    case XenbusStateInitialising:
        vif_disconnect(v);
        v->failed = false;
        if (shown != XenbusStateInitWait && offer(v) == 0)
            shown = XenbusStateInitWait;
        break;
    case XenbusStateInitialised:
    case XenbusStateConnected:
        if (v->connected || v->failed || shown == XenbusStateClosed)
            break;
        try_connect(v);
        shown = v->connected ? XenbusStateConnected : XenbusStateClosing;
        break;
    case XenbusStateClosing:
    case XenbusStateClosed:
        vif_disconnect(v);
        if (shown != frontend)
            xenbus_switch_state(v->dir, frontend);
        shown = frontend;
        break;
    default:
        break;
    }
    if (v->failed && shown == XenbusStateConnected) {
        xenbus_switch_state(v->dir, XenbusStateClosing);
        shown = XenbusStateClosing;
    }
    return shown;
}

static void vif_thread(void *arg)
{
    struct vif *v = arg;
    struct vif **link = &vifs;
    struct xs_watch *watch = NULL;
    unsigned int shown = XenbusStateInitialising, state;
    struct sw_budget steps = {.rate = 10, .burst = 20, .tokens = 20000, .last = rt_now()};
    char path[VIF_PATH_MAX + 8], *changed;

    snprintf(path, sizeof(path), "%s/state", v->frontend);
    if (offer(v) == 0)
        shown = XenbusStateInitWait;
    if (xs_watch_add(path, &watch) != 0)
        watch = NULL;
    while (!v->gone) {
        if (watch == NULL)
            thread_sleep(CHECK_NS);
        else if (xs_watch_wait(watch, rt_now() + CHECK_NS, &changed) == 0)
            free(changed);
        /* Whoever changes its state all the time waits for it, not the others. */
        if (!sw_budget_take(&steps, rt_now()))
            thread_sleep(STEP_NS);
        if (!v->gone && xenbus_read_state(v->frontend, &state) == 0 && !v->gone)
            shown = follow(v, state, shown);
    }
    if (watch != NULL)
        xs_watch_del(watch);
    vif_disconnect(v);
    while (*link != v)
        link = &(*link)->next;
    *link = v->next;
    nr_vifs--;
    free(v);
}

/* ---- following mgmt ---- */

static struct vif *find(uint16_t domid, unsigned int index)
{
    for (struct vif *v = vifs; v != NULL; v = v->next) {
        if (v->domid == domid && v->index == index && !v->gone)
            return v;
    }
    return NULL;
}

static void create(const char *dir, uint16_t domid, unsigned int index)
{
    char name[16];
    struct vif *v;
    uint32_t frontend_id;

    if (nr_vifs >= MAX_VIFS || read_u32(dir, "frontend-id", &frontend_id) != 0 ||
        frontend_id != domid)
        return;
    v = calloc(1, sizeof(*v));
    if (v == NULL)
        return;
    v->domid = domid;
    v->index = index;
    snprintf(v->dir, sizeof(v->dir), "%s", dir);
    /* What is not complete yet comes again with the event of its next key. */
    if (read_string(dir, "frontend", v->frontend, sizeof(v->frontend)) != 0 ||
        read_port(dir, domid, &v->port) != 0) {
        free(v);
        return;
    }
    v->next = vifs;
    vifs = v;
    nr_vifs++;
    snprintf(name, sizeof(name), "vif%u/%u", domid, index);
    if (thread_create(vif_thread, v, name, THREAD_STACK) != 0) {
        rt_log("net: vif %u/%u: no memory for its thread\n", domid, index);
        vifs = v->next;
        nr_vifs--;
        free(v);
    }
}

/* Compares one interface with what the store says now. */
static void refresh(uint16_t domid, unsigned int index)
{
    char dir[VIF_PATH_MAX], frontend[VIF_PATH_MAX];
    struct vif *v = find(domid, index);
    uint32_t online = 1;
    int rc;

    snprintf(dir, sizeof(dir), ROOT "/%u/%u", domid, index);
    rc = read_string(dir, "frontend", frontend, sizeof(frontend));
    if (read_u32(dir, "online", &online) != 0)
        online = 1;
    if (v == NULL) {
        if (rc == 0 && online != 0)
            create(dir, domid, index);
        return;
    }
    if (rc == 0 && online != 0)
        return;
    vif_disconnect(v);
    v->gone = true;
    if (rc == 0)
        xenbus_switch_state(dir, XenbusStateClosed);
}

/* Calls fn for each numeric name in the folder. */
static void each_number(const char *dir, uint32_t max, void (*fn)(uint32_t number, uint32_t arg),
                        uint32_t arg)
{
    char **names;
    size_t n;

    if (xs_directory(XS_TX_NONE, dir, &names, &n) != 0)
        return;
    for (size_t i = 0; i < n; i++) {
        char *end;
        unsigned long number = strtoul(names[i], &end, 10);

        if (end != names[i] && *end == '\0' && number <= max)
            fn((uint32_t)number, arg);
    }
    free(names);
}

static void scan_index(uint32_t index, uint32_t domid)
{
    refresh((uint16_t)domid, index);
}

/* One domain's interfaces: those of the store, then those of ours that the store may not have. */
static void scan_domain(uint32_t domid, uint32_t unused)
{
    char dir[VIF_PATH_MAX];
    bool have[VIF_INDEX_MAX + 1] = {false};

    (void)unused;
    snprintf(dir, sizeof(dir), ROOT "/%u", (unsigned int)domid);
    each_number(dir, VIF_INDEX_MAX, scan_index, domid);
    for (const struct vif *v = vifs; v != NULL; v = v->next) {
        if (v->domid == domid && !v->gone)
            have[v->index] = true; /* refresh() waits, and the list may change then */
    }
    for (unsigned int i = 0; i <= VIF_INDEX_MAX; i++) {
        if (have[i])
            refresh((uint16_t)domid, i);
    }
}

static void scan_all(void)
{
    uint16_t *have = calloc(MAX_VIFS, sizeof(*have));
    unsigned int n = 0;

    each_number(ROOT, DOMID_LAST, scan_domain, 0);
    for (const struct vif *v = vifs; have != NULL && v != NULL && n < MAX_VIFS; v = v->next) {
        if (!v->gone)
            have[n++] = v->domid;
    }
    while (n > 0)
        scan_domain(have[--n], 0);
    free(have);
}

/* Keys that we write ourselves bring events too; nothing follows from them. */
static bool is_ours(const char *tail)
{
    return strncmp(tail, "/feature-", 9) == 0 || strncmp(tail, "/multi-queue", 12) == 0;
}

static void on_change(const char *path)
{
    const char *p = strstr(path, ROOT);
    char *end;
    unsigned long domid, index;

    p = p == NULL ? "" : p + strlen(ROOT);
    if (*p != '/') {
        scan_all();
        return;
    }
    domid = strtoul(p + 1, &end, 10);
    if (end == p + 1 || domid > DOMID_LAST)
        return;
    if (*end != '/') { /* the domain's folder, perhaps removed */
        scan_domain((uint32_t)domid, 0);
        return;
    }
    p = end + 1;
    index = strtoul(p, &end, 10);
    if (end != p && index <= VIF_INDEX_MAX && !is_ours(end))
        refresh((uint16_t)domid, (unsigned int)index);
}

static void watch_thread(void *arg)
{
    struct xs_watch *watch;
    char *path;
    int rc;

    (void)arg;
    rc = xs_watch_add(ROOT, &watch);
    if (rc != 0)
        rt_panic("net: cannot watch " ROOT ": %d\n", rc);
    for (;;) {
        if (xs_watch_wait(watch, WAIT_FOREVER, &path) != 0)
            continue;
        on_change(path);
        free(path);
    }
}

int vif_watch_start(void)
{
    return thread_create(watch_thread, NULL, "netback", 0);
}
