/* SPDX-License-Identifier: MIT */
/*
 * Checks a JSON text before cJSON builds a tree of it: the grammar of RFC 8259 to the letter (cJSON
 * is lenient), valid UTF-8, no NUL in strings, bounded depth and a bounded number of values, so
 * that a small text cannot make a large tree. Pure; never allocates.
 */
#ifndef BH_JSON_CHECK_H
#define BH_JSON_CHECK_H

#include <stddef.h>

#define JSON_DEPTH_MAX 8U
#define JSON_VALUES_MAX 8192U

/* NULL if the text is fine, else a static text that says what is wrong, and *at, where. */
const char *json_check(const char *text, size_t len, size_t *at);

#endif
