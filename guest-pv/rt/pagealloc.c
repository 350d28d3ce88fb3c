/* SPDX-License-Identifier: MIT */
/* Page frame allocator: see pagealloc.h. */
#include "pagealloc.h"

#include <errno.h>
#include <string.h>

size_t pagealloc_bitmap_bytes(size_t frames)
{
    return (frames + 63) / 64 * sizeof(uint64_t);
}

void pagealloc_init(struct pagealloc *pa, uint64_t *bitmap, uint64_t first, size_t frames)
{
    memset(bitmap, 0, pagealloc_bitmap_bytes(frames));
    *pa = (struct pagealloc){.bitmap = bitmap, .first = first, .frames = frames, .hint = frames};
}

static bool is_free(const struct pagealloc *pa, size_t i)
{
    return pa->bitmap[i / 64] >> (i % 64) & 1;
}

/* First index in [i, end) whose bit equals `want`; end when there is none. */
static size_t find(const struct pagealloc *pa, size_t i, size_t end, bool want)
{
    while (i < end) {
        uint64_t word = want ? pa->bitmap[i / 64] : ~pa->bitmap[i / 64];

        word >>= i % 64;
        if (word != 0) {
            i += (size_t)__builtin_ctzll(word);
            return i < end ? i : end;
        }
        i = (i / 64 + 1) * 64;
    }
    return end;
}

static void set(struct pagealloc *pa, size_t i, size_t n, bool to_free)
{
    while (n > 0) {
        size_t bit = i % 64, count = 64 - bit < n ? 64 - bit : n;
        uint64_t mask = (count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1) << bit;

        if (to_free)
            pa->bitmap[i / 64] |= mask;
        else
            pa->bitmap[i / 64] &= ~mask;
        i += count;
        n -= count;
    }
}

int pagealloc_take(struct pagealloc *pa, size_t n, uint64_t *frame)
{
    size_t i, end;

    if (n == 0 || n > pa->free)
        return -ENOMEM;
    i = pa->hint = find(pa, pa->hint, pa->frames, true);
    while (pa->frames - i >= n) {
        end = find(pa, i, i + n, false);
        if (end == i + n) {
            set(pa, i, n, false);
            pa->free -= n;
            if (i == pa->hint)
                pa->hint = i + n;
            *frame = pa->first + i;
            return 0;
        }
        i = find(pa, end, pa->frames, true);
    }
    return -ENOMEM;
}

int pagealloc_give(struct pagealloc *pa, uint64_t frame, size_t n)
{
    size_t i;

    if (frame < pa->first || frame - pa->first > pa->frames ||
        n > pa->frames - (size_t)(frame - pa->first))
        return -EINVAL;
    i = (size_t)(frame - pa->first);
    if (find(pa, i, i + n, true) != i + n)
        return -EINVAL;
    set(pa, i, n, true);
    pa->free += n;
    if (n > 0 && i < pa->hint)
        pa->hint = i;
    return 0;
}

void pagealloc_exclude(struct pagealloc *pa, uint64_t frame, uint64_t n)
{
    uint64_t end = n > UINT64_MAX - frame ? UINT64_MAX : frame + n;

    if (frame < pa->first)
        frame = pa->first;
    if (end > pa->first + pa->frames)
        end = pa->first + pa->frames;
    for (; frame < end; frame++) {
        size_t i = (size_t)(frame - pa->first);

        if (is_free(pa, i)) {
            set(pa, i, 1, false);
            pa->free--;
        }
    }
}

bool pagealloc_next_run(const struct pagealloc *pa, uint64_t *frame, size_t *n)
{
    size_t i = *frame > pa->first ? (size_t)(*frame - pa->first) : 0, end;

    if (i >= pa->frames)
        return false;
    i = find(pa, i, pa->frames, true);
    if (i == pa->frames)
        return false;
    end = find(pa, i, pa->frames, false);
    *frame = pa->first + i;
    *n = end - i;
    return true;
}
