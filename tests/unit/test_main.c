/* SPDX-License-Identifier: MIT */
/*
 * main of every unit test program: runs the registered cases in order and prints one line for each
 * and the count at the end. Arguments, if any, are substrings that select cases.
 */
#include "test.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct test_case *first_case;
static struct test_case **last_link = &first_case;
static jmp_buf end_of_case;
static const char *current_name;

enum { CASE_FAILED = 1, CASE_SKIPPED = 2 };

void test_register(struct test_case *test)
{
    *last_link = test;
    last_link = &test->next;
}

void test_fail(const char *file, int line, const char *expression)
{
    printf("not ok %s: %s:%d %s\n", current_name, file, line, expression);
    longjmp(end_of_case, CASE_FAILED);
}

void test_fail_equal(const char *file, int line, const char *expression, uint64_t left,
                     uint64_t right)
{
    printf("not ok %s: %s:%d %s (%" PRId64 " = 0x%" PRIx64 ", %" PRId64 " = 0x%" PRIx64 ")\n",
           current_name, file, line, expression, (int64_t)left, left, (int64_t)right, right);
    longjmp(end_of_case, CASE_FAILED);
}

void test_skip(const char *reason)
{
    printf("ok %s # skip %s\n", current_name, reason);
    longjmp(end_of_case, CASE_SKIPPED);
}

static bool run_case(const struct test_case *test)
{
    current_name = test->name;
    switch (setjmp(end_of_case)) {
    case 0:
        test->run();
        printf("ok %s\n", test->name);
        return true;
    case CASE_SKIPPED:
        return true;
    default:
        return false;
    }
}

static bool is_selected(const struct test_case *test, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strstr(test->name, argv[i]) != NULL)
            return true;
    }
    return argc < 2;
}

int main(int argc, char **argv)
{
    unsigned int passed = 0, failed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (const struct test_case *test = first_case; test != NULL; test = test->next) {
        if (!is_selected(test, argc, argv))
            continue;
        if (run_case(test))
            passed++;
        else
            failed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
