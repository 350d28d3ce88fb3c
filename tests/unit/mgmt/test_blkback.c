/* SPDX-License-Identifier: MIT */
/*
 * The block back end below the xenstore: an image and its hash tree, whole and corrupted, and a
 * ring whose front end does everything it should not. Grants are an array of pages here.
 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bearssl.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/blkif.h>

#include <rt/grant.h>

#include "blkback/ring.h"

#define BLOCKS 300U /* more than one level */
#define BLOCK 4096U

static uint8_t *image, *tree, root[32];
static uint64_t image_size, tree_size;
static uint8_t pages[32][4096]; /* grant references 0..31 */

int gnt_copy(struct gnt_copy *ops, size_t n)
{
    int failed = 0;

    for (size_t i = 0; i < n; i++) {
        CHECK(ops[i].to_foreign && ops[i].dom == 7);
        CHECK(ops[i].offset + ops[i].length <= 4096 && ops[i].length > 0);
        CHECK(((uintptr_t)ops[i].local & 4095) + ops[i].length <= 4096);
        if (ops[i].ref >= 32) {
            ops[i].status = GNTST_bad_gntref;
            failed++;
            continue;
        }
        memcpy(pages[ops[i].ref] + ops[i].offset, ops[i].local, ops[i].length);
        ops[i].status = GNTST_okay;
    }
    return failed;
}

static void sha(const void *a, size_t a_len, const void *b, size_t b_len, uint8_t out[32])
{
    br_sha256_context c;

    br_sha256_init(&c);
    br_sha256_update(&c, a, a_len);
    br_sha256_update(&c, b, b_len);
    br_sha256_out(&c, out);
}

/* The tree as the format's header says, made independently of the reader. */
static void make_image(uint64_t size)
{
    struct bh_hashtree_header h;
    uint64_t below = (size + BLOCK - 1) / BLOCK;
    const uint8_t *from;

    free(image);
    free(tree);
    CHECK(bh_hashtree_layout(size, &h) == 0);
    image_size = size;
    tree_size = h.total_length;
    image = aligned_alloc(4096, below * BLOCK);
    tree = aligned_alloc(4096, tree_size);
    memset(image, 0, below * BLOCK);
    memset(tree, 0, tree_size);
    for (uint64_t i = 0; i < size; i++)
        image[i] = (uint8_t)(i * 7 + i / 4096);
    memcpy(tree, &h, sizeof(h));
    from = image;
    for (unsigned int level = 0; level < h.levels; level++) {
        for (uint64_t i = 0; i < below; i++)
            sha(from + i * BLOCK, BLOCK, NULL, 0, tree + h.level_offset[level] + i * 32);
        below = (below + 127) / 128;
        from = tree + h.level_offset[level];
    }
    sha(tree, BLOCK, tree + h.level_offset[h.levels - 1], BLOCK, root);
}

static struct hashtree t;

static int open_tree(void)
{
    return hashtree_open(&t, image, image_size, tree, tree_size, root);
}

TEST(hashtree_accepts_a_good_image)
{
    static const uint64_t sizes[] = {1, 4096, 4097, 128 * 4096, 128 * 4096 + 1, BLOCKS * BLOCK};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        make_image(sizes[i]);
        CHECK(open_tree() == 0);
        CHECK_EQ(t.nr_blocks, (sizes[i] + 4095) / 4096);
        for (uint64_t b = t.nr_blocks; b-- > 0;) {
            CHECK(!hashtree_is_checked(&t, b));
            CHECK(hashtree_check(&t, b) == 0);
            CHECK(hashtree_is_checked(&t, b));
        }
        CHECK(hashtree_check(&t, t.nr_blocks) == -EINVAL);
        CHECK(!hashtree_is_checked(&t, t.nr_blocks));
        hashtree_close(&t);
    }
}

TEST(hashtree_sees_a_changed_block_only_where_it_is)
{
    make_image(BLOCKS * BLOCK);
    CHECK(open_tree() == 0);
    image[77 * BLOCK + 5] ^= 1;
    CHECK(hashtree_check(&t, 76) == 0);
    CHECK(hashtree_check(&t, 77) == -EIO);
    CHECK(hashtree_check(&t, 77) == -EIO);
    CHECK(hashtree_check(&t, 78) == 0);
    hashtree_close(&t);
}

