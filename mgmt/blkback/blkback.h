/* SPDX-License-Identifier: MIT */
/*
 * Block back end (Xen public/io/blkif.h): offers the base image, read-only, to any number of
 * sandboxes. Each block is checked against the image's hash tree when first read. Data goes by
 * grant copy; a front end that breaks the protocol loses its own device only.
 */
#ifndef BH_BLKBACK_H
#define BH_BLKBACK_H

#include <stdint.h>

#include "hashtree.h"

#define BLKBACK_VDEV 51712U /* xvda */

struct blkback;

/* Writes both device directories below the sandbox's home and mgmt's, and serves from then on.
 * owner is the session's id, for the audit log. owner and image (after hashtree_open) must stay. */
int blkback_create(uint16_t domid, struct hashtree *image, const char *owner, struct blkback **out);
/* Lets go of everything of the domain. The nodes of the front end go with the domain's home. NULL
 * is fine. */
void blkback_destroy(struct blkback *b);

#endif
