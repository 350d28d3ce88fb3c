/* SPDX-License-Identifier: MIT */
/*
 * The back end's rings against an arbitrary front end: the input is both shared pages and a script
 * of what happens to their producer indices. Every byte of a shared page may be anything.
 */
#include <rt/grant.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"

#define FRAMES 64U

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static struct frame_pool pool;
static struct frame frames[FRAMES];
static uint8_t data[FRAMES][FRAME_ROOM] __attribute__((aligned(4096)));

int gnt_copy(struct gnt_copy *ops, size_t n)
{
    int failed = 0;

    for (size_t i = 0; i < n; i++) {
        uintptr_t at = (uintptr_t)ops[i].local - (uintptr_t)data;

        if (ops[i].length == 0 || ops[i].offset + ops[i].length > RING_PAGE || at >= sizeof(data) ||
            at % FRAME_ROOM + ops[i].length > FRAME_ROOM)
            abort();
        ops[i].status = ops[i].ref % 7 == 0 ? GNTST_bad_gntref : GNTST_okay;
        failed += ops[i].status != GNTST_okay;
        if (!ops[i].to_foreign)
            memset(ops[i].local, 0x5a, ops[i].length);
    }
    return failed;
}

static void sink(void *ctx, struct frame *f)
{
    if (f->len < 14 || f->len > 1514)
        abort();
    frame_queue_push(ctx, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static uint8_t tx[RING_PAGE] __attribute__((aligned(4096)));
    static uint8_t rx[RING_PAGE] __attribute__((aligned(4096)));
    struct frame_queue q = {0};
    struct vif_ring r;
    bool more, notify = false;
    size_t script = size < 16 ? size : 16;
    const uint8_t *steps = input;

    input += script;
    size -= script;
    memset(tx, 0, sizeof(tx));
    memset(rx, 0, sizeof(rx));
    memcpy(tx + 64, input, size < RING_PAGE - 64 ? size : RING_PAGE - 64);
    memcpy(rx + 64, input, size < RING_PAGE - 64 ? size : RING_PAGE - 64);
    frame_pool_init(&pool, frames, data[0], FRAMES);
    ring_attach(&r, 5, tx, rx);
    for (size_t i = 0; i < script && !r.broken; i++) {
        struct netif_tx_sring *s = (void *)tx;
        struct netif_rx_sring *t = (void *)rx;

        s->req_prod += steps[i] & 0x3f;
        t->req_prod += steps[i] >> 6;
        if (steps[i] == 0xff)
            s->req_prod -= 1000;
        ring_take(&r, &pool, 32, sink, &q, &more, &notify);
        if (!r.broken)
            ring_deliver(&r, &pool, &q, &notify);
    }
    while (q.count != 0)
        frame_put(&pool, frame_queue_pop(&q));
    if (pool.free_count != FRAMES)
        abort();
    return 0;
}
