/* SPDX-License-Identifier: MIT */
/*
 * Formatted text for the log: the subset of printf that printk.h names.
 */
#include <hv/lib.h>
#include <hv/printk.h>

struct out {
    char *buf;
    size_t size, len;
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len++] = c;
}

static void put_number(struct out *o, uint64_t value, unsigned int base, bool negative,
                       unsigned int width, char pad)
{
    char digits[24];
    unsigned int n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (negative && pad == '0')
        put(o, '-');
    for (unsigned int i = n + negative; i < width; i++)
        put(o, pad);
    if (negative && pad != '0')
        put(o, '-');
    while (n)
        put(o, digits[--n]);
}

static void put_string(struct out *o, const char *s, unsigned int width)
{
    size_t n = strlen(s);

    while (*s)
        put(o, *s++);
    for (; n < width; n++)
        put(o, ' ');
}

size_t vsnprintk(char *buf, size_t size, const char *fmt, va_list args)
{
    struct out o = {buf, size, 0};

    for (; *fmt; fmt++) {
        unsigned int width = 0, longs = 0;
        char pad = ' ';

        if (*fmt != '%') {
            put(&o, *fmt);
            continue;
        }
        if (*++fmt == '0')
            pad = '0';
        for (; *fmt >= '0' && *fmt <= '9'; fmt++)
            width = width * 10 + (unsigned int)(*fmt - '0');
        for (; *fmt == 'l' || *fmt == 'z'; fmt++)
            longs++;
        switch (*fmt) {
        case 's':
            put_string(&o, va_arg(args, const char *), width);
            break;
        case 'c':
            put(&o, (char)va_arg(args, int));
            break;
        case 'd': {
            int64_t v = longs ? va_arg(args, int64_t) : va_arg(args, int);

            put_number(&o, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, v < 0, width, pad);
            break;
        }
        case 'u':
        case 'x':
            put_number(&o, longs ? va_arg(args, uint64_t) : va_arg(args, unsigned int),
                       *fmt == 'x' ? 16 : 10, false, width, pad);
            break;
        case 'p':
            put_number(&o, (uintptr_t)va_arg(args, void *), 16, false, 16, '0');
            break;
        case '\0':
            fmt--;
            break;
        default:
            put(&o, *fmt);
        }
    }
    if (size)
        buf[o.len] = '\0';
    return o.len;
}

size_t snprintk(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    size_t n;

    va_start(args, fmt);
    n = vsnprintk(buf, size, fmt, args);
    va_end(args);
    return n;
}
