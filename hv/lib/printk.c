/* SPDX-License-Identifier: MIT */
/*
 * The log: whole lines, atomic across CPUs. console_lock is the innermost lock of all.
 */
#include <hv/printk.h>
#include <hv/spinlock.h>
#include <hv/x86.h>

#define LINE_MAX 256U

static struct spinlock console_lock;

void console_write(const char *text, size_t len)
{
    unsigned int tries = 0;
    bool mine;

    /* A CPU that died with the lock must not silence the others' last words. */
    while (!(mine = spin_trylock(&console_lock)) && tries++ < 100000000)
        arch_pause();
    serial_write(text, len);
    if (mine)
        spin_unlock(&console_lock);
}

void printk(const char *fmt, ...)
{
    char line[LINE_MAX];
    size_t n = snprintk(line, sizeof(line), "hv: ");
    va_list args;

    va_start(args, fmt);
    n += vsnprintk(line + n, sizeof(line) - n - 1, fmt, args);
    va_end(args);
    line[n++] = '\n';
    console_write(line, n);
}
