/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's log and its end. printk() writes whole lines "hv: ..." to the serial line,
 * atomic across CPUs; the format takes %s %c %d %u %x %lx %lu %ld %llx %llu %p %zu, width and zero
 * padding. Callable with any lock but console_lock.
 */
#ifndef HV_PRINTK_H
#define HV_PRINTK_H

#include <stdarg.h>
#include <hv/types.h>

/* One line; the prefix "hv: " and the newline are added. */
void printk(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Like the C functions: always terminated, returns the length that was written. */
size_t snprintk(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);
size_t vsnprintk(char *buf, size_t size, const char *fmt, va_list args);

/* Raw bytes, kept together: what guests print. */
void console_write(const char *text, size_t len);

/* What a boot domain prints by CONSOLEIO_write: line by line with its name in front, raw in
   run-guest mode. core/guest_console.c */
struct domain;
void guest_console_write(struct domain *d, const char *text, size_t len);

/* Say why, dump where we are, stop every CPU. Our own bugs and broken hardware only: no guest
   input may lead here. */
NORETURN void panic(const char *fmt, ...) PRINTF_LIKE(1, 2);

#define ASSERT(x)                                                                                  \
    do {                                                                                           \
        if (UNLIKELY(!(x)))                                                                        \
            panic("%s:%d: assertion %s", __FILE__, __LINE__, #x);                                  \
    } while (0)

#endif
