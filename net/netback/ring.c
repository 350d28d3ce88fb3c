/* SPDX-License-Identifier: MIT */
/*
 * Rings of a network back end; see ring.h. Without feature-sg and feature-gso a well-behaved front
 * end still sends a packet in more than one slot when its buffer crosses a page, so chains of slots
 * are put together here; anything larger than a frame is answered with an error.
 */
#include "ring.h"

#include <rt/grant.h>

#include "wire.h"

#define RING_ENTRIES 256U
_Static_assert(__CONST_RING_SIZE(netif_tx, RING_PAGE) == RING_ENTRIES, "one page");
_Static_assert(__CONST_RING_SIZE(netif_rx, RING_PAGE) == RING_ENTRIES, "one page");

#define BATCH_PACKETS 32U
#define MAX_EXTRAS 4U
#define MAX_SLOTS (XEN_NETIF_NR_SLOTS_MIN + MAX_EXTRAS) /* of one packet */
#define BATCH_SLOTS 96U
#define BATCH_DELIVER 64U

/* One answer to give, in ring order. */
struct slot {
    uint16_t id;
    int16_t status;
};

struct tx_packet {
    struct frame *frame;      /* NULL: refused before any copy */
    unsigned int slot, slots; /* in tx_batch.slot */
    unsigned int copy, copies;
};

struct tx_batch {
    struct tx_packet packet[BATCH_PACKETS];
    struct slot slot[BATCH_SLOTS];
    struct gnt_copy copy[BATCH_SLOTS];
    unsigned int packets, slots, copies;
};

static struct tx_batch batch; /* one thread; too large for a stack */

void ring_attach(struct vif_ring *r, uint16_t domid, void *tx_page, void *rx_page)
{
    struct netif_tx_sring *tx = tx_page;
    struct netif_rx_sring *rx = rx_page;
    RING_IDX tx_rsp = *(volatile RING_IDX *)&tx->rsp_prod;
    RING_IDX rx_rsp = *(volatile RING_IDX *)&rx->rsp_prod;

    *r = (struct vif_ring){.domid = domid};
    r->tx = (struct netif_tx_back_ring){tx_rsp, tx_rsp, RING_ENTRIES, tx};
    r->rx = (struct netif_rx_back_ring){rx_rsp, rx_rsp, RING_ENTRIES, rx};
}

static RING_IDX tx_producer(struct vif_ring *r)
{
    RING_IDX prod = *(volatile RING_IDX *)&r->tx.sring->req_prod;

    xen_rmb(); /* requests are read after the index that covers them */
    if (RING_REQUEST_PROD_OVERFLOW(&r->tx, prod))
        r->broken = true;
    return prod;
}

/* Next request of the packet, if the front end offered one. Its answer's place is reserved. */
static bool next_slot(struct vif_ring *r, RING_IDX prod, struct tx_packet *p,
                      struct netif_tx_request *req)
{
    if (r->tx.req_cons == prod || p->slots == MAX_SLOTS) {
        r->broken = true; /* a chain that does not end */
        return false;
    }
    RING_COPY_REQUEST(&r->tx, r->tx.req_cons, req);
    r->tx.req_cons++;
    batch.slot[batch.slots++] = (struct slot){.id = req->id, .status = NETIF_RSP_OKAY};
    p->slots++;
    return true;
}

/* Extra information slots: none was offered, so a packet that has any is refused, but each slot
 * has to be skipped and answered with "null". */
static bool skip_extras(struct vif_ring *r, RING_IDX prod, struct tx_packet *p)
{
    struct netif_tx_request raw;
    struct netif_extra_info extra;

    for (unsigned int i = 0; i < MAX_EXTRAS; i++) {
        if (!next_slot(r, prod, p, &raw))
            return false;
        batch.slot[batch.slots - 1].status = NETIF_RSP_NULL;
        _Static_assert(sizeof(extra) <= sizeof(raw), "an extra fits in a request's slot");
        __builtin_memcpy(&extra, &raw, sizeof(extra));
        if ((extra.flags & XEN_NETIF_EXTRA_FLAG_MORE) == 0)
            return true;
    }
    r->broken = true;
    return false;
}

