/* SPDX-License-Identifier: MIT */
/*
 * A block device's life in the xenstore (Xen public/io/xenbus.h, io/blkif.h): both directories, the
 * handshake with the front end, its end. All of it runs in the worker, driven by a watch on the
 * front end's state.
 */
#include "blkback.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include <rt/event.h>
#include <rt/grant.h>
#include <rt/rt.h>
#include <rt/xs.h>

#include "audit/audit.h"
#include "drivers/worker.h"
#include "ring.h"
#include "bulkhead.h"
#include "xenstore/server.h"

#define VDISK_READONLY_FLAG 4U /* VDISK_READONLY of io/blkif.h's text */

struct blkback {
    struct work io; /* first */
    struct work state;
    struct blk_ring ring;
    struct gnt_mapping map;
    evtchn_port port;
    struct xenstore_watch *watch;
    const char *owner;
    uint16_t domid;
    bool connected;
    uint32_t told_corrupt;
    unsigned int own_state;
    struct hashtree *image;
    char front[48], back[64];
};

static int set_state(struct blkback *b, unsigned int state)
{
    b->own_state = state;
    return xenbus_switch_state(b->back, state);
}

static void disconnect(struct blkback *b)
{
    if (!b->connected)
        return;
    b->connected = false;
    (void)evtchn_close(b->port);
    worker_cancel(&b->io);
    gnt_unmap(&b->map);
    b->ring.page = NULL;
}

static void report_corrupt(struct blkback *b)
{
    if (b->ring.corrupt == b->told_corrupt)
        return;
    if (b->told_corrupt == 0)
        audit_add("system", "", "image.corrupt", b->owner, "error",
                  "block %" PRIu64 " of the base image does not match its hash",
                  b->ring.corrupt_block);
    b->told_corrupt = b->ring.corrupt;
}

static bool serve_io(struct work *w)
{
    struct blkback *b = (struct blkback *)w;
    struct blk_pump p;

    if (!b->connected || b->ring.dead)
        return false;
    p = blk_ring_pump(&b->ring);
    if (p.notify)
        (void)evtchn_send(b->port);
    report_corrupt(b);
    if (b->ring.dead) {
        rt_log("blkback: domain %u broke the protocol; its disk is gone\n", b->domid);
        disconnect(b);
        (void)set_state(b, XenbusStateClosed);
    }
    return p.more;
}

static int read_front(const struct blkback *b, const char *key, uint64_t *value)
{
    char path[80];

    snprintf(path, sizeof(path), "%s/%s", b->front, key);
    return xs_read_u64(XS_TX_NONE, path, value);
}

static int write_back(const struct blkback *b, const char *key, uint64_t value)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/%s", b->back, key);
    return xs_printf(XS_TX_NONE, path, "%" PRIu64, value);
}

static bool protocol_fits(const struct blkback *b)
{
    char path[80], *value;
    bool fits;

    snprintf(path, sizeof(path), "%s/protocol", b->front);
    if (xs_read(XS_TX_NONE, path, &value, NULL) != 0)
        return true; /* absent: the native one */
    fits = strcmp(value, "x86_64-abi") == 0;
    free(value);
    return fits;
}

static int connect_ring(struct blkback *b)
{
    uint64_t ref, port;
    grant_ref r;
    int rc = read_front(b, "ring-ref", &ref);

    if (rc == 0)
        rc = read_front(b, "event-channel", &port);
    if (rc != 0)
        return rc;
    if (ref > UINT32_MAX || port > UINT32_MAX || !protocol_fits(b))
        return -EINVAL;
    r = (grant_ref)ref;
    rc = gnt_map(b->domid, &r, 1, false, &b->map);
    if (rc != 0)
        return rc;
    rc = evtchn_bind_interdomain(b->domid, (evtchn_port)port, &b->port);
    if (rc != 0) {
        gnt_unmap(&b->map);
        return rc;
    }
    blk_ring_open(&b->ring, b->map.addr, b->domid, b->image);
    b->told_corrupt = 0;
    b->connected = true;
    rc = evtchn_set_handler(b->port, worker_event, &b->io);
    if (rc != 0)
        disconnect(b);
    return rc;
}

static int connect_device(struct blkback *b)
{
    int rc = connect_ring(b);

    if (rc == 0)
        rc = write_back(b, "sectors", b->ring.sectors);
    if (rc == 0)
        rc = write_back(b, "sector-size", BLK_SECTOR);
    if (rc == 0)
        rc = write_back(b, "info", VDISK_READONLY_FLAG);
    if (rc == 0)
        rc = set_state(b, XenbusStateConnected);
    if (rc == 0)
        worker_kick(&b->io);
    return rc;
}

