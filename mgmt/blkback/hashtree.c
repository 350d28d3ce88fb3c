/* SPDX-License-Identifier: MIT */
/*
 * The check of a block: its own hash in level 0, the hash of that level's block in level 1, and so
 * on up to the first one that is already known, at the latest the top block that the root covers.
 */
#include "hashtree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bearssl.h>

static bool get_bit(const uint8_t *map, uint64_t i)
{
    return (map[i / 8] >> (i % 8) & 1U) != 0;
}

static void set_bit(uint8_t *map, uint64_t i)
{
    map[i / 8] = (uint8_t)(map[i / 8] | 1U << (i % 8));
}

static void hash2(const void *a, size_t a_len, const void *b, size_t b_len,
                  uint8_t out[BH_HASHTREE_HASH])
{
    br_sha256_context c;

    br_sha256_init(&c);
    br_sha256_update(&c, a, a_len);
    br_sha256_update(&c, b, b_len);
    br_sha256_out(&c, out);
}

static const uint8_t *node_block(const struct hashtree *t, unsigned int level, uint64_t i)
{
    return t->tree + t->header.level_offset[level] + i * BH_HASHTREE_BLOCK;
}

static uint64_t nodes_in_level(const struct hashtree *t, unsigned int level)
{
    uint64_t end =
        level + 1 < t->header.levels ? t->header.level_offset[level + 1] : t->header.total_length;

    return (end - t->header.level_offset[level]) / BH_HASHTREE_BLOCK;
}

static int alloc_maps(struct hashtree *t)
{
    t->data_seen = calloc(1, t->nr_blocks / 8 + 1);
    if (t->data_seen == NULL)
        return -ENOMEM;
    for (unsigned int level = 0; level < t->header.levels; level++) {
        t->node_seen[level] = calloc(1, nodes_in_level(t, level) / 8 + 1);
        if (t->node_seen[level] == NULL)
            return -ENOMEM;
    }
    return 0;
}

int hashtree_open(struct hashtree *t, const uint8_t *data, uint64_t data_size, const uint8_t *tree,
                  uint64_t tree_size, const uint8_t root[BH_HASHTREE_HASH])
{
    struct bh_hashtree_header h;
    uint8_t hash[BH_HASHTREE_HASH];
    int rc;

    memset(t, 0, sizeof(*t));
    if (bh_hashtree_layout(data_size, &h) != 0 || tree_size < h.total_length)
        return -EINVAL;
    if (memcmp(tree, &h, sizeof(h)) != 0)
        return -EINVAL;
    t->header = h;
    t->data = data;
    t->tree = tree;
    t->nr_blocks = (data_size + BH_HASHTREE_BLOCK - 1) / BH_HASHTREE_BLOCK;
    hash2(tree, BH_HASHTREE_BLOCK, node_block(t, h.levels - 1, 0), BH_HASHTREE_BLOCK, hash);
    if (memcmp(hash, root, sizeof(hash)) != 0)
        return -EIO;
    rc = alloc_maps(t);
    if (rc != 0) {
        hashtree_close(t);
        return rc;
    }
    set_bit(t->node_seen[h.levels - 1], 0);
    return 0;
}

void hashtree_close(struct hashtree *t)
{
    free(t->data_seen);
    for (unsigned int level = 0; level < BH_HASHTREE_MAX_LEVELS; level++)
        free(t->node_seen[level]);
    memset(t, 0, sizeof(*t));
}

bool hashtree_is_checked(const struct hashtree *t, uint64_t block)
{
    return block < t->nr_blocks && get_bit(t->data_seen, block);
}

/* Compares a block with entry i of a level; the entry's own block must be good. */
static bool matches(const struct hashtree *t, const uint8_t *block, unsigned int level, uint64_t i)
{
    uint8_t hash[BH_HASHTREE_HASH];

    hash2(block, BH_HASHTREE_BLOCK, NULL, 0, hash);
    return memcmp(hash, t->tree + bh_hashtree_entry_offset(&t->header, level, i), sizeof(hash)) ==
           0;
}

/* Makes sure that block i of a level is good. From the lowest known block above downwards. */
static int check_node(struct hashtree *t, unsigned int level, uint64_t i)
{
    unsigned int known = level;
    uint64_t at[BH_HASHTREE_MAX_LEVELS] = {0};

    at[level] = i;
    while (!get_bit(t->node_seen[known], at[known])) {
        if (known + 1 >= t->header.levels)
            return -EIO; /* cannot be: the top is known from the start */
        at[known + 1] = at[known] / BH_HASHTREE_FANOUT;
        known++;
    }
    while (known > level) {
        known--;
        if (!matches(t, node_block(t, known, at[known]), known + 1, at[known]))
            return -EIO;
        set_bit(t->node_seen[known], at[known]);
    }
    return 0;
}

int hashtree_check(struct hashtree *t, uint64_t block)
{
    int rc;

    if (block >= t->nr_blocks)
        return -EINVAL;
    if (get_bit(t->data_seen, block))
        return 0;
    rc = check_node(t, 0, block / BH_HASHTREE_FANOUT);
    if (rc != 0)
        return rc;
    if (!matches(t, t->data + block * BH_HASHTREE_BLOCK, 0, block))
        return -EIO;
    set_bit(t->data_seen, block);
    return 0;
}
