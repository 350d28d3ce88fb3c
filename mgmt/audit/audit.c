/* SPDX-License-Identifier: MIT */
/*
 * The audit ring. One writer at a time: callers are cooperative threads and nothing here waits
 * except the console line, which is written after the entry is complete.
 */
#include "audit/audit.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <rt/rt.h>

static struct audit_entry ring[AUDIT_MAX];
static uint64_t last_seq;

/* Copies src so that dst holds printable ASCII only: `\xNN` for every other byte, `\\` for the
 * backslash. What does not fit is cut, never in the middle of an escape. */
static void copy_escaped(char *dst, size_t size, const char *src)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;

    for (; *src != '\0'; src++) {
        unsigned char c = (unsigned char)*src;
        char piece[4];
        size_t len;

        if (c == '\\') {
            piece[0] = piece[1] = '\\';
            len = 2;
        } else if (c >= 0x20 && c < 0x7f) {
            piece[0] = (char)c;
            len = 1;
        } else {
            piece[0] = '\\';
            piece[1] = 'x';
            piece[2] = hex[c >> 4];
            piece[3] = hex[c & 15];
            len = 4;
        }
        if (n + len >= size)
            break;
        memcpy(dst + n, piece, len);
        n += len;
    }
    dst[n] = '\0';
}

void audit_add(const char *actor, const char *peer, const char *action, const char *session,
               const char *outcome, const char *fmt, ...)
{
    char text[AUDIT_TEXT];
    struct audit_entry *e = &ring[last_seq % AUDIT_MAX];
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);

    e->seq = ++last_seq;
    e->time_ms = rt_wallclock() / 1000000U;
    copy_escaped(e->actor, sizeof e->actor, actor);
    copy_escaped(e->peer, sizeof e->peer, peer);
    copy_escaped(e->action, sizeof e->action, action);
    copy_escaped(e->session, sizeof e->session, session);
    copy_escaped(e->outcome, sizeof e->outcome, outcome);
    copy_escaped(e->detail, sizeof e->detail, text);
    rt_log("audit: %s %s%s%s%s%s %s%s%s\n", e->actor, e->peer, e->peer[0] ? " " : "", e->action,
           e->session[0] ? " " : "", e->session, e->outcome, e->detail[0] ? " " : "", e->detail);
}

size_t audit_read(uint64_t after, struct audit_entry *out, size_t n)
{
    uint64_t oldest = last_seq > AUDIT_MAX ? last_seq - AUDIT_MAX : 0;
    size_t count = 0;

    if (after < oldest)
        after = oldest;
    for (uint64_t seq = after; seq < last_seq && count < n; seq++)
        out[count++] = ring[seq % AUDIT_MAX];
    return count;
}
