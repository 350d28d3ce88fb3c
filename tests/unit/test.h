/* SPDX-License-Identifier: MIT */
/*
 * Tiny harness of the host unit tests. A test program is any number of files with TEST cases plus
 * the real source files they exercise; main is in test_main.c, which the unit_test make macro adds.
 * Each case prints `ok name` or `not ok name: file:line expression`. The first CHECK that fails
 * ends its case, also from a function called by it; the other cases still run.
 *
 *   TEST(bitmap_finds_the_last_bit)
 *   {
 *       CHECK(bitmap_find(map, 64) == 63);
 *   }
 */
#ifndef BH_TEST_H
#define BH_TEST_H

#include <stdint.h>

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};

void test_register(struct test_case *test);
_Noreturn void test_fail(const char *file, int line, const char *expression);
_Noreturn void test_fail_equal(const char *file, int line, const char *expression, uint64_t left,
                               uint64_t right);
_Noreturn void test_skip(const char *reason);

#define TEST(test_name)                                                                            \
    static void test_name(void);                                                                   \
    static struct test_case test_case_##test_name = {#test_name, test_name, 0};                    \
    __attribute__((constructor)) static void test_register_##test_name(void)                       \
    {                                                                                              \
        test_register(&test_case_##test_name);                                                     \
    }                                                                                              \
    static void test_name(void)

#define CHECK(expression)                                                                          \
    do {                                                                                           \
        if (!(expression))                                                                         \
            test_fail(__FILE__, __LINE__, #expression);                                            \
    } while (0)

/* As CHECK(a == b) for integers; says both values when they differ. */
#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        uint64_t check_left_ = (uint64_t)(a), check_right_ = (uint64_t)(b);                        \
        if (check_left_ != check_right_)                                                           \
            test_fail_equal(__FILE__, __LINE__, #a " == " #b, check_left_, check_right_);          \
    } while (0)

/* Ends the case as passed, with the reason printed. */
#define SKIP(reason) test_skip(reason)

#endif
