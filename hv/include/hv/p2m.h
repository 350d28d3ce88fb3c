/* SPDX-License-Identifier: MIT */
/*
 * Guest-physical to machine memory: the nested page tables of a domain. EPT and NPT differ in a
 * p2m_format (data); the walker is shared, 4 levels, 4 KB and 2 MB mappings.
 *
 * Room for templates and forks: access permission stands in leaf and in table entries alike, the
 * logical type of a mapping is kept in software bits (so W can be taken away without forgetting
 * that the page is writable), and everybody who writes a guest's memory from outside goes through
 * p2m_lookup(..., P2M_WRITE), the one place where unsharing will happen.
 *
 * All functions but p2m_flush() and p2m_root() want p2m->lock held by the caller unless said
 * otherwise. While it is held, frames found by p2m_lookup() stay in place.
 */
#ifndef HV_P2M_H
#define HV_P2M_H

#include <hv/spinlock.h>
#include <hv/types.h>

struct domain;

/* Kept in three software bits of a leaf. 0 is "nothing". */
enum p2m_type {
    P2M_NONE = 0,
    P2M_RAM = 1,    /* RAM owned by this domain, read-write-execute */
    P2M_RAM_RO = 2, /* logically read-only RAM of this domain */
    P2M_GRANT = 3,  /* a foreign frame, pinned by the grant code */
    P2M_GRANT_RO = 4,
    P2M_SHARED = 5, /* a frame hv made for this domain: shared_info, grant table */
    P2M_MMIO = 6,   /* a device's BAR, uncached */
};

/* Hardware permission of a mapping; what the type allows by default unless narrowed. */
#define P2M_R 1U
#define P2M_W 2U
#define P2M_X 4U

/* How p2m_lookup() is going to be used. */
enum p2m_access { P2M_READ, P2M_WRITE };

/* A table format as data. Software bits are at the same place in both: 52-54 type. */
struct p2m_format {
    const char *name;
    uint64_t present_any;                     /* an entry is present if any of these bits is set */
    uint64_t perm_r, perm_w, perm_x, perm_nx; /* set perm_x for X, or perm_nx for no X */
    uint64_t table_bits;                      /* always set in an entry that points to a table */
    uint64_t leaf_bits; /* always set in a leaf (accessed, dirty, user, ...) */
    uint64_t large_bit; /* leaf above 4 KB */
    uint64_t memtype_wb, memtype_uc;
};

#define P2M_ADDR_MASK 0x000ffffffffff000ULL
#define P2M_TYPE_SHIFT 52U
#define P2M_TYPE_MASK (7ULL << P2M_TYPE_SHIFT)
#define P2M_LEVELS 4U

extern const struct p2m_format p2m_format_ept;
extern const struct p2m_format p2m_format_npt;

struct p2m {
    struct spinlock lock;
    const struct p2m_format *format;
    struct domain *d; /* pays for the tables */
    mfn_t root;
    uint64_t table_frames; /* p2m.lock */
    uint64_t flush_gen;    /* raised when translations went away; a vcpu flushes before it enters
                              the guest with an older v->flush_gen */
};

struct p2m_entry {
    mfn_t mfn; /* of the 4 KB page asked for, also inside a large mapping */
    enum p2m_type type;
    unsigned int order; /* of the mapping that holds it: 0 or LARGE_ORDER */
    unsigned int perm;  /* hardware permission, P2M_R|W|X */
};

/* Makes an empty root. -ENOMEM. No lock wanted. */
int p2m_init(struct p2m *p2m, struct domain *d, const struct p2m_format *format) MUST_CHECK;

/* Frees all tables (not what they map). The domain must not run. No lock wanted. */
void p2m_destroy(struct p2m *p2m);

/* Map 2^order frames (order 0 or LARGE_ORDER, gfn and mfn aligned to it). Every gfn must be
   unmapped: -EEXIST otherwise. -ENOMEM: no table frame; nothing changed. -EINVAL: gfn beyond
   MAX_GPA_BITS or misaligned. Never needs a flush. */
int p2m_set(struct p2m *p2m, gfn_t gfn, mfn_t mfn, unsigned int order,
            enum p2m_type type) MUST_CHECK;

/* Unmap one 4 KB page (a large mapping is split first: -ENOMEM possible). -ENOENT: nothing there.
 *old (may be NULL) gets what was mapped. The caller owes p2m_flush() before the frame is reused. */
int p2m_clear(struct p2m *p2m, gfn_t gfn, struct p2m_entry *old) MUST_CHECK;

/* Unmap the whole mapping, 4 KB or 2 MB, that starts at gfn: for the end of a domain. -ENOENT. */
int p2m_take(struct p2m *p2m, gfn_t gfn, struct p2m_entry *old) MUST_CHECK;

/* What gfn maps to. -ENOENT: nothing; -EACCES: P2M_WRITE on something read-only; P2M_MMIO is never
   returned as memory: -EACCES. */
int p2m_lookup(struct p2m *p2m, gfn_t gfn, enum p2m_access access,
               struct p2m_entry *out) MUST_CHECK;

/* First mapping at or after *gfn (moved to its first page); -ENOENT past the last. */
int p2m_next(struct p2m *p2m, gfn_t *gfn, struct p2m_entry *out) MUST_CHECK;

/*
 * Make sure that no CPU uses translations that were cleared before this call: raises flush_gen,
 * kicks CPUs that run a vcpu of this domain and waits until they have left the guest. Callable with
 * any locks held (a CPU outside of the guest counts as done).
 */
void p2m_flush(struct p2m *p2m);

static inline mfn_t p2m_root(const struct p2m *p2m)
{
    return p2m->root;
}

#endif
