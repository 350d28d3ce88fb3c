/* SPDX-License-Identifier: MIT */
/*
 * The xenstore protocol over a domain's ring page (Xen public/io/xs_wire.h). The page is hostile:
 * mgmt's own indices are private, the domain's are read once and checked, messages are copied out
 * before they are looked at. A domain that breaks the protocol loses its connection, nothing else.
 */
#ifndef BH_XS_WIRE_H
#define BH_XS_WIRE_H

#include <errno.h> /* xs_wire.h makes its table of errors from it */

#include "store.h"

#include <xen/io/xs_wire.h>

struct xs_out; /* a message not yet wholly in the ring */

struct xs_ring {
    struct xs_conn conn;
    struct xenstore_domain_interface *page;
    uint32_t req_cons, rsp_prod; /* ours; the page only shows them */
    bool dead;
    uint32_t in_used;
    uint32_t out_bytes;
    struct xs_out *out_first, *out_last;
    void (*wake)(struct xs_ring *r); /* an event was queued: pump it */
    union {
        struct xsd_sockmsg hdr;
        char bytes[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
    } in;
};

struct xs_pump {
    bool notify; /* the domain must get an event */
    bool more;   /* the budget ended before the work did */
};

/* wake may be NULL. */
void wire_open(struct xs_ring *r, struct store *s, uint16_t domid, bool view,
               const struct xs_quota *quota, struct xenstore_domain_interface *page,
               void (*wake)(struct xs_ring *r));
/* Moves what can be moved, serving at most max_requests. */
struct xs_pump wire_pump(struct xs_ring *r, unsigned int max_requests);
void wire_close(struct xs_ring *r);

#endif
