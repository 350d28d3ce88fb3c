/* SPDX-License-Identifier: MIT */
/*
 * Allocator of page frames over one range of frame numbers: a bitmap, first fit, contiguous runs.
 * Pure: touches nothing but the bitmap it is given. Serves RAM and the window of unbacked frames.
 */
#ifndef RT_PAGEALLOC_H
#define RT_PAGEALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pagealloc {
    uint64_t *bitmap; /* a set bit is a free frame */
    uint64_t first;   /* frame number of bit 0 */
    size_t frames;
    size_t free;
    size_t hint; /* no frame below this index is free */
};

size_t pagealloc_bitmap_bytes(size_t frames);

/* All frames start out taken. bitmap: pagealloc_bitmap_bytes(frames) bytes, 8-aligned. */
void pagealloc_init(struct pagealloc *pa, uint64_t *bitmap, uint64_t first, size_t frames);

/* Takes the lowest run of n > 0 free frames. Returns 0 or -ENOMEM. */
int pagealloc_take(struct pagealloc *pa, size_t n, uint64_t *frame);

/* Makes frames free. -EINVAL, and nothing changes, if one is out of range or free already. */
int pagealloc_give(struct pagealloc *pa, uint64_t frame, size_t n);

/* Takes these frames, free or not; those out of range are ignored. */
void pagealloc_exclude(struct pagealloc *pa, uint64_t frame, uint64_t n);

/* Next run of free frames at or after *frame; false when there is none. */
bool pagealloc_next_run(const struct pagealloc *pa, uint64_t *frame, size_t *n);

#endif
