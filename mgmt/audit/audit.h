/* SPDX-License-Identifier: MIT */
/*
 * The audit log: who did what, when, to which session, with what outcome. Kept in memory in a ring
 * of AUDIT_MAX entries for this version (docs/limits.md); sequence numbers never repeat within a
 * boot.
 */
#ifndef BH_AUDIT_H
#define BH_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#define AUDIT_MAX 4096U
#define AUDIT_TEXT 200U

struct audit_entry {
    uint64_t seq;     /* from 1 */
    uint64_t time_ms; /* UTC */
    char actor[24];   /* key name ("admin"), or "system" */
    char peer[24];    /* address of the client, "" for system */
    char action[32];  /* "session.create", "session.delete", "exec.start", "exec.end", "file.read",
                         "auth.fail" … */
    char session[24]; /* or "" */
    char outcome[16]; /* "ok" or a short error word */
    char detail[AUDIT_TEXT]; /* printable ASCII only, everything else escaped */
};

/* Formats and appends; detail is escaped and cut. Never fails. */
void audit_add(const char *actor, const char *peer, const char *action, const char *session,
               const char *outcome, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* Copies up to n entries with seq > after, oldest first; returns how many. */
size_t audit_read(uint64_t after, struct audit_entry *out, size_t n);

#endif
