/* SPDX-License-Identifier: MIT */
/*
 * The xenstore: what one connection may ask (Xen docs/misc/xenstore.txt), independent of how
 * requests arrive. wire.c feeds it from a domain's ring, server.c from mgmt itself. Nothing here
 * waits.
 *
 * A sandbox never learns its domain id: in the paths and permissions it sends and receives its own
 * id is always XS_VIEW_DOMID. Relative paths belong to its home, /local/domain/ID.
 */
#ifndef BH_XS_STORE_H
#define BH_XS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node.h"

#define XS_VIEW_DOMID 2U
#define XS_PATH_SPACE 512U /* canonical path, NUL included */
#define XS_VALUE_MAX 2048U
#define XS_TOKEN_MAX 256U
#define XS_REPLY_MAX 4096U /* XENSTORE_PAYLOAD_MAX */

struct xs_quota {
    uint32_t nodes; /* owned by the domain */
    uint32_t watches;
    uint32_t txs;        /* open transactions */
    uint32_t tx_entries; /* nodes touched in one transaction */
    uint32_t out_bytes;  /* replies and events the domain has not read */
};

extern const struct xs_quota xs_quota_sandbox; /* also of anything that is not a driver domain */
extern const struct xs_quota xs_quota_driver;  /* net: serves every sandbox */
extern const struct xs_quota xs_quota_mgmt;

struct tx;
struct watch;
struct xs_conn;
struct store;

/* An event for the connection. It must be taken or the connection given up; no waiting. */
typedef void xs_event_fn(struct xs_conn *c, const char *path, const char *token);

struct xs_conn {
    struct store *store;
    struct xs_conn *next; /* in the store's bucket */
    const struct xs_quota *quota;
    xs_event_fn *event;
    void *owner; /* of the transport */
    uint16_t domid;
    bool view; /* sees itself as XS_VIEW_DOMID */
    uint32_t nodes;
    uint32_t nr_watches;
    uint32_t nr_txs;
    uint32_t last_tx;
    struct watch *watches;
    struct tx *txs;
};

#define XS_BUCKETS 256U

struct store {
    struct node *root;
    uint64_t gen;
    struct xs_conn *conns[XS_BUCKETS];
    struct watch *watches[XS_BUCKETS]; /* by hash of the watched path */
};

int store_init(struct store *s);
void store_destroy(struct store *s); /* no connection may be open */

/* c is the caller's, filled in here. */
void store_open(struct store *s, struct xs_conn *c, uint16_t domid, bool view,
                const struct xs_quota *quota, xs_event_fn *event, void *owner);
void store_close(struct xs_conn *c); /* ends its watches and transactions; nodes stay */

/*
 * One request of type XS_* with its payload; the reply's payload goes to out (XS_REPLY_MAX bytes).
 * Returns 0 or -errno from public/io/xs_wire.h's list. A watch set with XS_WATCH fires once at
 * once: the caller must do that after it has queued the reply, by store_fire_new_watch().
 */
int store_request(struct xs_conn *c, uint32_t type, uint32_t tx_id, const char *in, size_t in_len,
                  char *out, size_t *out_len);
void store_fire_new_watch(struct xs_conn *c);

/* Fires the special watches @introduceDomain, @releaseDomain. */
void store_fire_special(struct store *s, const char *name);

/* ---- between store.c, view.c and watch.c ---- */

struct xs_conn *store_find_conn(struct store *s, uint16_t domid);
/* The canonical path of what the connection wrote. -EINVAL, -EACCES. */
int path_canonical(const struct xs_conn *c, const char *given, char out[XS_PATH_SPACE]);
/* Replaces the own id in a canonical path by the view's; a plain copy for others. */
void path_to_view(const struct xs_conn *c, const char *path, char out[XS_PATH_SPACE]);

int watch_add(struct xs_conn *c, const char *given, const char *token);
int watch_del(struct xs_conn *c, const char *given, const char *token);
void watch_reset(struct xs_conn *c);
/* Something happened to the node: tells everybody who watches it or a node above and may read it.
 */
void watch_fire(struct store *s, const char *path, const struct xs_perms *perms);
/* The same for a node that goes because one above it was removed: only for watches on itself. */
void watch_fire_exact(struct store *s, const char *path, const struct xs_perms *perms);

#endif
