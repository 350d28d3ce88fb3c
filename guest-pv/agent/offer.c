/* SPDX-License-Identifier: MIT */
/*
 * The agent channel's set-up: pages from /dev/xen/gntalloc, a port from /dev/xen/evtchn, and the
 * announcement through /dev/xen/xenbus (drivers/xen in Linux; Xen's public/io/xs_wire.h). Called
 * once a start of the agent; the kernel takes everything back when the process ends.
 */
#include "offer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/gntalloc.h>

#define PAGE 4096U
#define RING_BYTES (1U << BH_AGENT_RING_ORDER)
#define RING_PAGES (RING_BYTES / PAGE)
#define MGMT_DOMID 0

struct event_port {
    int fd;
    uint32_t port;
};

/* ---- shared pages ---- */

/* Grants `count` writable pages to mgmt and maps them. The descriptor stays open for ever. */
static int alloc_pages(int fd, uint32_t count, uint32_t *refs, void **at)
{
    struct {
        struct ioctl_gntalloc_alloc_gref a;
        uint32_t more[2 * RING_PAGES];
    } req = {.a = {.domid = MGMT_DOMID, .flags = GNTALLOC_FLAG_WRITABLE, .count = count}};

    if (ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &req) != 0)
        return -errno;
    memcpy(refs, (const uint8_t *)&req + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids),
           count * sizeof(*refs));
    *at = mmap(NULL, (size_t)count * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
               (off_t)req.a.index);
    return *at == MAP_FAILED ? -errno : 0;
}

static int make_rings(struct vchan *v, uint32_t *control_ref)
{
    uint32_t refs[2 * RING_PAGES];
    void *control, *rings;
    int fd = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC), rc;

    if (fd < 0)
        return -errno;
    rc = alloc_pages(fd, 1, control_ref, &control);
    if (rc == 0)
        rc = alloc_pages(fd, 2 * RING_PAGES, refs, &rings);
    if (rc) {
        close(fd);
        return rc;
    }
    memset(control, 0, PAGE);
    v->ctl = control;
    v->in = rings;
    v->out = (uint8_t *)rings + RING_BYTES;
    v->in_size = v->out_size = RING_BYTES;
    v->ctl->left_order = v->ctl->right_order = BH_AGENT_RING_ORDER;
    v->ctl->cli_live = 2;
    v->ctl->srv_live = 1;
    v->ctl->cli_notify = VCHAN_NOTIFY_WRITE;
    memcpy(v->ctl->grants, refs, sizeof(refs));
    return 0;
}

/* ---- event channel ---- */

static void notify(void *ctx)
{
    struct event_port *ep = ctx;
    struct ioctl_evtchn_notify n = {.port = ep->port};

    if (ioctl(ep->fd, IOCTL_EVTCHN_NOTIFY, &n) != 0)
        perror("evtchn notify");
}

void offer_drain(void *ctx)
{
    struct event_port *ep = ctx;
    uint32_t ports[16];
    ssize_t n = read(ep->fd, ports, sizeof(ports));

    if (n > 0 && write(ep->fd, ports, (size_t)n) != n)
        perror("evtchn unmask");
}

static int make_port(struct agent *a)
{
    static struct event_port ep;
    struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = MGMT_DOMID};
    int port;

    ep.fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (ep.fd < 0)
        return -errno;
    port = ioctl(ep.fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
    if (port < 0)
        return -errno;
    ep.port = (uint32_t)port;
    a->event_fd = ep.fd;
    a->vc.notify = notify;
    a->vc.ctx = &ep;
    return 0;
}

/* ---- xenstore ---- */

/* One request and its answer; 0 or -errno, the store's error included. */
static int xs_write(int fd, const char *path, const char *value)
{
    struct xsd_sockmsg m = {.type = XS_WRITE};
    char buf[sizeof(m) + 256];
    size_t plen = strlen(path) + 1, vlen = strlen(value);
    ssize_t n;

    m.len = (uint32_t)(plen + vlen);
    if (m.len > sizeof(buf) - sizeof(m))
        return -E2BIG;
    memcpy(buf, &m, sizeof(m));
    memcpy(buf + sizeof(m), path, plen);
    memcpy(buf + sizeof(m) + plen, value, vlen);
    n = (ssize_t)(sizeof(m) + m.len);
    if (write(fd, buf, (size_t)n) != n)
        return -EIO;
    if (read(fd, &m, sizeof(m)) != (ssize_t)sizeof(m) || m.len > sizeof(buf))
        return -EIO;
    if (m.len && read(fd, buf, m.len) <= 0)
        return -EIO;
    return m.type == XS_ERROR ? -EACCES : 0;
}

static int publish(uint32_t control_ref, uint32_t port)
{
    const struct {
        const char *path;
        uint64_t value;
    } keys[] = {
        {"data/bulkhead/ring-ref", control_ref},
        {"data/bulkhead/event-channel", port},
        {"data/bulkhead/generation", agent_now()},
    };
    int fd = open("/dev/xen/xenbus", O_RDWR | O_CLOEXEC), rc = 0;
    char value[32];

    if (fd < 0)
        return -errno;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && rc == 0; i++) {
        snprintf(value, sizeof(value), "%llu", (unsigned long long)keys[i].value);
        rc = xs_write(fd, keys[i].path, value);
    }
    close(fd);
    return rc;
}

int offer_channel(struct agent *a)
{
    uint32_t control_ref;
    int rc = make_rings(&a->vc, &control_ref);

    if (rc == 0)
        rc = make_port(a);
    if (rc == 0)
        rc = publish(control_ref, ((struct event_port *)a->vc.ctx)->port);
    return rc;
}
