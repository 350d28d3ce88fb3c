/* SPDX-License-Identifier: MIT */
/*
 * Checks blocks of an image in memory against its hash tree (mgmt/include/public/bh_hashtree.h)
 * when they are first read, and remembers which ones it has checked: later reads cost a bit test.
 * Inner blocks of the tree are checked once too. Image and tree come from an untrusted disk, the
 * root does not.
 */
#ifndef BH_BLK_HASHTREE_H
#define BH_BLK_HASHTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bh_hashtree.h"

struct hashtree {
    struct bh_hashtree_header header; /* checked copy */
    const uint8_t *data;              /* readable, and zero, up to the end of its last block */
    const uint8_t *tree;
    uint64_t nr_blocks;
    uint8_t *data_seen; /* a bit for each data block that is known to be good */
    uint8_t *node_seen[BH_HASHTREE_MAX_LEVELS];
};

/* Nothing is copied: data and tree must stay. -EINVAL: sizes or header wrong; -EIO: not what the
 * root vouches for; -ENOMEM. */
int hashtree_open(struct hashtree *t, const uint8_t *data, uint64_t data_size, const uint8_t *tree,
                  uint64_t tree_size, const uint8_t root[BH_HASHTREE_HASH]);
void hashtree_close(struct hashtree *t);
bool hashtree_is_checked(const struct hashtree *t, uint64_t block);
/* 0: the block is good; -EIO: it or its path in the tree is not; -EINVAL: no such block. */
int hashtree_check(struct hashtree *t, uint64_t block);

#endif
