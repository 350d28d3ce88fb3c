/* SPDX-License-Identifier: MIT */
/*
 * The back end's rings against a front end in the same program, honest first, then hostile: wrong
 * indices, chains without end, offsets and sizes beyond the page, bad references, double ids.
 */
#include <rt/grant.h>
#include <string.h>

#include "net_testlib.h"
#include "ring.h"
#include "test.h"
#include "wire.h"

#define PAGES 16U
#define BAD_REF 999U

static uint8_t pages[PAGES][RING_PAGE] __attribute__((aligned(4096)));
static uint8_t tx_page[RING_PAGE] __attribute__((aligned(4096)));
static uint8_t rx_page[RING_PAGE] __attribute__((aligned(4096)));
static struct netif_tx_front_ring tx;
static struct netif_rx_front_ring rx;
static struct vif_ring ring;
static struct frame_pool pool;
static struct frame frames[64];
static uint8_t frame_data[64][FRAME_ROOM] __attribute__((aligned(4096)));
static struct frame_queue got;
static bool more, notify;

/* The hypervisor's part: a grant reference is the page's number plus 8. */
int gnt_copy(struct gnt_copy *ops, size_t n)
{
    int failed = 0;

    for (size_t i = 0; i < n; i++) {
        struct gnt_copy *c = &ops[i];
        uint8_t *foreign;

        CHECK((uintptr_t)c->local / RING_PAGE == ((uintptr_t)c->local + c->length - 1) / RING_PAGE);
        CHECK(c->length != 0 && c->offset + c->length <= RING_PAGE && c->dom == 7);
        c->status = c->ref >= 8 && c->ref < 8 + PAGES ? GNTST_okay : GNTST_bad_gntref;
        if (c->status != GNTST_okay) {
            failed++;
            continue;
        }
        foreign = pages[c->ref - 8] + c->offset;
        if (c->to_foreign)
            memcpy(foreign, c->local, c->length);
        else
            memcpy(c->local, foreign, c->length);
    }
    return failed;
}

