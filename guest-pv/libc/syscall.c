/* SPDX-License-Identifier: MIT */
/*
 * The system calls that musl makes, as the runtime answers them: console output, anonymous memory,
 * time, sleep, randomness, the end. Everything else is -ENOSYS and logged once.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include <xen/sched.h>

#define NS_PER_SEC 1000000000L
#define MSR_FS_BASE 0xc0000100U

long bh_syscall(long n, long a, long b, long c, long d, long e, long f);

static long set_thread_area(long address)
{
    __asm__ volatile("wrmsr" : : "c"(MSR_FS_BASE), "a"((uint32_t)address), "d"(address >> 32));
    return 0;
}

static long write_fd(long fd, const char *text, size_t len)
{
    if (fd != 1 && fd != 2)
        return -EBADF;
    console_write(text, len);
    return (long)len;
}

static long writev_fd(long fd, const struct iovec *iov, long n)
{
    long total = 0;

    if (fd != 1 && fd != 2)
        return -EBADF;
    for (long i = 0; i < n; i++) {
        console_write(iov[i].iov_base, iov[i].iov_len);
        total += (long)iov[i].iov_len;
    }
    return total;
}

/* stdio asks for the window size to tell a terminal; yes makes it line-buffered. */
static long ioctl_fd(long fd, long request, void *arg)
{
    if ((fd != 1 && fd != 2) || request != TIOCGWINSZ)
        return -ENOTTY;
    memset(arg, 0, sizeof(struct winsize));
    return 0;
}

static size_t page_count(size_t len)
{
    return len / RT_PAGE + (len % RT_PAGE != 0);
}

/* PROT_EXEC is never given. */
static long protect(uint64_t address, size_t len, long prot)
{
    enum page_access access = PAGE_NONE;

    if (address % RT_PAGE != 0)
        return -EINVAL;
    if ((prot & PROT_EXEC) != 0)
        return -EACCES;
    if ((prot & PROT_WRITE) != 0)
        access = PAGE_RW;
    else if ((prot & PROT_READ) != 0)
        access = PAGE_RO;
    return paging_protect(address, page_count(len) * RT_PAGE, access);
}

static long map(size_t len, long prot, long flags)
{
    void *p;
    long r;

    if ((flags & MAP_ANONYMOUS) == 0 || (flags & MAP_FIXED) != 0)
        return -EINVAL;
    if (len == 0 || page_count(len) > rt_pages_available())
        return -ENOMEM;
    p = rt_pages_alloc(page_count(len));
    if (p == NULL)
        return -ENOMEM;
    if ((prot & PROT_WRITE) == 0) {
        r = protect((uintptr_t)p, len, prot);
        if (r != 0) {
            paging_protect((uintptr_t)p, page_count(len) * RT_PAGE, PAGE_RW);
            rt_pages_free(p, page_count(len));
            return r;
        }
    }
    return (long)p;
}

static long unmap(uint64_t address, size_t len)
{
    if (address % RT_PAGE != 0)
        return -EINVAL;
    /* Freed memory is plain memory again. Cannot fail: what differs is split already. */
    if (paging_protect(address, page_count(len) * RT_PAGE, PAGE_RW) != 0)
        return -ENOMEM;
    rt_pages_free((void *)address, page_count(len));
    return 0;
}

static long get_clock(long clock, struct timespec *ts)
{
    uint64_t ns;

    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        ns = rt_wallclock();
        break;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        ns = rt_now();
        break;
    default:
        return -EINVAL;
    }
    ts->tv_sec = (time_t)(ns / NS_PER_SEC);
    ts->tv_nsec = (long)(ns % NS_PER_SEC);
    return 0;
}

static long sleep_for(const struct timespec *ts)
{
    uint64_t ns;

    if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= NS_PER_SEC)
        return -EINVAL;
    if (__builtin_mul_overflow((uint64_t)ts->tv_sec, (uint64_t)NS_PER_SEC, &ns) ||
        __builtin_add_overflow(ns, (uint64_t)ts->tv_nsec, &ns))
        ns = WAIT_FOREVER;
    thread_sleep(ns);
    return 0;
}

static long unknown(long n)
{
    static uint64_t logged[8];

    if (n >= 0 && n < 512 && (logged[n / 64] & UINT64_C(1) << (n % 64)) == 0) {
        logged[n / 64] |= UINT64_C(1) << (n % 64);
        rt_log("rt: system call %ld is not supported\n", n);
    }
    return -ENOSYS;
}

long bh_syscall(long n, long a, long b, long c, long d, long e, long f)
{
    (void)e;
    (void)f;
    switch (n) {
    case SYS_write:
        return write_fd(a, (const char *)b, (size_t)c);
    case SYS_writev:
        return writev_fd(a, (const struct iovec *)b, c);
    case SYS_ioctl:
        return ioctl_fd(a, b, (void *)c);
    case SYS_mmap:
        return map((size_t)b, c, d);
    case SYS_munmap:
        return unmap((uint64_t)a, (size_t)b);
    case SYS_mprotect:
        return protect((uint64_t)a, (size_t)b, c);
    case SYS_madvise:
        return 0;
    case SYS_brk: /* never moves: the allocator then uses mmap */
        return 0;
    case SYS_mremap: /* the allocator then copies */
        return -ENOMEM;
    case SYS_clock_gettime:
        return get_clock(a, (struct timespec *)b);
    case SYS_clock_nanosleep:
        return b == 0 ? sleep_for((const struct timespec *)c) : -EINVAL;
    case SYS_nanosleep:
        return sleep_for((const struct timespec *)a);
    case SYS_sched_yield:
        thread_yield();
        return 0;
    case SYS_getrandom:
        rt_random((void *)a, (size_t)b);
        return b;
    case SYS_set_thread_area:
        return set_thread_area(a);
    case SYS_getpid:
    case SYS_gettid:
    case SYS_set_tid_address:
        return 1;
    case SYS_rt_sigprocmask: /* no signals */
        return 0;
    case SYS_tkill: /* abort() and failed assertions */
        rt_panic("rt: signal %ld in thread \"%s\"\n", b, thread_name());
    case SYS_exit:
    case SYS_exit_group:
        rt_shutdown(a == 0 ? SHUTDOWN_poweroff : SHUTDOWN_crash);
    default:
        return unknown(n);
    }
}
