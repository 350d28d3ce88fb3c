/* SPDX-License-Identifier: MIT */
/*
 * Report of a test guest: a line for each check ("PASS name", "FAIL name: why", "SKIP name: why",
 * "ERROR name: why" when the test itself could not go on); figures as "bench\tname\tvalue\tunit".
 */
#ifndef TESTGUEST_REPORT_H
#define TESTGUEST_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/rt.h"

int report_failures_; /* one per program: a test guest is one file */

#define PASS(name) rt_log("PASS %s\n", name)
#define FAIL(name, fmt, ...) (report_failures_++, rt_log("FAIL %s: " fmt "\n", name, ##__VA_ARGS__))
#define SKIP(name, fmt, ...) rt_log("SKIP %s: " fmt "\n", name, ##__VA_ARGS__)
#define ERROR(name, fmt, ...)                                                                      \
    (report_failures_++, rt_log("ERROR %s: " fmt "\n", name, ##__VA_ARGS__))

/* PASS if cond, else FAIL with the condition's text and a value. */
#define EXPECT(name, cond, value)                                                                  \
    do {                                                                                           \
        if (cond)                                                                                  \
            PASS(name);                                                                            \
        else                                                                                       \
            FAIL(name, "%s (%ld)", #cond, (long)(value));                                          \
    } while (0)

#define BENCH(name, value, unit) rt_log("bench\t%s\t%lu\t%s\n", name, (unsigned long)(value), unit)

/* What rt_main returns: 0 = power off, 1 = crash. */
#define REPORT_RESULT() (report_failures_ == 0 ? 0 : 1)

#endif
