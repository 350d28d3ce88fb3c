/* SPDX-License-Identifier: MIT */
/*
 * The only way hv reads or writes guest memory: mm/guest_access.c. Every byte is read once. Lengths
 * are the caller's to bound. Nothing is held when they return. 0 or -EFAULT; on -EFAULT a part may
 * have been copied.
 */
#ifndef HV_GUEST_ACCESS_H
#define HV_GUEST_ACCESS_H

#include <hv/types.h>

struct domain;
struct vcpu;

/* Guest-virtual of the current vcpu v: one bounded walk of its page tables a page, with the access
   rights of supervisor mode. */
int guest_copy_from(struct vcpu *v, void *dst, uint64_t gva, size_t len) MUST_CHECK;
int guest_copy_to(struct vcpu *v, uint64_t gva, const void *src, size_t len) MUST_CHECK;

/* Guest-physical, any domain; takes its p2m.lock a page at a time. src NULL: zeros. */
int guest_copy_from_gpa(struct domain *d, void *dst, uint64_t gpa, size_t len) MUST_CHECK;
int guest_copy_to_gpa(struct domain *d, uint64_t gpa, const void *src, size_t len) MUST_CHECK;

/* Where gva of v lies, for areas that are translated once at registration. */
int guest_translate(struct vcpu *v, uint64_t gva, bool write, uint64_t *gpa) MUST_CHECK;

/* Pin the frame of a page of d's own RAM and get a lasting hv pointer to it (direct map). Undo with
   guest_unpin(). -EINVAL: no RAM of d there. */
int guest_pin_page(struct domain *d, gfn_t gfn, void **page) MUST_CHECK;
void guest_unpin_page(void *page);

#endif
