/* SPDX-License-Identifier: MIT */
/*
 * Block requests: copy, check, verify the image's blocks, one batch of grant copies, answer.
 */
#include "ring.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/ring.h>
#include <xen/io/blkif.h>

#include <rt/grant.h>

#include "drivers/shm.h"

/* A turn serves at most these; then others have theirs. */
#define TURN_REQUESTS 8U
#define TURN_CHECKS 32U

#define OPS_PER_SEGMENT 2U /* a segment may straddle two pages of the image */
#define MAX_OPS (TURN_REQUESTS * BLKIF_MAX_SEGMENTS_PER_REQUEST * OPS_PER_SEGMENT)

/* The shared page: struct blkif_sring without its macros. */
struct ring_page {
    uint32_t req_prod, req_event, rsp_prod, rsp_event;
    uint8_t pad[48];
    union {
        struct blkif_request req;
        struct blkif_response rsp;
    } slot[BLK_RING_ENTRIES];
};

_Static_assert(sizeof(struct blkif_request) == 112, "x86_64 layout");
_Static_assert(offsetof(struct ring_page, slot) == 64 && sizeof(struct ring_page) <= 4096,
               "x86_64 layout");

struct pending {
    uint64_t id;
    uint8_t operation;
    int16_t status;
    uint32_t first_op, nr_ops; /* in the batch */
};

struct batch {
    struct gnt_copy op[MAX_OPS];
    uint32_t nr_ops;
    struct pending req[TURN_REQUESTS];
    uint32_t nr_reqs;
    uint32_t checks;
};

/* One thread serves all devices and does not wait while it uses this. */
static struct batch batch;

void blk_ring_open(struct blk_ring *r, void *page, uint16_t domid, struct hashtree *image)
{
    struct ring_page *p = page;

    memset(r, 0, sizeof(*r));
    r->page = page;
    r->domid = domid;
    r->image = image;
    r->sectors = (image->header.data_length + BLK_SECTOR - 1) / BLK_SECTOR;
    r->req_cons = r->rsp_prod = shm_read32(&p->rsp_prod);
}

static int check_blocks(struct blk_ring *r, uint64_t sector, uint64_t count)
{
    uint64_t last = (sector + count - 1) / BLK_SECTORS_PER_PAGE;

    for (uint64_t b = sector / BLK_SECTORS_PER_PAGE; b <= last; b++) {
        if (hashtree_is_checked(r->image, b))
            continue;
        batch.checks++;
        if (hashtree_check(r->image, b) != 0) {
            r->corrupt++;
            r->corrupt_block = b;
            return -EIO;
        }
    }
    return 0;
}

static void add_copies(struct blk_ring *r, const struct blkif_request_segment *seg, uint64_t sector)
{
    uint32_t offset = seg->first_sect * BLK_SECTOR;
    uint32_t left = (uint32_t)(seg->last_sect - seg->first_sect + 1) * BLK_SECTOR;
    uint64_t from = sector * BLK_SECTOR;

    while (left > 0) {
        uint32_t in_page = 4096U - (uint32_t)(from & 4095U);
        uint32_t n = left < in_page ? left : in_page;

        batch.op[batch.nr_ops++] = (struct gnt_copy){
            .to_foreign = true,
            .dom = r->domid,
            .ref = seg->gref,
            .offset = (uint16_t)offset,
            .length = (uint16_t)n,
            .local = (void *)(uintptr_t)(r->image->data + from), /* source: only read */
        };
        offset += n;
        from += n;
        left -= n;
    }
}

