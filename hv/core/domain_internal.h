/* SPDX-License-Identifier: MIT */
/*
 * Between domain.c and domain_destroy.c, and what they need of the x86 side.
 */
#ifndef HV_CORE_DOMAIN_INTERNAL_H
#define HV_CORE_DOMAIN_INTERNAL_H

#include <hv/domain.h>

#define IO_BITMAP_ORDER 2U

/* Free everything that is left of d, also of one that was only half made. */
void domain_release(struct domain *d);
/* Take d out of the table and drop the table's reference. */
void domain_unlist(struct domain *d);

/* x86/ioport.c, x86/fpu.c */
extern uint8_t *ioport_default_bitmap;
int fpu_vcpu_init(struct vcpu *v) MUST_CHECK;
void fpu_vcpu_destroy(struct vcpu *v);

#endif
