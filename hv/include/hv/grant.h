/* SPDX-License-Identifier: MIT */
/*
 * Grant tables v1, map and copy: core/grant.c.
 */
#ifndef HV_GRANT_H
#define HV_GRANT_H

#include <hv/types.h>

struct domain;
struct vcpu;

int grant_init(struct domain *d) MUST_CHECK;
/* Undo what d has mapped of others (-EAGAIN: call again), then -EBUSY while others map d's frames.
 */
int grant_destroy(struct domain *d) MUST_CHECK;
void grant_free(struct domain *d);

long do_grant_table_op(struct vcpu *v, uint64_t cmd, uint64_t arg, uint64_t count);

/* Write entry ref as d itself would (boot builder, BH_CTL_SEED_GRANT). */
int grant_seed(struct domain *d, uint32_t ref, uint16_t to, uint16_t flags, gfn_t gfn) MUST_CHECK;

/* Frame idx of d's grant table for XENMAPSPACE_grant_table; grows the table up to the limit. */
int grant_table_frame(struct domain *d, uint32_t idx, mfn_t *out) MUST_CHECK;
/* The guest has mapped that frame at gfn: what GNTTABOP_setup_table answers. */
void grant_table_note_gfn(struct domain *d, uint32_t idx, gfn_t gfn);

#endif
