/* SPDX-License-Identifier: MIT */
/*
 * Frames of machine memory: a buddy allocator whose free blocks are clean (known to be zero) or
 * dirty (firmware left-overs), and one 8-byte record a frame with its owner and map count.
 *
 * Every allocated frame has exactly one owner: a domid, or FRAME_OWNER_HV. Frames come back zeroed,
 * always: dirty blocks are scrubbed as they are handed out, frames of a domain as they are freed.
 * The map count says how many mappings or pins other than the owner's own p2m keep the frame; a
 * frame is only freed when it is 0.
 *
 * frame_lock is taken inside. Scrubbing happens outside of it.
 */
#ifndef HV_MM_H
#define HV_MM_H

#include <hv/arch.h>
#include <hv/config.h>
#include <hv/types.h>

#define MAX_ORDER 18U          /* largest block: 1 GB */
#define FRAME_OWNER_HV 0x7fffU /* DOMID_SELF's neighbourhood: never a domid */
#define FRAME_OWNER_NONE 0x7ffeU

/* 2^order frames, zeroed, aligned to their size, owned by owner; MFN_NONE when out of memory. */
mfn_t frame_alloc(unsigned int order, uint16_t owner);

/* Give 2^order frames back; they are scrubbed first. All must be allocated to owner with map count
   0 (a double free or a foreign frame is our bug: panic). order need not be that of the alloc. */
void frame_free(mfn_t mfn, unsigned int order, uint16_t owner);

/* Owner of an allocated frame; FRAME_OWNER_NONE for free, reserved and non-RAM frames. */
uint16_t frame_owner(mfn_t mfn);

/* Is it RAM, free or allocated? False for all that the allocator was never told of. */
bool frame_is_ram(mfn_t mfn);

/* Take over 2^order allocated frames (the boot modules). */
void frame_set_owner(mfn_t mfn, unsigned int order, uint16_t owner);

/* Pin a frame that must be owned by owner: -EINVAL if it is not (or is no RAM), -EBUSY when the
   count is full. Call with the owner's p2m.lock held, so that the frame cannot be freed between. */
int frame_pin(mfn_t mfn, uint16_t owner) MUST_CHECK;
void frame_unpin(mfn_t mfn);
unsigned int frame_pins(mfn_t mfn);

uint64_t frames_total(void); /* frames the allocator was ever given */
uint64_t frames_free(void);

/*
 * Test builds and the option selftest=1: count free frames at or after *cursor that hold pattern in
 * an aligned 64-bit word; returns 0 when done, -EAGAIN after a bounded number of frames (go on with
 * the new *cursor). Dirty boot frames are not counted: they were never anybody's.
 */
int frame_scan_free(uint64_t pattern, uint64_t *cursor, uint64_t *found) MUST_CHECK;

/*
 * The doorway to the content of a frame. Today every RAM frame sits in the direct map; callers map
 * only for the time of a copy all the same, so that this can change here alone.
 */
static inline void *frame_map(mfn_t mfn)
{
    return arch_phys_to_virt(mfn.n << PAGE_SHIFT);
}

static inline void frame_unmap(const void *p)
{
    (void)p;
}

static inline mfn_t frame_of(const void *p)
{
    return MFN(arch_virt_to_phys(p) >> PAGE_SHIFT);
}

/* Boot only: give [first, first + count) to the allocator as dirty free memory. */
void frame_add_range(mfn_t first, uint64_t count);

/* Boot only: the frame table covers mfns below max_mfn and lies at table (zeroed by the caller). */
size_t frame_table_bytes(uint64_t max_mfn);
void frame_init(void *table, uint64_t max_mfn);

/* Boot only: mark frames (modules) as allocated to owner without going through the allocator. */
void frame_claim(mfn_t first, uint64_t count, uint16_t owner);

#endif
