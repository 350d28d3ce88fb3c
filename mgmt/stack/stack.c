/* SPDX-License-Identifier: MIT */
/*
 * lwIP's network interface over the network front end. lwIP itself never waits, so threads call it
 * without a lock: received frames enter it from the front end's thread, streams from theirs, and
 * the pump here runs its timers. Frames that the ring has no room for wait in a bounded queue.
 */
#include "stack/stack.h"

#include <errno.h>
#include <string.h>

#include <pv/netfront.h>
#include <rt/rt.h>
#include <rt/thread.h>

#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/sys.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

#define FRAME_MAX 1514U
#define PENDING_MAX 128U
#define MS 1000000ULL

static struct netfront *front;
static struct netif interface;
static struct waitq pump_wq;

/* Frames that wait for room in the ring, oldest first. */
static struct pbuf *pending[PENDING_MAX];
static unsigned int pending_first, pending_count;

u32_t sys_now(void)
{
    return (u32_t)(rt_now() / MS);
}

static int send_frame(const struct pbuf *p)
{
    static uint8_t flat[FRAME_MAX];

    if (p->next == NULL)
        return netfront_send(front, p->payload, p->len);
    pbuf_copy_partial(p, flat, p->tot_len, 0);
    return netfront_send(front, flat, p->tot_len);
}

static void drain_pending(void)
{
    while (pending_count > 0) {
        struct pbuf *p = pending[pending_first];

        if (send_frame(p) == -EAGAIN)
            return;
        pending_first = (pending_first + 1) % PENDING_MAX;
        pending_count--;
        pbuf_free(p);
    }
}

/* TCP keeps its segments and sends them again when this fails, so nothing is lost by refusing. */
static err_t link_output(struct netif *nif, struct pbuf *p)
{
    struct pbuf *copy;

    (void)nif;
    if (p->tot_len > FRAME_MAX)
        return ERR_BUF;
    if (pending_count == 0 && send_frame(p) != -EAGAIN)
        return ERR_OK;
    if (pending_count == PENDING_MAX)
        return ERR_MEM;
    copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
    if (copy == NULL)
        return ERR_MEM;
    pending[(pending_first + pending_count++) % PENDING_MAX] = copy;
    waitq_wake_one(&pump_wq);
    return ERR_OK;
}

static err_t interface_init(struct netif *nif)
{
    nif->name[0] = 'e';
    nif->name[1] = 'n';
    nif->mtu = 1500;
    nif->hwaddr_len = 6;
    netfront_mac(front, nif->hwaddr);
    nif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_LINK_UP;
    nif->output = etharp_output;
    nif->linkoutput = link_output;
    return ERR_OK;
}

static void receive(void *arg, const uint8_t *frame, size_t len)
{
    struct pbuf *p;

    (void)arg;
    if (interface.input == NULL || len > FRAME_MAX)
        return;
    p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_POOL);
    if (p == NULL)
        return;
    if (pbuf_take(p, frame, (u16_t)len) != ERR_OK || interface.input(p, &interface) != ERR_OK)
        pbuf_free(p);
}

/* Segments that link_output() refused are sent by the next tcp_output() of their connection. */
static void retry_refused(void)
{
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb->unsent != NULL && pending_count < PENDING_MAX / 2)
            tcp_output(pcb);
    }
}

static void pump(void *arg)
{
    (void)arg;
    for (;;) {
        uint64_t now = rt_now();
        bool was_full = pending_count >= PENDING_MAX / 2;
        uint64_t sleep;

        drain_pending();
        if (was_full)
            retry_refused();
        sys_check_timeouts();
        stream_reap(now);
        /* With frames waiting, look again soon: the ring has no event for "room again". */
        sleep = pending_count > 0 ? MS / 4 : 50 * MS;
        waitq_wait(&pump_wq, now + sleep);
    }
}

int stack_start(uint64_t deadline)
{
    ip4_addr_t address, mask, gateway;
    int rc;

    lwip_init();
    rc = netfront_open(0, receive, NULL, deadline, &front);
    if (rc != 0)
        return rc;
    IP4_ADDR(&address, 10, 77, 0, 2);
    IP4_ADDR(&mask, 255, 255, 0, 0);
    IP4_ADDR(&gateway, 10, 77, 0, 1);
    if (netif_add(&interface, &address, &mask, &gateway, NULL, interface_init, ethernet_input) ==
        NULL)
        return -ENOMEM;
    netif_set_default(&interface);
    netif_set_up(&interface);
    return thread_create(pump, NULL, "tcpip", 0);
}
