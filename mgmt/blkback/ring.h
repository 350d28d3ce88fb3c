/* SPDX-License-Identifier: MIT */
/*
 * The request ring of one block device, on the back end's side. Indices are private, requests are
 * copied once and checked; used by blkback.c and, with fakes below it, by tests.
 */
#ifndef BH_BLK_RING_H
#define BH_BLK_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "hashtree.h"

#define BLK_RING_ENTRIES 32U /* one page */
#define BLK_SECTOR 512U
#define BLK_SECTORS_PER_PAGE 8U

struct blk_ring {
    void *page; /* NULL: not connected */
    struct hashtree *image;
    uint64_t sectors;
    uint32_t req_cons, rsp_prod;
    uint16_t domid;
    bool dead;              /* the front end broke the protocol */
    uint32_t corrupt;       /* requests refused because the image is not what it should be */
    uint64_t corrupt_block; /* the last such */
};

struct blk_pump {
    bool notify, more;
};

void blk_ring_open(struct blk_ring *r, void *page, uint16_t domid, struct hashtree *image);
/* Serves what is there, within a budget of requests and of newly checked blocks. */
struct blk_pump blk_ring_pump(struct blk_ring *r);

#endif
