/* SPDX-License-Identifier: MIT */
/*
 * The running xenstore: the one store, mgmt's own connection to it (rt/xs.h calls land here), and
 * the domains whose rings are attached.
 */
#ifndef BH_XS_SERVER_H
#define BH_XS_SERVER_H

#include <stdint.h>

#include "store.h"

/* Makes the store and connects mgmt; xs_*() work afterwards. */
int xenstore_init(void);

struct xs_domain;

/*
 * Connects a domain: maps its ring page (grant reference 1, which the builder seeds) and binds to
 * remote_port. sandbox: it sees the constant id and gets a sandbox's quota; otherwise a driver
 * domain's.
 */
int xenstore_introduce(uint16_t domid, uint32_t remote_port, bool sandbox, struct xs_domain **out);
/* Ends the connection and unmaps the page; nodes stay. d may be NULL. */
void xenstore_release(struct xs_domain *d);
struct work;
struct xenstore_watch;

/* Kicks a work item whenever something at or below the path changes, and once at once. */
int xenstore_watch(const char *path, struct work *work, struct xenstore_watch **out);
void xenstore_unwatch(struct xenstore_watch *w); /* NULL is fine */

/* A node with its permissions ("n0,r5" style): for the toolstack. value may be NULL. */
int xenstore_make(const char *path, const char *value, uint16_t owner, uint16_t reader);

#endif
