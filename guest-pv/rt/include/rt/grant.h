/* SPDX-License-Identifier: MIT */
/*
 * Grant table v1 for PV programs (Xen public/grant_table.h). mapping: auto-translated, a grant is
 * mapped at a free guest frame, which the runtime's identity map makes visible at once.
 */
#ifndef RT_GRANT_H
#define RT_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t grant_ref;
#define GRANT_NONE 0U /* refs 0..7 are reserved by Xen and never returned */

/* Granting own pages (page: page-aligned address). */
int gnt_grant(uint16_t dom, const void *page, bool readonly, grant_ref *ref);
/* Ends a grant. -EBUSY: the other side still maps it; the ref stays valid and may be tried again.
 */
int gnt_end(grant_ref ref);

/* Mapping another domain's pages, contiguous in our address space. n at most 64. */
struct gnt_mapping {
    void *addr;
    uint32_t n;
    uint32_t handles[64];
};
int gnt_map(uint16_t dom, const grant_ref *refs, uint32_t n, bool readonly, struct gnt_mapping *m);
void gnt_unmap(struct gnt_mapping *m); /* m->addr becomes NULL; safe to call twice */

/* Copying by the hypervisor. Each op moves at most one page and does not cross a page on either
 * side. */
struct gnt_copy {
    bool to_foreign; /* false: foreign grant → local; true: local → foreign grant */
    uint16_t dom;
    grant_ref ref;   /* the foreign page */
    uint16_t offset; /* in the foreign page */
    uint16_t length;
    void *local;    /* own memory, any alignment, [local, local+length) within one page */
    int16_t status; /* OUT: GNTST_okay or negative GNTST_* */
};
/* Issues n copies in one hypercall; returns the number that failed (see status), or -errno. */
int gnt_copy(struct gnt_copy *ops, size_t n);

#endif