TEST(hashtree_sees_a_changed_tree)
{
    make_image(BLOCKS * BLOCK);
    CHECK(open_tree() == 0);
    tree[t.header.level_offset[0] + 130 * 32] ^= 1; /* second block of level 0 */
    CHECK(hashtree_check(&t, 5) == 0);
    CHECK(hashtree_check(&t, 130) == -EIO);
    CHECK(hashtree_check(&t, 200) == -EIO); /* its neighbours hang on the same block */
    CHECK(hashtree_check(&t, 299) == 0);
    hashtree_close(&t);
}

TEST(hashtree_refuses_a_wrong_header_or_root)
{
    make_image(BLOCKS * BLOCK);
    root[3] ^= 1;
    CHECK(open_tree() == -EIO);
    root[3] ^= 1;
    for (size_t i = 0; i < sizeof(struct bh_hashtree_header); i++) {
        tree[i] ^= 0x40;
        CHECK(open_tree() == -EINVAL);
        tree[i] ^= 0x40;
    }
    tree[100] ^= 1; /* the zero rest of the header block is covered too */
    CHECK(open_tree() == -EIO);
    tree[100] ^= 1;
    CHECK(hashtree_open(&t, image, image_size - BLOCK, tree, tree_size, root) == -EINVAL);
    CHECK(hashtree_open(&t, image, image_size, tree, tree_size - 1, root) == -EINVAL);
    CHECK(hashtree_open(&t, image, 0, tree, tree_size, root) == -EINVAL);
}

/* ---- the ring ---- */

static struct {
    uint32_t req_prod, req_event, rsp_prod, rsp_event;
    uint8_t pad[48];
    union {
        struct blkif_request req;
        struct blkif_response rsp;
    } slot[32];
    uint8_t rest[4096 - 64 - 32 * 112];
} ring_page;
static struct blk_ring ring;

static void set_up(void)
{
    make_image(BLOCKS * BLOCK);
    CHECK(open_tree() == 0);
    memset(&ring_page, 0, sizeof(ring_page));
    memset(pages, 0, sizeof(pages));
    ring_page.rsp_event = 1;
    blk_ring_open(&ring, &ring_page, 7, &t);
}

static struct blkif_request *next_request(uint8_t operation)
{
    struct blkif_request *q = &ring_page.slot[ring_page.req_prod++ % 32].req;

    memset(q, 0, sizeof(*q));
    q->operation = operation;
    q->id = 0x1122334455667700ULL + ring_page.req_prod;
    return q;
}

static struct blkif_request *read_request(uint64_t sector, unsigned int nr, uint8_t first,
                                          uint8_t last)
{
    struct blkif_request *q = next_request(BLKIF_OP_READ);

    q->sector_number = sector;
    q->nr_segments = (uint8_t)nr;
    for (unsigned int i = 0; i < nr && i < 11; i++)
        q->seg[i] = (struct blkif_request_segment){i, first, last};
    return q;
}

static int16_t answer(uint64_t id)
{
    struct blkif_response rsp;
    uint32_t before = ring.rsp_prod;
    struct blk_pump p = blk_ring_pump(&ring);

    CHECK(!ring.dead && !p.more);
    CHECK_EQ(ring.rsp_prod, before + 1);
    CHECK_EQ(ring_page.rsp_prod, ring.rsp_prod);
    rsp = ring_page.slot[before % 32].rsp;
    CHECK_EQ(rsp.id, id);
    return rsp.status;
}

TEST(reads_arrive_where_they_should)
{
    struct blkif_request *q;

    set_up();
    q = read_request(8 * 8, 11, 0, 7);
    CHECK(answer(q->id) == BLKIF_RSP_OKAY);
    CHECK(memcmp(pages, image + 8 * BLOCK, 11 * BLOCK) == 0);
    q = read_request(BLOCKS * 8 - 1, 1, 7, 7); /* the last sector into the page's last */
    CHECK(answer(q->id) == BLKIF_RSP_OKAY);
    CHECK(memcmp(pages[0] + 7 * 512, image + BLOCKS * BLOCK - 512, 512) == 0);
    q = read_request(8 * 20 + 3, 2, 0, 7); /* not aligned: each segment straddles two blocks */
    CHECK(answer(q->id) == BLKIF_RSP_OKAY);
    CHECK(memcmp(pages, image + 20 * BLOCK + 3 * 512, 2 * BLOCK) == 0);
    hashtree_close(&t);
}