static bool serve_state(struct work *w)
{
    struct blkback *b = (struct blkback *)((char *)w - offsetof(struct blkback, state));
    uint64_t state;
    int rc;

    if (read_front(b, "state", &state) != 0)
        state = XenbusStateUnknown;
    switch (state) {
    case XenbusStateInitialising:
        if (b->own_state == XenbusStateClosed)
            (void)set_state(b, XenbusStateInitWait);
        break;
    case XenbusStateInitialised:
    case XenbusStateConnected:
        if (b->own_state != XenbusStateInitWait)
            break;
        rc = connect_device(b);
        if (rc != 0) {
            rt_log("blkback: domain %u: its device does not connect: %d\n", b->domid, rc);
            disconnect(b);
            (void)set_state(b, XenbusStateClosed);
        }
        break;
    case XenbusStateClosing:
    case XenbusStateClosed:
    case XenbusStateUnknown:
        disconnect(b);
        if (b->own_state != state && b->own_state != XenbusStateClosed)
            (void)set_state(b,
                            state == XenbusStateClosing ? XenbusStateClosing : XenbusStateClosed);
        break;
    default:
        break;
    }
    return false;
}

/* A key below a directory, readable and writable as the directory is. */
static int put(const char *dir, const char *key, const char *value)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    return xs_write(XS_TX_NONE, path, value);
}

static int put_number(const char *dir, const char *key, unsigned int value)
{
    char text[12];

    snprintf(text, sizeof(text), "%u", value);
    return put(dir, key, text);
}

static int make_nodes(struct blkback *b)
{
    char seen_back[64];
    int rc;

    snprintf(seen_back, sizeof(seen_back), "/local/domain/0/backend/vbd/%u/%u", XS_VIEW_DOMID,
             BLKBACK_VDEV);
    rc = xenstore_make(b->back, NULL, BH_DOMID_MGMT, b->domid);
    if (rc == 0)
        rc = put(b->back, "frontend", b->front);
    if (rc == 0)
        rc = put_number(b->back, "frontend-id", b->domid);
    if (rc == 0)
        rc = put_number(b->back, "online", 1);
    if (rc == 0)
        rc = put(b->back, "mode", "r");
    if (rc == 0)
        rc = put(b->back, "device-type", "disk");
    if (rc == 0)
        rc = put(b->back, "dev", "xvda");
    if (rc == 0)
        rc = set_state(b, XenbusStateInitWait);
    if (rc == 0)
        rc = xenstore_make(b->front, NULL, b->domid, BH_DOMID_MGMT);
    if (rc == 0)
        rc = put(b->front, "backend", seen_back);
    if (rc == 0)
        rc = put_number(b->front, "backend-id", BH_DOMID_MGMT);
    if (rc == 0)
        rc = put_number(b->front, "virtual-device", BLKBACK_VDEV);
    if (rc == 0)
        rc = put(b->front, "device-type", "disk");
    if (rc == 0)
        rc = put_number(b->front, "state", XenbusStateInitialising);
    return rc;
}

int blkback_create(uint16_t domid, struct hashtree *image, const char *owner, struct blkback **out)
{
    struct blkback *b = calloc(1, sizeof(*b));
    char path[64];
    int rc;

    if (b == NULL)
        return -ENOMEM;
    b->io.fn = serve_io;
    b->state.fn = serve_state;
    b->domid = domid;
    b->image = image;
    b->owner = owner;
    snprintf(b->front, sizeof(b->front), "/local/domain/%u/device/vbd/%u", domid, BLKBACK_VDEV);
    snprintf(b->back, sizeof(b->back), "/local/domain/0/backend/vbd/%u/%u", domid, BLKBACK_VDEV);
    snprintf(path, sizeof(path), "%s/state", b->front);
    rc = make_nodes(b);
    if (rc == 0)
        rc = xenstore_watch(path, &b->state, &b->watch);
    if (rc != 0) {
        blkback_destroy(b);
        return rc;
    }
    *out = b;
    return 0;
}

void blkback_destroy(struct blkback *b)
{
    char path[64];

    if (b == NULL)
        return;
    xenstore_unwatch(b->watch);
    worker_cancel(&b->state);
    disconnect(b);
    snprintf(path, sizeof(path), "/local/domain/0/backend/vbd/%u", b->domid);
    (void)xs_rm(XS_TX_NONE, path);
    free(b);
}
