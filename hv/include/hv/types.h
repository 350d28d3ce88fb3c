/* SPDX-License-Identifier: MIT */
/*
 * Base types of the hypervisor. A machine frame (mfn_t) and a guest frame (gfn_t) are distinct
 * structs, so that one can never be passed for the other. gpa, gva and machine addresses are plain
 * uint64_t and named as such.
 */
#ifndef HV_TYPES_H
#define HV_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t n;
} mfn_t;

typedef struct {
    uint64_t n;
} gfn_t;

#define MFN(x) ((mfn_t){(x)})
#define GFN(x) ((gfn_t){(x)})
#define MFN_NONE MFN(~0ULL)

#define PAGE_SHIFT 12U
#define PAGE_SIZE 4096UL
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define LARGE_ORDER 9U /* a 2 MB mapping */
#define LARGE_FRAMES (1UL << LARGE_ORDER)

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define ALIGNED(n) __attribute__((aligned(n)))
#define PACKED __attribute__((packed))
#define NORETURN _Noreturn

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a)-1))
#define ALIGN_UP(x, a) ALIGN_DOWN((x) + (__typeof__(x))(a)-1, a)
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* One load or store that the compiler neither repeats nor tears: shared memory, lock-free flags. */
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

static inline mfn_t mfn_add(mfn_t m, uint64_t n)
{
    return MFN(m.n + n);
}

static inline gfn_t gfn_add(gfn_t g, uint64_t n)
{
    return GFN(g.n + n);
}

static inline bool mfn_eq(mfn_t a, mfn_t b)
{
    return a.n == b.n;
}

#endif
