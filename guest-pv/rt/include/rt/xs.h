/* SPDX-License-Identifier: MIT */
/*
 * Xenstore client for PV programs (Xen public/io/xs_wire.h, docs/misc/xenstore.txt). The
 * transport is a ring to the store domain, or — in mgmt, which serves the store itself — a direct
 * call; chosen once with xs_init_*(). All calls block the calling thread only. Paths as in Xen:
 * relative ones belong to the own domain. Returned strings and lists are malloc'ed, the caller
 * frees.
 */
#ifndef RT_XS_H
#define RT_XS_H

#include <stddef.h>
#include <stdint.h>

/* Answers one request synchronously: type XS_*, transaction id, payload in; malloc'ed payload out
 * (may be NULL with *out_len 0). Returns 0 or -errno (the store's error). */
typedef int xs_call_fn(void *ctx, uint32_t type, uint32_t tx, const void *in, size_t in_len,
                       void **out, size_t *out_len);

int xs_init_ring(void);                          /* HVM_PARAM_STORE_PFN / STORE_EVTCHN */
void xs_init_local(xs_call_fn *call, void *ctx); /* mgmt: in-process store */
/* For the local transport: the store delivers a watch event of ours. */
void xs_deliver_watch(const char *path, const char *token);

#define XS_TX_NONE 0U

/* The value is NUL-terminated too; len may be NULL. */
int xs_read(uint32_t tx, const char *path, char **value, size_t *len);
int xs_read_u64(uint32_t tx, const char *path, uint64_t *value);
int xs_write(uint32_t tx, const char *path, const char *value);
int xs_printf(uint32_t tx, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int xs_rm(uint32_t tx, const char *path);
int xs_mkdir(uint32_t tx, const char *path);
/* One free() frees the array and the names. */
int xs_directory(uint32_t tx, const char *path, char ***names, size_t *n);
int xs_tx_begin(uint32_t *tx);
int xs_tx_end(uint32_t tx, int abort); /* -EAGAIN: conflict, repeat the transaction */

/* Watches: events queue per watch; the thread that owns it waits. */
struct xs_watch;
int xs_watch_add(const char *path, struct xs_watch **w);
void xs_watch_del(struct xs_watch *w);
/* Next event's path (malloc'ed), or -ETIMEDOUT. */
int xs_watch_wait(struct xs_watch *w, uint64_t deadline, char **path);

/* Xenbus states (public/io/xenbus.h) of a device directory. */
int xenbus_switch_state(const char *dir, unsigned int state);
int xenbus_read_state(const char *dir, unsigned int *state);
int xenbus_wait_state(const char *dir, unsigned int state, uint64_t deadline);

#endif
