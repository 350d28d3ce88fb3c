/* SPDX-License-Identifier: MIT */
/*
 * Runtime of paravirtual programs (mgmt, net, test guests): start information, memory, time,
 * console, hypercalls. PVH entry (Xen public/arch-x86/hvm/start_info.h), 64-bit, identity-mapped
 * [0, 64 GB) with NX on everything but text, one vcpu, interrupts never enabled; the only sleep
 * is SCHEDOP_block in the scheduler's idle loop.
 *
 * A program defines `int rt_main(void)`, which runs as the first thread; libc (musl) is ready:
 * malloc, printf (goes to the console), memcpy, strtol, clock_gettime, getrandom (RDRAND/RDSEED
 * mixed with the seed). No files, no sockets, no environment.
 */
#ifndef RT_RT_H
#define RT_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RT_PAGE 4096U

int rt_main(void);

/* A module handed over in hvm_start_info.modlist, by the name in its cmdline ("kernel", "base", …).
 * Memory stays valid for ever. Returns 0, -ENOENT. */
struct rt_module {
    const uint8_t *data;
    uint64_t size;
};
int rt_module_find(const char *name, struct rt_module *m);

/* Value of "key=value" lines in the module "config" (last one wins), then of the command line
 * words. Returns 0 and copies at most len-1 bytes, or -ENOENT. */
int rt_option(const char *key, char *value, size_t len);
uint64_t rt_option_u64(const char *key, uint64_t fallback);

/* Page memory (zeroed, page-aligned, contiguous), apart from malloc. NULL when out of memory. */
void *rt_pages_alloc(size_t pages);
void rt_pages_free(void *p, size_t pages);
size_t rt_pages_available(void); /* free pages, those malloc may still take included */
/* Reserves n contiguous guest frames outside RAM (for BARs, DMA pools); never returned. Gives the
 * address. */
void *rt_window_reserve(size_t pages);

/* Time in ns. rt_now(): monotonic, pvclock, from domain start. rt_wallclock(): UTC since 1970. */
uint64_t rt_now(void);
uint64_t rt_wallclock(void);

/* Cryptographic; never fails: the program does not start without a source. */
void rt_random(void *buf, size_t len);

/* Console: a line-buffered printf to CONSOLEIO_write. */
void rt_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void rt_panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void rt_shutdown(unsigned int reason); /* SCHEDOP_shutdown */

/* Raw hypercalls: Xen numbers of public/xen.h and ours of hv/include/public/bulkhead.h. */
long rt_hypercall(unsigned int nr, unsigned long a1, unsigned long a2, unsigned long a3,
                  unsigned long a4, unsigned long a5);

/* Own domain id: BH_DOMID_MGMT if SIF_INITDOMAIN, else xenstore/option "domid". */
uint16_t rt_domid(void);

#endif