static void add_copy(struct vif_ring *r, struct tx_packet *p, const struct netif_tx_request *req,
                     uint16_t length, uint16_t at)
{
    batch.copy[batch.copies++] = (struct gnt_copy){.dom = r->domid,
                                                   .ref = req->gref,
                                                   .offset = req->offset,
                                                   .length = length,
                                                   .local = p->frame->data + at};
    p->copies++;
}

static bool in_page(const struct netif_tx_request *req, uint32_t length)
{
    return length != 0 && req->offset < RING_PAGE && length <= RING_PAGE - req->offset;
}

/*
 * Reads one packet's slots. The first request's size is that of the whole packet; the others give
 * the sizes of their pieces, so the first piece is what is left.
 */
static void read_packet(struct vif_ring *r, RING_IDX prod, struct tx_packet *p)
{
    struct netif_tx_request first, req;
    uint32_t tail = 0;
    bool good;

    if (!next_slot(r, prod, p, &first))
        return;
    good = first.size >= ETH_HLEN && first.size <= ETH_FRAME_MAX;
    if ((first.flags & NETTXF_extra_info) != 0) {
        good = false;
        if (!skip_extras(r, prod, p))
            return;
    }
    req = first;
    while ((req.flags & NETTXF_more_data) != 0) {
        if (!next_slot(r, prod, p, &req))
            return;
        tail += req.size;
        good = good && tail < first.size && in_page(&req, req.size);
        if (good) /* where it goes is known once all sizes are: the place is set below */
            add_copy(r, p, &req, req.size, 0);
    }
    good = good && in_page(&first, first.size - tail);
    if (!good) {
        batch.copies = p->copy;
        p->copies = 0;
        return;
    }
    uint16_t at = (uint16_t)(first.size - tail);

    for (unsigned int i = 0; i < p->copies; i++) {
        struct gnt_copy *c = &batch.copy[p->copy + i];

        c->local = p->frame->data + at;
        at = (uint16_t)(at + c->length);
    }
    add_copy(r, p, &first, (uint16_t)(first.size - tail), 0);
    p->frame->len = first.size;
    p->frame->checksum_blank = (first.flags & NETTXF_csum_blank) != 0;
}

/* Fills the batch from the ring. False: the front end broke the protocol. */
static bool read_batch(struct vif_ring *r, struct frame_pool *pool, unsigned int budget,
                       RING_IDX prod)
{
    batch.packets = batch.slots = batch.copies = 0;
    if (budget > BATCH_PACKETS)
        budget = BATCH_PACKETS;
    while (batch.packets < budget && r->tx.req_cons != prod &&
           batch.slots + MAX_SLOTS <= BATCH_SLOTS) {
        struct tx_packet *p = &batch.packet[batch.packets];

        *p =
            (struct tx_packet){.frame = frame_get(pool), .slot = batch.slots, .copy = batch.copies};
        if (p->frame == NULL)
            break; /* the requests wait in the ring */
        batch.packets++;
        read_packet(r, prod, p);
        if (r->broken)
            return false;
    }
    return true;
}

static void drop_batch(struct frame_pool *pool)
{
    for (unsigned int i = 0; i < batch.packets; i++)
        frame_put(pool, batch.packet[i].frame);
}

/* Whether all pieces of a packet arrived; sets its answers. */
static bool settle(struct tx_packet *p, bool copied)
{
    bool good = copied && p->copies != 0;

    for (unsigned int i = 0; good && i < p->copies; i++)
        good = batch.copy[p->copy + i].status == GNTST_okay;
    for (unsigned int i = 0; !good && i < p->slots; i++) {
        struct slot *s = &batch.slot[p->slot + i];

        if (s->status == NETIF_RSP_OKAY)
            s->status = NETIF_RSP_ERROR;
    }
    return good;
}

static void answer_batch(struct vif_ring *r, bool *notify)
{
    int wanted = 0;

    for (unsigned int i = 0; i < batch.slots; i++) {
        struct netif_tx_response *rsp = RING_GET_RESPONSE(&r->tx, r->tx.rsp_prod_pvt);

        rsp->id = batch.slot[i].id;
        rsp->status = batch.slot[i].status;
        r->tx.rsp_prod_pvt++;
    }
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&r->tx, wanted);
    if (wanted)
        *notify = true;
}