static void sink(void *ctx, struct frame *f)
{
    (void)ctx;
    frame_queue_push(&got, f);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion" /* in Xen's ring macros */
#pragma GCC diagnostic ignored "-Wsign-conversion"
static void begin(void)
{
    struct netif_tx_sring *t = (void *)tx_page;
    struct netif_rx_sring *r = (void *)rx_page;

    memset(tx_page, 0, RING_PAGE);
    memset(rx_page, 0, RING_PAGE);
    SHARED_RING_INIT(t);
    SHARED_RING_INIT(r);
    FRONT_RING_INIT(&tx, t, RING_PAGE);
    FRONT_RING_INIT(&rx, r, RING_PAGE);
    frame_pool_init(&pool, frames, frame_data[0], 64);
    memset(&got, 0, sizeof(got));
    ring_attach(&ring, 7, tx_page, rx_page);
    for (size_t i = 0; i < sizeof(pages); i++)
        pages[i / RING_PAGE][i % RING_PAGE] = (uint8_t)(i * 7 + i / 256);
}
#pragma GCC diagnostic pop

static void end(void)
{
    struct frame *f;

    while ((f = frame_queue_pop(&got)) != NULL)
        frame_put(&pool, f);
    CHECK_EQ(pool.free_count, 64);
}

static void put_tx(uint32_t ref, uint16_t offset, uint16_t flags, uint16_t id, uint16_t size)
{
    *RING_GET_REQUEST(&tx, tx.req_prod_pvt) =
        (struct netif_tx_request){ref, offset, flags, id, size};
    tx.req_prod_pvt++;
}

static unsigned int take(void)
{
    RING_PUSH_REQUESTS(&tx);
    notify = false;
    return ring_take(&ring, &pool, 32, sink, NULL, &more, &notify);
}

/* The next answer has this id and status. */
static void expect(uint16_t id, int16_t status)
{
    struct netif_tx_response *rsp = RING_GET_RESPONSE(&tx, tx.rsp_cons);

    CHECK(tx.rsp_cons != tx.sring->rsp_prod);
    tx.rsp_cons++;
    CHECK_EQ(rsp->id, id);
    CHECK_EQ(rsp->status, status);
}

TEST(ring_takes_a_packet)
{
    struct frame *f;

    begin();
    put_tx(9, 100, NETTXF_csum_blank | NETTXF_data_validated, 42, 1514);
    CHECK_EQ(take(), 1);
    CHECK(!more && notify && !ring.broken);
    expect(42, NETIF_RSP_OKAY);
    f = frame_queue_pop(&got);
    CHECK(f != NULL && f->len == 1514 && f->checksum_blank);
    CHECK(memcmp(f->data, pages[1] + 100, 1514) == 0);
    frame_put(&pool, f);
    CHECK_EQ(tx.sring->req_event, 2);
    end();
}

TEST(ring_puts_a_packet_of_several_slots_together)
{
    struct frame *f;

    begin();
    put_tx(8, 4000, NETTXF_more_data, 1, 1000); /* 96 bytes here */
    put_tx(10, 0, NETTXF_more_data, 2, 4);
    put_tx(11, 7, 0, 3, 900);
    put_tx(12, 0, 0, 4, 60); /* the next packet */
    CHECK_EQ(take(), 4);
    for (uint16_t id = 1; id <= 4; id++)
        expect(id, NETIF_RSP_OKAY);
    f = frame_queue_pop(&got);
    CHECK(f != NULL && f->len == 1000);
    CHECK(memcmp(f->data, pages[0] + 4000, 96) == 0);
    CHECK(memcmp(f->data + 96, pages[2], 4) == 0);
    CHECK(memcmp(f->data + 100, pages[3] + 7, 900) == 0);
    frame_put(&pool, f);
    CHECK_EQ(got.count, 1);
    end();
}

TEST(ring_refuses_packets_that_do_not_fit)
{
    static const struct {
        uint16_t offset, size;
    } bad[] = {{0, 1515},  {0, 65535}, {0, 13},     {0, 0},
               {4090, 60}, {4096, 60}, {65535, 60}, {4095, 1514}};
    const uint16_t n = sizeof(bad) / sizeof(bad[0]);

    begin();
    for (uint16_t i = 0; i < n; i++)
        put_tx(8, bad[i].offset, 0, i, bad[i].size);
    put_tx(8, 0, 0, 100, 60);
    CHECK_EQ(take(), n + 1U);
    for (uint16_t i = 0; i < n; i++)
        expect(i, NETIF_RSP_ERROR);
    expect(100, NETIF_RSP_OKAY);
    CHECK_EQ(got.count, 1);
    CHECK(!ring.broken);
    end();
}

TEST(ring_refuses_pieces_that_do_not_add_up)
{
    begin();
    put_tx(8, 0, NETTXF_more_data, 1, 100); /* the rest is larger than the whole */
    put_tx(9, 0, 0, 2, 100);
    put_tx(8, 0, NETTXF_more_data, 3, 100);
    put_tx(9, 0, 0, 4, 65535);
    put_tx(8, 0, NETTXF_more_data, 5, 100); /* a piece beyond its page */
    put_tx(9, 4095, 0, 6, 2);
    put_tx(8, 0, NETTXF_more_data, 7, 100); /* an empty piece */
    put_tx(9, 0, 0, 8, 0);
    put_tx(8, 0, 0, 9, 60);
    CHECK_EQ(take(), 9);
    for (uint16_t id = 1; id <= 8; id++)
        expect(id, NETIF_RSP_ERROR);
    expect(9, NETIF_RSP_OKAY);
    CHECK_EQ(got.count, 1);
    end();
}

TEST(ring_answers_extra_information_with_null)
{
    begin();
    put_tx(8, 0, NETTXF_extra_info, 1, 1000);
    put_tx(0, 0, 0, 0, 0); /* type 0, flags 0: the last extra */
    put_tx(8, 0, NETTXF_extra_info | NETTXF_more_data, 3, 1000);
    put_tx(XEN_NETIF_EXTRA_FLAG_MORE << 8 | XEN_NETIF_EXTRA_TYPE_GSO, 0, 0, 0, 0);
    put_tx(XEN_NETIF_EXTRA_TYPE_HASH, 0, 0, 0, 0);
    put_tx(8, 0, 0, 6, 500);
    put_tx(8, 0, 0, 7, 60);
    CHECK_EQ(take(), 7);
    expect(1, NETIF_RSP_ERROR);
    expect(0, NETIF_RSP_NULL);
    expect(3, NETIF_RSP_ERROR);
    expect(0, NETIF_RSP_NULL);
    expect(0, NETIF_RSP_NULL);
    expect(6, NETIF_RSP_ERROR);
    expect(7, NETIF_RSP_OKAY);
    CHECK_EQ(got.count, 1);
    end();
}

TEST(ring_survives_bad_references_and_double_ids)
{
    begin();
    put_tx(BAD_REF, 0, 0, 5, 60);
    put_tx(8, 0, 0, 5, 60);
    put_tx(8, 0, NETTXF_more_data, 5, 100);
    put_tx(0xffffffff, 0, 0, 65535, 40);
    put_tx(8, 0, 0, 5, 60);
    CHECK_EQ(take(), 5);
    expect(5, NETIF_RSP_ERROR);
    expect(5, NETIF_RSP_OKAY);
    expect(5, NETIF_RSP_ERROR);
    expect(65535, NETIF_RSP_ERROR);
    expect(5, NETIF_RSP_OKAY);
    CHECK_EQ(got.count, 2);
    end();
}

TEST(ring_breaks_on_indices_that_cannot_be)
{
    static const RING_IDX bad[] = {257, 1000, 0x80000000, 0xffffffff};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        begin();
        tx.sring->req_prod = bad[i];
        CHECK_EQ(ring_take(&ring, &pool, 32, sink, NULL, &more, &notify), 0);
        CHECK(ring.broken && got.count == 0 && tx.sring->rsp_prod == 0);
        end();
        begin();
        frame_queue_push(&got, frame_get(&pool));
        got.head->len = 60;
        rx.sring->req_prod = bad[i];
        CHECK_EQ(ring_deliver(&ring, &pool, &got, &notify), 0);
        CHECK(ring.broken && rx.sring->rsp_prod == 0);
        end();
    }
}

