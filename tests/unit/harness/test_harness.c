/* SPDX-License-Identifier: MIT */
/* The harness itself: cases run in the order of the file, and a skip ends its case at once. */
#include "test.h"

static int cases_run;

TEST(cases_run_in_order)
{
    CHECK_EQ(cases_run, 0);
    cases_run++;
}

TEST(skip_ends_the_case)
{
    cases_run++;
    SKIP("to see that nothing after it runs");
    cases_run = -1;
}

TEST(earlier_cases_ran)
{
    CHECK(cases_run == 2);
}
