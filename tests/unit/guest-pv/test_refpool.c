/* SPDX-License-Identifier: MIT */
/* Pool of references: no reference twice, stray returns refused. */
#include "refpool.h"

#include <errno.h>

#include "test.h"

#define SIZE 600U
#define FIRST 8U

static struct refpool pool;
static uint32_t next[SIZE];

static void fill(void)
{
    refpool_init(&pool, next, SIZE);
    for (uint32_t i = FIRST; i < SIZE; i++)
        CHECK_EQ(refpool_give(&pool, i), 0);
}

TEST(empty_pool)
{
    uint32_t ref;

    refpool_init(&pool, next, SIZE);
    CHECK_EQ(refpool_take(&pool, &ref), -ENOSPC);
}

TEST(every_reference_once)
{
    bool seen[SIZE] = {false};
    uint32_t ref;

    fill();
    CHECK_EQ(pool.free, SIZE - FIRST);
    for (uint32_t i = FIRST; i < SIZE; i++) {
        CHECK_EQ(refpool_take(&pool, &ref), 0);
        CHECK(ref >= FIRST && ref < SIZE && !seen[ref]);
        CHECK(refpool_is_taken(&pool, ref));
        seen[ref] = true;
    }
    CHECK_EQ(refpool_take(&pool, &ref), -ENOSPC);
    CHECK_EQ(pool.free, 0);
}

TEST(stray_returns)
{
    uint32_t ref;

    fill();
    CHECK_EQ(refpool_take(&pool, &ref), 0);
    CHECK_EQ(refpool_give(&pool, ref), 0);
    CHECK_EQ(refpool_give(&pool, ref), -EINVAL);
    CHECK_EQ(refpool_give(&pool, SIZE), -EINVAL);
    CHECK_EQ(refpool_give(&pool, UINT32_MAX), -EINVAL);
    CHECK_EQ(refpool_give(&pool, FIRST), -EINVAL); /* the end of the list is free as well */
    CHECK_EQ(pool.free, SIZE - FIRST);
}