unsigned int ring_take(struct vif_ring *r, struct frame_pool *pool, unsigned int budget,
                       ring_sink_fn *sink, void *ctx, bool *more, bool *notify)
{
    RING_IDX prod = tx_producer(r);
    bool copied = true;

    *more = false;
    if (r->broken)
        return 0;
    if (!read_batch(r, pool, budget, prod)) {
        drop_batch(pool);
        return 0;
    }
    if (batch.copies != 0)
        copied = gnt_copy(batch.copy, batch.copies) >= 0;
    for (unsigned int i = 0; i < batch.packets; i++) {
        struct tx_packet *p = &batch.packet[i];

        if (settle(p, copied)) {
            sink(ctx, p->frame);
        } else {
            frame_put(pool, p->frame);
            r->tx_errors++;
        }
    }
    if (batch.slots != 0)
        answer_batch(r, notify);
    if (r->tx.req_cons != prod) {
        *more = true;
    } else {
        unsigned int work = 0;

        RING_FINAL_CHECK_FOR_REQUESTS(&r->tx, work);
        *more = work != 0;
    }
    return batch.slots;
}

/* How many buffers the front end offers now; asks for an event when there are not enough. */
static unsigned int rx_offered(struct vif_ring *r, unsigned int wanted)
{
    RING_IDX prod = *(volatile RING_IDX *)&r->rx.sring->req_prod;

    if (prod - r->rx.req_cons < wanted) {
        *(volatile RING_IDX *)&r->rx.sring->req_event = prod + 1;
        xen_mb(); /* the event is asked for before the index is looked at again */
        prod = *(volatile RING_IDX *)&r->rx.sring->req_prod;
    }
    xen_rmb();
    if (RING_REQUEST_PROD_OVERFLOW(&r->rx, prod))
        r->broken = true;
    return r->broken ? 0 : prod - r->rx.req_cons;
}

static unsigned int deliver_some(struct vif_ring *r, struct frame_pool *pool, struct frame_queue *q,
                                 bool *notify)
{
    static struct gnt_copy copy[BATCH_DELIVER];
    static struct slot answer[BATCH_DELIVER];
    unsigned int n = q->count < BATCH_DELIVER ? q->count : BATCH_DELIVER;
    unsigned int offered = rx_offered(r, n);
    struct frame *f = q->head;
    bool copied;
    int wanted = 0;

    if (n > offered)
        n = offered;
    if (n == 0)
        return 0;
    for (unsigned int i = 0; i < n; i++, f = f->next) {
        struct netif_rx_request req;

        RING_COPY_REQUEST(&r->rx, r->rx.req_cons, &req);
        r->rx.req_cons++;
        answer[i].id = req.id;
        copy[i] = (struct gnt_copy){.to_foreign = true,
                                    .dom = r->domid,
                                    .ref = req.gref,
                                    .length = f->len,
                                    .local = f->data};
    }
    copied = gnt_copy(copy, n) >= 0;
    for (unsigned int i = 0; i < n; i++) {
        struct netif_rx_response *rsp = RING_GET_RESPONSE(&r->rx, r->rx.rsp_prod_pvt);
        bool good = copied && copy[i].status == GNTST_okay;

        f = frame_queue_pop(q);
        rsp->id = answer[i].id;
        rsp->offset = 0;
        rsp->flags = 0;
        rsp->status = good ? (int16_t)f->len : NETIF_RSP_ERROR;
        r->rx.rsp_prod_pvt++;
        r->rx_errors += !good;
        frame_put(pool, f);
    }
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&r->rx, wanted);
    if (wanted)
        *notify = true;
    return n;
}

unsigned int ring_deliver(struct vif_ring *r, struct frame_pool *pool, struct frame_queue *q,
                          bool *notify)
{
    unsigned int total = 0, n;

    do {
        n = q->count == 0 || r->broken ? 0 : deliver_some(r, pool, q, notify);
        total += n;
    } while (n != 0);
    return total;
}