static int16_t prepare_read(struct blk_ring *r, const struct blkif_request *q)
{
    uint64_t sector = q->sector_number, total = 0;

    if (q->nr_segments == 0 || q->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
        return BLKIF_RSP_ERROR;
    for (unsigned int i = 0; i < q->nr_segments; i++) {
        if (q->seg[i].first_sect > q->seg[i].last_sect ||
            q->seg[i].last_sect >= BLK_SECTORS_PER_PAGE)
            return BLKIF_RSP_ERROR;
        total += (uint64_t)q->seg[i].last_sect - q->seg[i].first_sect + 1;
    }
    if (sector >= r->sectors || total > r->sectors - sector)
        return BLKIF_RSP_ERROR;
    if (check_blocks(r, sector, total) != 0)
        return BLKIF_RSP_ERROR;
    for (unsigned int i = 0; i < q->nr_segments; i++) {
        add_copies(r, &q->seg[i], sector);
        sector += (uint64_t)q->seg[i].last_sect - q->seg[i].first_sect + 1;
    }
    return BLKIF_RSP_OKAY;
}

static void take_request(struct blk_ring *r)
{
    struct ring_page *page = r->page;
    struct pending *p = &batch.req[batch.nr_reqs++];
    struct blkif_request q;

    shm_copy(&q, &page->slot[r->req_cons % BLK_RING_ENTRIES].req, sizeof(q));
    r->req_cons++;
    *p = (struct pending){.id = q.id, .operation = q.operation, .first_op = batch.nr_ops};
    switch (q.operation) {
    case BLKIF_OP_READ:
        p->status = prepare_read(r, &q);
        break;
    case BLKIF_OP_WRITE:
        p->status = BLKIF_RSP_ERROR;
        break;
    default: /* none of the optional operations was offered */
        p->status = BLKIF_RSP_EOPNOTSUPP;
        break;
    }
    p->nr_ops = batch.nr_ops - p->first_op;
}

static void put_response(struct blk_ring *r, const struct pending *p)
{
    struct ring_page *page = r->page;
    struct blkif_response rsp = {.id = p->id, .operation = p->operation, .status = p->status};

    memcpy(&page->slot[r->rsp_prod % BLK_RING_ENTRIES].rsp, &rsp, sizeof(rsp));
    r->rsp_prod++;
}

/* True if the front end asked to be told of what was added since. */
static bool publish(struct blk_ring *r, uint32_t before)
{
    struct ring_page *page = r->page;

    shm_write32(&page->rsp_prod, r->rsp_prod);
    shm_mb();
    return r->rsp_prod - shm_read32(&page->rsp_event) < r->rsp_prod - before;
}

static uint32_t requests_waiting(struct blk_ring *r)
{
    struct ring_page *page = r->page;
    uint32_t n = shm_read32(&page->req_prod) - r->req_cons;

    /* Every request has room for its response: at most a ring of them can be outstanding. */
    if (n > BLK_RING_ENTRIES - (r->req_cons - r->rsp_prod))
        r->dead = true;
    return n;
}

struct blk_pump blk_ring_pump(struct blk_ring *r)
{
    struct ring_page *page = r->page;
    struct blk_pump done = {false, false};
    uint32_t waiting = requests_waiting(r), before = r->rsp_prod;

    if (r->dead)
        return done;
    batch.nr_ops = batch.nr_reqs = batch.checks = 0;
    while (waiting > 0 && batch.nr_reqs < TURN_REQUESTS && batch.checks < TURN_CHECKS) {
        take_request(r);
        waiting--;
    }
    if (batch.nr_ops > 0 && gnt_copy(batch.op, batch.nr_ops) < 0) {
        for (uint32_t i = 0; i < batch.nr_ops; i++)
            batch.op[i].status = GNTST_general_error;
    }
    for (uint32_t i = 0; i < batch.nr_reqs; i++) {
        struct pending *p = &batch.req[i];

        for (uint32_t k = 0; k < p->nr_ops; k++) {
            if (batch.op[p->first_op + k].status != GNTST_okay)
                p->status = BLKIF_RSP_ERROR;
        }
        put_response(r, p);
    }
    if (batch.nr_reqs > 0)
        done.notify = publish(r, before);
    if (waiting == 0) {
        /* Ask to be told of the next one, then look once more: it may have come just before. */
        shm_write32(&page->req_event, r->req_cons + 1);
        shm_mb();
        waiting = requests_waiting(r);
    }
    done.more = !r->dead && waiting > 0;
    return done;
}
