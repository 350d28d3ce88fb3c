/* SPDX-License-Identifier: MIT */
/* Between xs.c (what is asked) and xs_ring.c (how it gets to the store and back). */
#ifndef RT_XS_TRANSPORT_H
#define RT_XS_TRANSPORT_H

#include "rt/xs.h"

/* The ring as an xs_call_fn; several threads may call at once. */
int xs_ring_call(void *ctx, uint32_t type, uint32_t tx, const void *in, size_t in_len, void **out,
                 size_t *out_len);

#endif
