/* SPDX-License-Identifier: MIT */
/* Parsing of "key=value" text: lines of a configuration, words of a command line. Pure. */
#ifndef RT_OPTION_H
#define RT_OPTION_H

#include <stddef.h>
#include <stdint.h>

/*
 * Finds the last `key=value` among the items of text (len bytes, ended early by a NUL), which are
 * lines (separator '\n': surrounding blanks and '#' comments ignored) or words (separator ' ').
 * Copies at most size-1 bytes and ends them with NUL. Returns 0 or -ENOENT.
 */
int option_find(const char *text, size_t len, char separator, const char *key, char *value,
                size_t size);

/* Decimal, or hexadecimal after 0x; all of it must be digits. Returns 0 or -EINVAL. */
int option_parse_u64(const char *text, uint64_t *value);

/* Hexadecimal digit pairs into at most size bytes. Returns the number of bytes; stops at the first
 * thing that is not a pair. */
size_t option_parse_hex(const char *text, uint8_t *out, size_t size);

#endif
