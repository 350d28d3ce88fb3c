/* SPDX-License-Identifier: MIT */
/*
 * The grant table as grant.c (entries, hypercall, life cycle), grant_map.c (mappings) and
 * grant_copy.c share it. All of it is guarded by the owner's grant_lock. No function ever holds
 * two domains' grant locks.
 */
#ifndef HV_CORE_GRANT_TABLE_H
#define HV_CORE_GRANT_TABLE_H

#include <hv/config.h>
#include <hv/domain.h>
#include <hv/types.h>
#include <xen/grant_table.h>
#include <xen/xen.h>

#define GRANT_FRAMES_MAX 32U
#define GRANTS_PER_FRAME ((uint32_t)(PAGE_SIZE / sizeof(struct grant_entry_v1)))
#define ACTIVE_ORDER 1U /* frames that hold the active entries of one grant frame */

/* What hv itself knows of an entry that is in use; the entry in the guest's frame is only read. */
struct grant_active {
    mfn_t mfn;        /* pinned while uses != 0 */
    uint16_t domid;   /* who uses it */
    uint16_t uses;    /* mappings and copies under way */
    uint16_t writers; /* those of them that write */
    uint16_t pad;
};

/* A mapping of somebody's grant, named by its handle. Free ones are chained through gfn. */
struct grant_mapping {
    uint64_t gfn;
    uint32_t ref;
    uint16_t domid;
    uint8_t state; /* enum mapping_state */
    bool write;
};

enum mapping_state { MAPPING_FREE = 0, MAPPING_CHANGING, MAPPING_LIVE };

#define MAPPINGS_PER_PAGE ((uint32_t)(PAGE_SIZE / sizeof(struct grant_mapping)))
#define MAPPING_PAGES_MAX 64U    /* mgmt and net: 16,384 mappings */
#define MAPPING_PAGES_SANDBOX 4U /* the others: 1,024 */
#define MAPPING_NONE UINT32_MAX

struct grant_table {
    uint32_t nr_frames;
    uint32_t in_use; /* sum of the active entries' uses */
    struct grant_entry_v1 *shared[GRANT_FRAMES_MAX];
    struct grant_active *active[GRANT_FRAMES_MAX];
    uint64_t gfn[GRANT_FRAMES_MAX]; /* where the guest has mapped them, ~0: nowhere */

    uint32_t nr_mapping_pages;
    uint32_t free_mapping; /* handle, or MAPPING_NONE */
    uint32_t destroy_cursor;
    struct grant_mapping *mappings[MAPPING_PAGES_MAX];
};

_Static_assert(sizeof(struct grant_table) <= PAGE_SIZE, "the table is one frame");
_Static_assert(sizeof(struct grant_active) * (PAGE_SIZE / sizeof(struct grant_entry_v1)) ==
                   PAGE_SIZE << ACTIVE_ORDER,
               "active entries of one grant frame");

#define GRANT_BATCH 16U /* operations copied in and out at a time */

/*
 * Begin and end a use of grant ref of rd by domain user, with Xen's status-bit handshake. Answers
 * are GNTST_*. Takes rd's grant_lock (and p2m.lock).
 */
int16_t grant_acquire(struct domain *rd, uint32_t ref, uint16_t user, bool write, mfn_t *mfn);
void grant_release(struct domain *rd, uint32_t ref, bool write);

/* The domain that a call means, or NULL with the GNTST_* that tells why. */
struct domain *grant_domain(const struct domain *caller, domid_t dom, int16_t *status);

/* n operations of one kind, copied in, results to be copied out; ops->status tells how each went.
 */
void grant_map_batch(struct vcpu *v, void *ops, uint32_t n);
void grant_unmap_batch(struct vcpu *v, void *ops, uint32_t n);
void grant_copy_batch(struct vcpu *v, void *ops, uint32_t n);

/* One step of undoing all of d's mappings; -EAGAIN while there are more. */
int grant_unmap_all(struct domain *d) MUST_CHECK;

#endif