TEST(bad_requests_get_an_error)
{
    set_up();
    CHECK(answer(read_request(BLOCKS * 8, 1, 0, 0)->id) == BLKIF_RSP_ERROR);
    CHECK(answer(read_request(BLOCKS * 8 - 7, 1, 0, 7)->id) == BLKIF_RSP_ERROR);
    CHECK(answer(read_request(UINT64_MAX, 1, 0, 7)->id) == BLKIF_RSP_ERROR);
    CHECK(answer(read_request(UINT64_MAX - 6, 1, 0, 7)->id) == BLKIF_RSP_ERROR);
    CHECK(answer(read_request(0, 0, 0, 7)->id) == BLKIF_RSP_ERROR);
    CHECK(answer(read_request(0, 12, 0, 7)->id) == BLKIF_RSP_ERROR);
    CHECK(answer(read_request(0, 255, 0, 7)->id) == BLKIF_RSP_ERROR);
    CHECK(answer(read_request(0, 1, 0, 8)->id) == BLKIF_RSP_ERROR);
    CHECK(answer(read_request(0, 1, 5, 4)->id) == BLKIF_RSP_ERROR);
    CHECK(answer(next_request(BLKIF_OP_WRITE)->id) == BLKIF_RSP_ERROR);
    CHECK(answer(next_request(BLKIF_OP_DISCARD)->id) == BLKIF_RSP_EOPNOTSUPP);
    CHECK(answer(next_request(BLKIF_OP_INDIRECT)->id) == BLKIF_RSP_EOPNOTSUPP);
    CHECK(answer(next_request(0xee)->id) == BLKIF_RSP_EOPNOTSUPP);
    hashtree_close(&t);
}

TEST(bad_grants_fail_their_request_only)
{
    struct blkif_request *q;

    set_up();
    q = read_request(0, 2, 0, 7);
    q->seg[1].gref = 99;
    CHECK(answer(q->id) == BLKIF_RSP_ERROR);
    CHECK(answer(read_request(0, 2, 0, 7)->id) == BLKIF_RSP_OKAY);
    hashtree_close(&t);
}

TEST(corrupt_blocks_are_not_served)
{
    set_up();
    image[10 * BLOCK] ^= 1;
    CHECK(answer(read_request(9 * 8, 2, 0, 7)->id) == BLKIF_RSP_ERROR);
    CHECK(ring.corrupt == 1 && ring.corrupt_block == 10);
    CHECK(answer(read_request(9 * 8, 1, 0, 7)->id) == BLKIF_RSP_OKAY);
    hashtree_close(&t);
}

TEST(hostile_indices_end_the_device)
{
    set_up();
    ring_page.req_prod = 33;
    (void)blk_ring_pump(&ring);
    CHECK(ring.dead);
    hashtree_close(&t);
    set_up();
    CHECK(answer(read_request(0, 1, 0, 7)->id) == BLKIF_RSP_OKAY);
    ring_page.req_prod = 0; /* backwards */
    (void)blk_ring_pump(&ring);
    CHECK(ring.dead);
    hashtree_close(&t);
}

TEST(a_full_ring_is_served_in_turns)
{
    unsigned int turns = 1;
    struct blk_pump p;

    set_up();
    for (unsigned int i = 0; i < 32; i++)
        (void)read_request(i * 8, 1, 0, 7);
    p = blk_ring_pump(&ring);
    CHECK(p.more && p.notify && ring.rsp_prod == 8);
    while (blk_ring_pump(&ring).more)
        turns++;
    CHECK_EQ(turns, 3);
    CHECK_EQ(ring_page.rsp_prod, 32);
    CHECK_EQ(ring_page.req_event, 33);
    hashtree_close(&t);
    free(image);
    free(tree);
    image = tree = NULL;
}
