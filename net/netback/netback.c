/* SPDX-License-Identifier: MIT */
/*
 * The packet side of the back end; see netback.h. Runs in the switch's thread, but for connect and
 * disconnect, which the store side's threads call: they do not wait, so they are never in between.
 */
#include "netback.h"

#include <errno.h>
#include <stddef.h>

#include <rt/rt.h>

#include "vif.h"

#define TAKE_BUDGET 32U

struct vif *vifs;
static struct sw *the_switch;
static struct waitq *wake_up;

static void on_event(evtchn_port port, void *arg)
{
    struct vif *v = arg;

    (void)port;
    v->pending = true;
    waitq_wake_all(wake_up);
}

int vif_connect(struct vif *v, const struct vif_rings *rings)
{
    int rc = gnt_map(v->domid, &rings->tx_ref, 1, false, &v->tx_page);

    if (rc != 0)
        return rc;
    rc = gnt_map(v->domid, &rings->rx_ref, 1, false, &v->rx_page);
    if (rc != 0)
        goto unmap_tx;
    rc = evtchn_bind_interdomain(v->domid, rings->evtchn, &v->evtchn);
    if (rc != 0)
        goto unmap_rx;
    rc = sw_port_add(the_switch, &v->port);
    if (rc != 0)
        goto close;
    ring_attach(&v->ring, v->domid, v->tx_page.addr, v->rx_page.addr);
    v->connected = true;
    v->failed = false;
    v->pending = true; /* what is in the ring already */
    evtchn_set_handler(v->evtchn, on_event, v);
    waitq_wake_all(wake_up);
    return 0;

close:
    evtchn_close(v->evtchn);
unmap_rx:
    gnt_unmap(&v->rx_page);
unmap_tx:
    gnt_unmap(&v->tx_page);
    return rc;
}

void vif_disconnect(struct vif *v)
{
    if (!v->connected)
        return;
    v->connected = false;
    v->pending = false;
    evtchn_close(v->evtchn);
    sw_port_remove(the_switch, &v->port);
    gnt_unmap(&v->rx_page);
    gnt_unmap(&v->tx_page);
}

static void fail(struct vif *v)
{
    rt_log("net: vif %u/%u: the front end broke the protocol, closed\n", v->domid, v->index);
    vif_disconnect(v);
    v->failed = true;
}

static void sink(void *ctx, struct frame *f)
{
    struct vif *v = ctx;

    sw_input(the_switch, &v->port, f);
}

static void take_from(struct vif *v)
{
    bool more = false, notify = false;

    v->pending = false;
    ring_take(&v->ring, the_switch->pool, TAKE_BUDGET, sink, v, &more, &notify);
    v->pending = more;
    if (v->port.out.count != 0) /* the event may have announced buffers */
        sw_set_ready(the_switch, &v->port);
    if (v->ring.broken)
        fail(v);
    else if (notify)
        evtchn_send(v->evtchn);
}

bool netback_take(void)
{
    bool more = false;

    for (struct vif *v = vifs; v != NULL; v = v->next) {
        if (v->connected && v->pending) {
            take_from(v);
            more |= v->pending;
        }
    }
    return more;
}

void netback_deliver(struct sw_port *port)
{
    struct vif *v = (struct vif *)(void *)((char *)port - offsetof(struct vif, port));
    bool notify = false;

    ring_deliver(&v->ring, the_switch->pool, &port->out, &notify);
    if (v->ring.broken)
        fail(v);
    else if (notify)
        evtchn_send(v->evtchn);
}

int netback_start(struct sw *sw, struct waitq *wake)
{
    the_switch = sw;
    wake_up = wake;
    return vif_watch_start();
}
