/* SPDX-License-Identifier: MIT */
/*
 * Access to memory that another domain can change at any time: every value is read exactly once
 * into a private copy, and x86's order is kept from the compiler. Stores and loads to different
 * places may still pass each other in the CPU: shm_mb() where "publish, then look" matters.
 */
#ifndef BH_SHM_H
#define BH_SHM_H

#include <stddef.h>
#include <stdint.h>

static inline void shm_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

static inline void shm_mb(void)
{
    __sync_synchronize();
}

static inline uint32_t shm_read32(const uint32_t *p)
{
    uint32_t v = *(const volatile uint32_t *)p;

    shm_barrier();
    return v;
}

static inline void shm_write32(uint32_t *p, uint32_t v)
{
    shm_barrier();
    *(volatile uint32_t *)p = v;
}

static inline uint16_t shm_read16(const uint16_t *p)
{
    uint16_t v = *(const volatile uint16_t *)p;

    shm_barrier();
    return v;
}

static inline uint8_t shm_read8(const uint8_t *p)
{
    uint8_t v = *(const volatile uint8_t *)p;

    shm_barrier();
    return v;
}

static inline void shm_write8(uint8_t *p, uint8_t v)
{
    shm_barrier();
    *(volatile uint8_t *)p = v;
}

/* One bulk copy; the compiler may not read the source again afterwards. */
static inline void shm_copy(void *to, const void *from, size_t len)
{
    __builtin_memcpy(to, from, len);
    shm_barrier();
}

#endif
