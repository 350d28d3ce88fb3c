/* SPDX-License-Identifier: MIT */
/* netfront's rings against a back end that is right, and against one that is not. */
#include "netfront_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static struct nf_rx rx;
static struct nf_tx tx;
static union {
    struct netif_rx_sring rx;
    struct netif_tx_sring tx;
    uint8_t page[NF_PAGE];
} shared;
/* The rings end in an array of one that stands for more: reached by pointer only. */
static struct netif_rx_sring *const rx_shared = &shared.rx;
static struct netif_tx_sring *const tx_shared = &shared.tx;
static uint16_t id, offset, len;

static void start_rx(void)
{
    memset(&shared, 0, sizeof(shared));
    nf_rx_init(&rx, &shared.rx);
    for (uint16_t i = 0; i < NF_SLOTS; i++)
        nf_rx_post(&rx, i, 1000U + i);
    nf_rx_push(&rx);
}

/* What a back end writes. */
static void respond(uint16_t rsp_id, uint16_t rsp_offset, uint16_t flags, int16_t status)
{
    rx_shared->ring[shared.rx.rsp_prod++ % NF_SLOTS].rsp = (struct netif_rx_response){
        .id = rsp_id, .offset = rsp_offset, .flags = flags, .status = status};
}

TEST(ring_has_all_slots)
{
    CHECK_EQ(__RING_SIZE(&shared.rx, NF_PAGE), NF_SLOTS);
    CHECK_EQ(__RING_SIZE(&shared.tx, NF_PAGE), NF_SLOTS);
}

TEST(rx_frames)
{
    start_rx();
    CHECK_EQ(shared.rx.req_prod, NF_SLOTS);
    CHECK_EQ(rx_shared->ring[7].req.gref, 1007);
    CHECK_EQ(nf_rx_take(&rx, &id, &offset, &len), 0);
    for (uint16_t turn = 0; turn < 1000; turn++) {
        respond(turn % NF_SLOTS, turn % 100, 0, 1514);
        CHECK_EQ(nf_rx_take(&rx, &id, &offset, &len), 1);
        CHECK_EQ(id, turn % NF_SLOTS);
        CHECK_EQ(offset, turn % 100);
        CHECK_EQ(len, 1514);
        CHECK_EQ(nf_rx_take(&rx, &id, &offset, &len), 0);
        nf_rx_post(&rx, id, 1U);
        nf_rx_push(&rx);
    }
}

TEST(rx_errors_are_dropped)
{
    static const int16_t status[] = {-1, -32768, 0, 13, 1515, 4000};

    for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
        start_rx();
        respond(0, 0, 0, status[i]);
        CHECK_EQ(nf_rx_take(&rx, &id, &offset, &len), 1);
        CHECK_EQ(len, 0);
    }
}

TEST(rx_chains_are_dropped)
{
    start_rx();
    respond(0, 0, NETRXF_more_data, 1000);
    respond(1, 0, NETRXF_more_data, 1000);
    respond(2, 0, 0, 1000);
    respond(3, 0, 0, 60);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(nf_rx_take(&rx, &id, &offset, &len), 1);
        CHECK_EQ(len, 0);
    }
    CHECK_EQ(nf_rx_take(&rx, &id, &offset, &len), 1);
    CHECK_EQ(len, 60);
}

TEST(rx_lies)
{
    static const struct netif_rx_response lies[] = {
        {.id = 0, .offset = 4000, .status = 97},              /* past the page */
        {.id = 0, .offset = 65535, .status = 100},            /* likewise */
        {.id = 0, .offset = 0, .status = 4097},               /* likewise */
        {.id = 0, .offset = 0, .status = 32767},              /* likewise */
        {.id = 256, .status = 100},                           /* no such page */
        {.id = 65535, .status = 100},                         /* likewise */
        {.id = 0, .flags = NETRXF_extra_info, .status = 100}, /* not negotiated */
    };

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        start_rx();
        respond(lies[i].id, lies[i].offset, lies[i].flags, lies[i].status);
        CHECK_EQ(nf_rx_take(&rx, &id, &offset, &len), -EPROTO);
    }
}

TEST(rx_same_page_twice)
{
    start_rx();
    respond(5, 0, 0, 60);
    respond(5, 0, 0, 60);
    CHECK_EQ(nf_rx_take(&rx, &id, &offset, &len), 1);
    CHECK_EQ(nf_rx_take(&rx, &id, &offset, &len), -EPROTO);
}

TEST(rx_more_answers_than_questions)
{
    start_rx();
    shared.rx.rsp_prod = NF_SLOTS + 1;
    CHECK_EQ(nf_rx_take(&rx, &id, &offset, &len), -EPROTO);
    shared.rx.rsp_prod = UINT32_MAX;
    CHECK_EQ(nf_rx_take(&rx, &id, &offset, &len), -EPROTO);
}

TEST(tx_all_slots)
{
    memset(&shared, 0, sizeof(shared));
    nf_tx_init(&tx, &shared.tx);
    for (uint32_t i = 0; i < NF_SLOTS; i++) {
        CHECK_EQ(nf_tx_slot(&tx, &id), 0);
        CHECK_EQ(id, i);
        nf_tx_post(&tx, id, 5000 + i, 60);
    }
    CHECK_EQ(nf_tx_slot(&tx, &id), -EAGAIN);
    nf_tx_push(&tx);
    CHECK_EQ(shared.tx.req_prod, NF_SLOTS);
    CHECK_EQ(nf_tx_reap(&tx), 0);
    for (uint16_t i = 0; i < NF_SLOTS; i++)
        tx_shared->ring[i].rsp = (struct netif_tx_response){.id = (uint16_t)(NF_SLOTS - 1 - i)};
    shared.tx.rsp_prod = NF_SLOTS;
    CHECK_EQ(nf_tx_reap(&tx), (int)NF_SLOTS);
    CHECK_EQ(tx.nr_free, NF_SLOTS);
    CHECK_EQ(nf_tx_slot(&tx, &id), 0);
}

TEST(tx_lies)
{
    static const uint16_t ids[] = {1, 255, 256, 65535};

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        memset(&shared, 0, sizeof(shared));
        nf_tx_init(&tx, &shared.tx);
        CHECK_EQ(nf_tx_slot(&tx, &id), 0);
        nf_tx_post(&tx, id, 1, 60); /* id 0 only */
        nf_tx_push(&tx);
        tx_shared->ring[0].rsp = (struct netif_tx_response){.id = ids[i]};
        shared.tx.rsp_prod = 1;
        CHECK_EQ(nf_tx_reap(&tx), -EPROTO);
    }
    shared.tx.rsp_prod = 2;
    CHECK_EQ(nf_tx_reap(&tx), -EPROTO);
}

/* Any bytes at all in the shared page: never an access outside, never a slot too many. */
TEST(random_pages)
{
    srand(7);
    for (int turn = 0; turn < 3000; turn++) {
        int r;

        start_rx();
        for (size_t i = 0; i < sizeof(shared.page); i++)
            shared.page[i] = (uint8_t)(rand() % 4 == 0 ? rand() : 0);
        shared.rx.rsp_prod = (uint32_t)rand() % 300;
        while ((r = nf_rx_take(&rx, &id, &offset, &len)) == 1) {
            CHECK(id < NF_SLOTS);
            CHECK(offset + len <= (int)NF_PAGE || len == 0);
        }
        CHECK(r == 0 || r == -EPROTO);
    }
}
