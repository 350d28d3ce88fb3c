/* SPDX-License-Identifier: MIT */
/*
 * Reads a sandbox's PV console (Xen public/io/console.h) and keeps the end of what it wrote. Output
 * only; input is never sent. The ring is hostile: indices are read once, bytes are only stored.
 */
#ifndef BH_CONSOLE_H
#define BH_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

#define CONSOLE_KEEP 16384U

struct console_log { /* belongs to the session; outlives the domain */
    uint64_t written;
    char text[CONSOLE_KEEP];
};

struct console;

/* Maps grant reference 0, binds to remote_port. log must stay until guest_console_destroy(). */
int guest_console_create(uint16_t domid, uint32_t remote_port, struct console_log *log,
                         struct console **out);
void guest_console_flush(struct console *c); /* takes what is in the ring now; NULL is fine */
void guest_console_destroy(
    struct console *c); /* takes what is still in the ring first; NULL is fine */

void console_log_add(struct console_log *log, const char *text, size_t len);
/* Copies the last bytes, at most len; returns the count. */
size_t console_log_tail(const struct console_log *log, char *buf, size_t len);

#endif
