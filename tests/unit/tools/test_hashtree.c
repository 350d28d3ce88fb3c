/* SPDX-License-Identifier: MIT */
/*
 * The hash tree as its reader sees it: from the root down to each data block, with the layout at
 * the lengths where the number of blocks and of levels changes.
 */
#include "hashtree.h"
#include "test.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK ((uint64_t)BH_HASHTREE_BLOCK)

static uint8_t *make_data(uint64_t length)
{
    uint8_t *data = malloc(length);
    uint32_t state = 1;

    for (uint64_t i = 0; i < length; i++) {
        state = state * 1664525U + 1013904223U;
        data[i] = (uint8_t)(state >> 24);
    }
    return data;
}

/* What the block back end does: header and top level against the root. */
static bool top_is_good(const uint8_t *tree, uint64_t data_length, const uint8_t *root)
{
    struct bh_hashtree_header header, expected;
    uint8_t ends[2 * BH_HASHTREE_BLOCK], hash[BH_HASHTREE_HASH];

    memcpy(&header, tree, sizeof header);
    if (bh_hashtree_layout(data_length, &expected) != 0 ||
        memcmp(&header, &expected, sizeof header) != 0)
        return false;
    memcpy(ends, tree, BLOCK);
    memcpy(ends + BLOCK, tree + header.level_offset[header.levels - 1], BLOCK);
    SHA256(ends, sizeof ends, hash);
    return memcmp(hash, root, sizeof hash) == 0;
}

/* The path of one data block up to the top level. */
static bool block_is_good(const uint8_t *tree, const uint8_t *data, uint64_t length, uint64_t block)
{
    struct bh_hashtree_header header;
    uint8_t copy[BH_HASHTREE_BLOCK] = {0}, hash[BH_HASHTREE_HASH];
    uint64_t left = length - block * BLOCK;

    memcpy(&header, tree, sizeof header);
    memcpy(copy, data + block * BLOCK, left < BLOCK ? left : BLOCK);
    for (unsigned int level = 0; level < header.levels; level++) {
        SHA256(copy, sizeof copy, hash);
        if (memcmp(hash, tree + bh_hashtree_entry_offset(&header, level, block), sizeof hash) != 0)
            return false;
        block /= BH_HASHTREE_FANOUT;
        memcpy(copy, tree + header.level_offset[level] + block * BLOCK, sizeof copy);
    }
    return block == 0;
}

static void check_length(uint64_t length, unsigned int levels)
{
    uint8_t *data = make_data(length), *tree = NULL;
    uint8_t root[BH_HASHTREE_HASH];
    uint64_t tree_length = 0, blocks = (length + BLOCK - 1) / BLOCK;
    struct bh_hashtree_header header;

    CHECK_EQ(hashtree_build(data, length, &tree, &tree_length, root), 0);
    memcpy(&header, tree, sizeof header);
    CHECK_EQ(header.levels, levels);
    CHECK_EQ(header.total_length, tree_length);
    CHECK_EQ(tree_length % BLOCK, 0);
    CHECK(top_is_good(tree, length, root));
    for (uint64_t b = 0; b<blocks; b += blocks> 64 ? 61 : 1)
        CHECK(block_is_good(tree, data, length, b));
    CHECK(block_is_good(tree, data, length, blocks - 1));
    free(tree);
    free(data);
}

TEST(one_level)
{
    check_length(1, 1);
    check_length(BLOCK - 1, 1);
    check_length(BLOCK, 1);
    check_length(BLOCK + 1, 1);
    check_length(128 * BLOCK, 1);
}

TEST(more_levels)
{
    check_length(128 * BLOCK + 1, 2);
    check_length(128 * 128 * BLOCK, 2);
    check_length(128 * 128 * BLOCK + 1, 3);
}

TEST(lengths_out_of_range_are_refused)
{
    struct bh_hashtree_header header;
    uint8_t root[BH_HASHTREE_HASH], byte = 0, *tree = NULL;
    uint64_t tree_length = 0;

    CHECK_EQ(hashtree_build(&byte, 0, &tree, &tree_length, root), -EINVAL);
    CHECK(tree == NULL);
    CHECK_EQ(bh_hashtree_layout(BH_HASHTREE_MAX_DATA, &header), 0);
    CHECK_EQ(header.levels, BH_HASHTREE_MAX_LEVELS);
    CHECK_EQ(bh_hashtree_layout(BH_HASHTREE_MAX_DATA + 1, &header), -1);
    CHECK_EQ(bh_hashtree_layout(UINT64_MAX, &header), -1);
}

TEST(changes_are_seen)
{
    uint64_t length = 300 * BLOCK + 7, tree_length = 0;
    uint8_t *data = make_data(length), *tree = NULL;
    uint8_t root[BH_HASHTREE_HASH];

    CHECK_EQ(hashtree_build(data, length, &tree, &tree_length, root), 0);
    data[length - 1] ^= 1;
    CHECK(!block_is_good(tree, data, length, 300));
    CHECK(block_is_good(tree, data, length, 299));
    CHECK(!top_is_good(tree, length - 1, root));
    tree[bh_hashtree_entry_offset((const struct bh_hashtree_header *)tree, 1, 2)] ^= 1;
    CHECK(!top_is_good(tree, length, root));
    free(tree);
    free(data);
}
