/* SPDX-License-Identifier: MIT */
/*
 * Bytes a stream has received and nobody has read yet, in order, each run with its frame type.
 * Neighbouring runs of one type are joined, so the space for hostile one-byte frames stays within a
 * small multiple of the bytes themselves. Grows with its content and shrinks to nothing when empty.
 */
#ifndef BH_FIFO_H
#define BH_FIFO_H

#include <stddef.h>
#include <stdint.h>

struct fifo {
    uint8_t *buf;
    size_t cap, head, tail; /* content is [head, tail) */
    size_t last;            /* offset of the last run's header, valid when not empty */
    size_t runs;
};

int fifo_put(struct fifo *f, uint16_t type, const void *data, size_t len); /* -ENOMEM */
/* Takes at most max bytes of the first run; 0: empty. */
size_t fifo_get(struct fifo *f, uint16_t *type, void *buf, size_t max);
void fifo_free(struct fifo *f);

#endif
