/* SPDX-License-Identifier: MIT */
/* Builds the hash tree of a base image in memory; see hashtree.h. */
#include "hashtree.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

/* Hashes each block of `from`, the last one padded with zeros, into consecutive entries at `to`. */
static void hash_level(const uint8_t *from, uint64_t length, uint8_t *to)
{
    for (uint64_t at = 0; at < length; at += BH_HASHTREE_BLOCK) {
        if (length - at >= BH_HASHTREE_BLOCK) {
            SHA256(from + at, BH_HASHTREE_BLOCK, to);
        } else {
            uint8_t last[BH_HASHTREE_BLOCK] = {0};

            memcpy(last, from + at, length - at);
            SHA256(last, sizeof last, to);
        }
        to += BH_HASHTREE_HASH;
    }
}

int hashtree_build(const uint8_t *data, uint64_t length, uint8_t **tree, uint64_t *tree_length,
                   uint8_t root[BH_HASHTREE_HASH])
{
    struct bh_hashtree_header header;
    uint8_t *file;
    uint8_t ends[2 * BH_HASHTREE_BLOCK];

    if (bh_hashtree_layout(length, &header) != 0)
        return -EINVAL;
    file = calloc(1, header.total_length);
    if (file == NULL)
        return -ENOMEM;
    memcpy(file, &header, sizeof header);
    hash_level(data, length, file + header.level_offset[0]);
    for (unsigned int level = 1; level < header.levels; level++) {
        uint64_t below = header.level_offset[level - 1];

        hash_level(file + below, header.level_offset[level] - below,
                   file + header.level_offset[level]);
    }
    memcpy(ends, file, BH_HASHTREE_BLOCK);
    memcpy(ends + BH_HASHTREE_BLOCK, file + header.level_offset[header.levels - 1],
           BH_HASHTREE_BLOCK);
    SHA256(ends, sizeof ends, root);
    *tree = file;
    *tree_length = header.total_length;
    return 0;
}
