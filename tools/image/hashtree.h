/* SPDX-License-Identifier: MIT */
/* Builds the hash tree of a base image in memory; the format is in bh_hashtree.h. */
#ifndef BH_TOOLS_HASHTREE_H
#define BH_TOOLS_HASHTREE_H

#include "bh_hashtree.h"

#include <stddef.h>

/*
 * Builds the tree of `length` bytes at `data`. On success *tree is the whole hash tree file, to be
 * freed by the caller, *tree_length its size, and root the trusted hash. Returns 0, -EINVAL for a
 * length the format cannot hold, or -ENOMEM.
 */
int hashtree_build(const uint8_t *data, uint64_t length, uint8_t **tree, uint64_t *tree_length,
                   uint8_t root[BH_HASHTREE_HASH]);

#endif
