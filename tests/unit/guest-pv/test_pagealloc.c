/* SPDX-License-Identifier: MIT */
/* Page frame allocator: first fit, refusal of bad frees, and a random run against a simple model.
 */
#include "pagealloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#define FIRST 0x100U
#define FRAMES 1000U

static struct pagealloc pa;
static uint64_t bitmap[(FRAMES + 63) / 64];

static void all_free(void)
{
    pagealloc_init(&pa, bitmap, FIRST, FRAMES);
    CHECK_EQ(pagealloc_give(&pa, FIRST, FRAMES), 0);
}

TEST(empty)
{
    uint64_t frame;

    pagealloc_init(&pa, bitmap, FIRST, FRAMES);
    CHECK_EQ(pagealloc_take(&pa, 1, &frame), -ENOMEM);
    CHECK_EQ(pa.free, 0);
    CHECK_EQ(pagealloc_bitmap_bytes(1), 8);
    CHECK_EQ(pagealloc_bitmap_bytes(64), 8);
    CHECK_EQ(pagealloc_bitmap_bytes(65), 16);
}

TEST(first_fit)
{
    uint64_t a, b, c, d;

    all_free();
    CHECK_EQ(pagealloc_take(&pa, 10, &a), 0);
    CHECK_EQ(pagealloc_take(&pa, 100, &b), 0);
    CHECK_EQ(pagealloc_take(&pa, 1, &c), 0);
    CHECK_EQ(a, FIRST);
    CHECK_EQ(b, FIRST + 10);
    CHECK_EQ(c, FIRST + 110);
    CHECK_EQ(pagealloc_give(&pa, a, 10), 0);
    CHECK_EQ(pagealloc_take(&pa, 11, &d), 0);
    CHECK_EQ(d, FIRST + 111);
    CHECK_EQ(pagealloc_take(&pa, 9, &d), 0);
    CHECK_EQ(d, FIRST);
    CHECK_EQ(pagealloc_take(&pa, 1, &d), 0);
    CHECK_EQ(d, FIRST + 9);
}

TEST(all_of_it)
{
    uint64_t frame;

    all_free();
    CHECK_EQ(pagealloc_take(&pa, FRAMES + 1, &frame), -ENOMEM);
    CHECK_EQ(pagealloc_take(&pa, SIZE_MAX, &frame), -ENOMEM);
    CHECK_EQ(pagealloc_take(&pa, 0, &frame), -ENOMEM);
    CHECK_EQ(pagealloc_take(&pa, FRAMES, &frame), 0);
    CHECK_EQ(frame, FIRST);
    CHECK_EQ(pa.free, 0);
}

TEST(bad_frees)
{
    uint64_t frame;

    all_free();
    CHECK_EQ(pagealloc_take(&pa, 4, &frame), 0);
    CHECK_EQ(pagealloc_give(&pa, frame, 5), -EINVAL);
    CHECK_EQ(pagealloc_give(&pa, FIRST - 1, 1), -EINVAL);
    CHECK_EQ(pagealloc_give(&pa, FIRST + FRAMES, 1), -EINVAL);
    CHECK_EQ(pagealloc_give(&pa, FIRST, SIZE_MAX), -EINVAL);
    CHECK_EQ(pagealloc_give(&pa, UINT64_MAX, 1), -EINVAL);
    CHECK_EQ(pa.free, FRAMES - 4);
    CHECK_EQ(pagealloc_give(&pa, frame, 4), 0);
    CHECK_EQ(pagealloc_give(&pa, frame, 4), -EINVAL);
    CHECK_EQ(pa.free, FRAMES);
}

TEST(exclude)
{
    uint64_t frame = 0;
    size_t n;

    all_free();
    pagealloc_exclude(&pa, 0, FIRST + 5);
    pagealloc_exclude(&pa, FIRST + 3, 7);
    pagealloc_exclude(&pa, FIRST + 20, UINT64_MAX);
    CHECK_EQ(pa.free, 10);
    CHECK(pagealloc_next_run(&pa, &frame, &n));
    CHECK_EQ(frame, FIRST + 10);
    CHECK_EQ(n, 10);
    frame += n;
    CHECK(!pagealloc_next_run(&pa, &frame, &n));
    frame = UINT64_MAX;
    CHECK(!pagealloc_next_run(&pa, &frame, &n));
}

/* The lowest run of n frames that the model has free, or FRAMES. */
static size_t model_find(const bool *used, size_t n)
{
    for (size_t i = 0; i + n <= FRAMES; i++) {
        size_t k = 0;

        while (k < n && !used[i + k])
            k++;
        if (k == n)
            return i;
    }
    return FRAMES;
}

TEST(random_against_model)
{
    static bool used[FRAMES];
    struct {
        size_t at, n;
    } held[200];
    size_t nr_held = 0, nr_free = FRAMES;

    srand(1);
    memset(used, 0, sizeof(used));
    all_free();
    for (int turn = 0; turn < 20000; turn++) {
        if (rand() % 2 == 0 && nr_held < 200) {
            size_t n = (size_t)(rand() % (rand() % 8 == 0 ? 150 : 6)) + 1;
            size_t want = model_find(used, n);
            uint64_t frame = 0;
            int r = pagealloc_take(&pa, n, &frame);

            CHECK_EQ(r, want == FRAMES ? -ENOMEM : 0);
            if (r != 0)
                continue;
            CHECK_EQ(frame, FIRST + want);
            memset(used + want, true, n);
            held[nr_held].at = want;
            held[nr_held++].n = n;
            nr_free -= n;
        } else if (nr_held > 0) {
            size_t i = (size_t)rand() % nr_held;

            CHECK_EQ(pagealloc_give(&pa, FIRST + held[i].at, held[i].n), 0);
            memset(used + held[i].at, false, held[i].n);
            nr_free += held[i].n;
            held[i] = held[--nr_held];
        }
        CHECK_EQ(pa.free, nr_free);
    }
}