TEST(ring_breaks_on_chains_without_end)
{
    begin(); /* the last request says that more follows */
    put_tx(8, 0, 0, 0, 60);
    put_tx(8, 0, NETTXF_more_data, 1, 1000);
    CHECK_EQ(take(), 0);
    CHECK(ring.broken && got.count == 0);
    end();
    begin(); /* more pieces than a packet may have */
    for (uint16_t i = 0; i < 200; i++)
        put_tx(8, 0, NETTXF_more_data, i, 1000);
    CHECK_EQ(take(), 0);
    CHECK(ring.broken);
    end();
    begin(); /* extras for ever */
    put_tx(8, 0, NETTXF_extra_info, 1, 1000);
    for (uint16_t i = 0; i < 100; i++)
        put_tx(XEN_NETIF_EXTRA_FLAG_MORE << 8 | 1, 0, 0, 0, 0);
    CHECK_EQ(take(), 0);
    CHECK(ring.broken);
    end();
}

TEST(ring_takes_a_full_ring_in_turns)
{
    unsigned int total = 0;

    begin();
    for (uint16_t i = 0; i < 256; i++)
        put_tx(8 + i % PAGES, 0, 0, i, 60);
    for (unsigned int turn = 0; turn < 8; turn++) {
        struct frame *f;

        CHECK_EQ(take(), 32);
        CHECK_EQ(more, turn != 7);
        total += got.count;
        while ((f = frame_queue_pop(&got)) != NULL)
            frame_put(&pool, f);
    }
    CHECK_EQ(total, 256);
    for (uint16_t i = 0; i < 256; i++)
        expect(i, NETIF_RSP_OKAY);
    end();
}

TEST(ring_leaves_requests_when_no_frame_is_free)
{
    struct frame_queue held = {0};

    begin();
    for (unsigned int i = 0; i < 62; i++)
        frame_queue_push(&held, frame_get(&pool));
    for (uint16_t i = 0; i < 5; i++)
        put_tx(8, 0, 0, i, 60);
    CHECK_EQ(take(), 2);
    CHECK(more);
    CHECK_EQ(take(), 0);
    CHECK(more && !ring.broken);
    while (held.count != 0)
        frame_put(&pool, frame_queue_pop(&held));
    CHECK_EQ(take(), 3);
    CHECK(!more);
    end();
}

static void offer_rx(uint16_t id, uint32_t ref)
{
    *RING_GET_REQUEST(&rx, rx.req_prod_pvt) = (struct netif_rx_request){id, 0, ref};
    rx.req_prod_pvt++;
    RING_PUSH_REQUESTS(&rx);
}

static void queue_frame(uint16_t len, uint8_t fill)
{
    struct frame *f = frame_get(&pool);

    memset(f->data, fill, len);
    f->len = len;
    frame_queue_push(&got, f);
}

static void expect_rx(uint16_t id, int16_t status)
{
    struct netif_rx_response *rsp = RING_GET_RESPONSE(&rx, rx.rsp_cons);

    CHECK(rx.rsp_cons != rx.sring->rsp_prod);
    rx.rsp_cons++;
    CHECK_EQ(rsp->id, id);
    CHECK_EQ(rsp->status, status);
    CHECK_EQ(rsp->flags, 0);
    CHECK_EQ(rsp->offset, 0);
}

TEST(ring_delivers_as_far_as_buffers_go)
{
    begin();
    queue_frame(60, 1);
    queue_frame(1514, 2);
    queue_frame(61, 3);
    offer_rx(11, 8);
    offer_rx(12, 9);
    notify = false;
    CHECK_EQ(ring_deliver(&ring, &pool, &got, &notify), 2);
    CHECK(notify && got.count == 1);
    expect_rx(11, 60);
    expect_rx(12, 1514);
    CHECK(pages[1][0] == 2 && pages[1][1513] == 2);
    CHECK_EQ(rx.sring->req_event, 3); /* an event with the very next buffer */
    offer_rx(13, BAD_REF);
    CHECK_EQ(ring_deliver(&ring, &pool, &got, &notify), 1);
    expect_rx(13, NETIF_RSP_ERROR);
    CHECK_EQ(ring.rx_errors, 1);
    end();
}
