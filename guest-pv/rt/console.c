/* SPDX-License-Identifier: MIT */
/*
 * Console output by CONSOLEIO_write, a line at a time so that lines of several domains do not mix.
 * Works from the first instruction in C on, and in the exception handler.
 */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE 256U

static char line[LINE];
static size_t used;

void console_flush(void)
{
    if (used > 0)
        rt_hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, used, (uintptr_t)line, 0, 0);
    used = 0;
}

void console_write(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        line[used++] = text[i];
        if (text[i] == '\n' || used == LINE)
            console_flush();
    }
}

void rt_log(const char *fmt, ...)
{
    char text[1024];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n < 0)
        return;
    if ((size_t)n >= sizeof(text)) {
        n = sizeof(text) - 1;
        text[n - 1] = '\n';
    }
    console_write(text, (size_t)n);
}
