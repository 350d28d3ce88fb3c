/* SPDX-License-Identifier: MIT */
/*
 * Freestanding basics: memory and string functions with their C meaning, checked 64-bit sums.
 * No locks, callable from anywhere.
 */
#ifndef HV_LIB_H
#define HV_LIB_H

#include <hv/types.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/* Zero n bytes, n a multiple of 8: by 64-bit stores, for frames. */
void memzero64(void *dst, size_t n);

/* True if a + b wraps; *sum then is not to be used. */
static inline bool add_overflows(uint64_t a, uint64_t b, uint64_t *sum)
{
    return __builtin_add_overflow(a, b, sum);
}

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
