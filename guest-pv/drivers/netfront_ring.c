/* SPDX-License-Identifier: MIT */
/* netfront's rings: see netfront_ring.h. */
#include "netfront_ring.h"

#include <errno.h>
#include <string.h>

void nf_rx_init(struct nf_rx *rx, struct netif_rx_sring *sring)
{
    memset(rx, 0, sizeof(*rx));
    SHARED_RING_INIT(sring);
    rx->ring.nr_ents = NF_SLOTS;
    rx->ring.sring = sring;
}

void nf_tx_init(struct nf_tx *tx, struct netif_tx_sring *sring)
{
    memset(tx, 0, sizeof(*tx));
    SHARED_RING_INIT(sring);
    tx->ring.nr_ents = NF_SLOTS;
    tx->ring.sring = sring;
    for (uint32_t i = 0; i < NF_SLOTS; i++)
        tx->free[tx->nr_free++] = NF_SLOTS - 1 - i;
}

void nf_rx_post(struct nf_rx *rx, uint16_t id, uint32_t ref)
{
    struct netif_rx_request *req = RING_GET_REQUEST(&rx->ring, rx->ring.req_prod_pvt);

    *req = (struct netif_rx_request){.id = id, .gref = ref};
    rx->ids.in_flight[id] = true;
    rx->ring.req_prod_pvt++;
}

bool nf_rx_push(struct nf_rx *rx)
{
    int notify;

    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&rx->ring, notify);
    return notify != 0;
}

/* How many responses there are; the back end cannot have answered more than was asked. */
static int available(uint32_t rsp_prod, uint32_t rsp_cons, uint32_t req_prod, uint32_t *n)
{
    if (rsp_prod - rsp_cons > req_prod - rsp_cons)
        return -EPROTO;
    *n = rsp_prod - rsp_cons;
    return 0;
}

/* Length of the frame in an answer's page, 0 for errors and what we never asked for; or -EPROTO. */
static int frame_length(struct nf_rx *rx, const struct netif_rx_response *rsp)
{
    bool in_chain = rx->dropping;

    if (rsp->status > 0 && rsp->offset + rsp->status > (int)NF_PAGE)
        return -EPROTO;
    /* The slot after this flag holds no response; without the feature nobody may use it. */
    if ((rsp->flags & NETRXF_extra_info) != 0)
        return -EPROTO;
    rx->dropping = (rsp->flags & NETRXF_more_data) != 0;
    if (in_chain || rx->dropping || rsp->status < (int)NF_MIN_FRAME ||
        rsp->status > (int)NF_MAX_FRAME)
        return 0;
    return rsp->status;
}

int nf_rx_take(struct nf_rx *rx, uint16_t *id, uint16_t *offset, uint16_t *len)
{
    uint32_t prod = __atomic_load_n(&rx->ring.sring->rsp_prod, __ATOMIC_ACQUIRE), n;
    struct netif_rx_response rsp;
    int length;

    if (available(prod, rx->ring.rsp_cons, rx->ring.req_prod_pvt, &n) != 0)
        return -EPROTO;
    if (n == 0)
        return 0;
    memcpy(&rsp, RING_GET_RESPONSE(&rx->ring, rx->ring.rsp_cons), sizeof(rsp));
    __asm__ volatile("" : : : "memory");
    if (rsp.id >= NF_SLOTS || !rx->ids.in_flight[rsp.id])
        return -EPROTO;
    length = frame_length(rx, &rsp);
    if (length < 0)
        return length;
    rx->ids.in_flight[rsp.id] = false;
    rx->ring.rsp_cons++;
    *id = rsp.id;
    *offset = rsp.offset;
    *len = (uint16_t)length;
    return 1;
}

bool nf_rx_check(struct nf_rx *rx)
{
    RING_IDX more;

    RING_FINAL_CHECK_FOR_RESPONSES(&rx->ring, more);
    return more != 0;
}

int nf_tx_slot(struct nf_tx *tx, uint16_t *id)
{
    if (tx->nr_free == 0)
        return -EAGAIN;
    *id = (uint16_t)tx->free[--tx->nr_free];
    return 0;
}

void nf_tx_post(struct nf_tx *tx, uint16_t id, uint32_t ref, uint16_t len)
{
    struct netif_tx_request *req = RING_GET_REQUEST(&tx->ring, tx->ring.req_prod_pvt);

    *req = (struct netif_tx_request){.gref = ref, .id = id, .size = len};
    tx->ids.in_flight[id] = true;
    tx->ring.req_prod_pvt++;
}

bool nf_tx_push(struct nf_tx *tx)
{
    int notify;

    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&tx->ring, notify);
    return notify != 0;
}

int nf_tx_reap(struct nf_tx *tx)
{
    uint32_t prod = __atomic_load_n(&tx->ring.sring->rsp_prod, __ATOMIC_ACQUIRE), n;
    uint32_t ring_id;

    if (available(prod, tx->ring.rsp_cons, tx->ring.req_prod_pvt, &n) != 0)
        return -EPROTO;
    for (uint32_t i = 0; i < n; i++) {
        struct netif_tx_response rsp;

        memcpy(&rsp, RING_GET_RESPONSE(&tx->ring, tx->ring.rsp_cons), sizeof(rsp));
        __asm__ volatile("" : : : "memory");
        ring_id = rsp.id;
        if (ring_id >= NF_SLOTS || !tx->ids.in_flight[ring_id])
            return -EPROTO;
        tx->ids.in_flight[ring_id] = false;
        tx->free[tx->nr_free++] = ring_id;
        tx->ring.rsp_cons++;
    }
    return (int)n;
}

bool nf_tx_check(struct nf_tx *tx)
{
    RING_IDX more;

    RING_FINAL_CHECK_FOR_RESPONSES(&tx->ring, more);
    return more != 0;
}
