/* SPDX-License-Identifier: MIT */
/*
 * Format of a base image's hash tree (FILE.hash): written by tools/image/hashtree, checked by
 * mgmt's block back end, which holds the root and takes everything else from an untrusted disk.
 *
 * The file is a header block, then the levels, leaves first, each padded with zeros to whole
 * blocks. A block is 4096 bytes everywhere. Level 0 holds the SHA-256 of each data block (the last
 * one padded with zeros); level n + 1 that of each block of level n; so a block holds 128 hashes.
 * The last level is one block. The root is SHA-256(header block || block of the last level): it
 * covers the length and the offsets too. All numbers are little-endian.
 *
 * To check data block b: the hash of b is entry b % 128 of block b / 128 of level 0; the hash of
 * that block is entry (b / 128) % 128 of block b / 128 / 128 of level 1; and so on up to the last
 * level, which bh_hashtree_header and the root have vouched for.
 */
#ifndef BH_HASHTREE_H
#define BH_HASHTREE_H

#include <stdint.h>

#define BH_HASHTREE_MAGIC 0x54484842U /* "BHHT" */
#define BH_HASHTREE_VERSION 1U
#define BH_HASHTREE_BLOCK 4096U
#define BH_HASHTREE_HASH 32U
#define BH_HASHTREE_FANOUT (BH_HASHTREE_BLOCK / BH_HASHTREE_HASH)
#define BH_HASHTREE_MAX_LEVELS 4U /* 128^4 blocks of 4 KB: 1 TB */
#define BH_HASHTREE_MAX_DATA (1ULL << 40)

/* First bytes of the header block; the rest of the block is zero. */
struct bh_hashtree_header {
    uint32_t magic;
    uint32_t version;
    uint32_t block_size;                           /* BH_HASHTREE_BLOCK */
    uint32_t levels;                               /* 1 .. BH_HASHTREE_MAX_LEVELS */
    uint64_t data_length;                          /* bytes; 1 .. BH_HASHTREE_MAX_DATA */
    uint64_t total_length;                         /* of the hash tree file */
    uint64_t level_offset[BH_HASHTREE_MAX_LEVELS]; /* from the start of the file; unused: 0 */
};

_Static_assert(sizeof(struct bh_hashtree_header) == 64, "hash tree file ABI");

/*
 * The only header there can be for data of that length. A reader compares all of it with what the
 * file says. Returns 0, or -1 if the length is 0 or too large.
 */
static inline int bh_hashtree_layout(uint64_t data_length, struct bh_hashtree_header *header)
{
    uint64_t hashes = (data_length + BH_HASHTREE_BLOCK - 1) / BH_HASHTREE_BLOCK;
    uint64_t offset = BH_HASHTREE_BLOCK;
    struct bh_hashtree_header h = {
        .magic = BH_HASHTREE_MAGIC,
        .version = BH_HASHTREE_VERSION,
        .block_size = BH_HASHTREE_BLOCK,
        .data_length = data_length,
    };

    if (data_length == 0 || data_length > BH_HASHTREE_MAX_DATA)
        return -1;
    do {
        h.level_offset[h.levels++] = offset;
        hashes = (hashes + BH_HASHTREE_FANOUT - 1) / BH_HASHTREE_FANOUT; /* blocks of this level */
        offset += hashes * BH_HASHTREE_BLOCK;
    } while (hashes > 1);
    h.total_length = offset;
    *header = h;
    return 0;
}

/* Where in the hash tree file the hash of data block `block` (or of a block of level - 1) stands.
 */
static inline uint64_t bh_hashtree_entry_offset(const struct bh_hashtree_header *header,
                                                unsigned int level, uint64_t block)
{
    return header->level_offset[level] + block * BH_HASHTREE_HASH;
}

#endif
