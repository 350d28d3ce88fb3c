/* SPDX-License-Identifier: MIT */
/*
 * Decoder of the chunked transfer coding (RFC 9112, 7.1). Ours rather than picohttpparser's because
 * it gives spans of the input instead of moving it, refuses bare line feeds, and bounds extensions
 * and trailers, so that a peer cannot send framing without end.
 */
#ifndef BH_HTTP_CHUNK_H
#define BH_HTTP_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#define CHUNK_EXTRA_MAX 4096U /* bytes of extensions and trailers in one body */

struct http_chunk { /* zero-filled before the first use */
    unsigned int state;
    unsigned int digits;
    unsigned int extra;
    uint64_t left;
};

/*
 * Consumes input up to and including one span of data. *used: bytes consumed; *data, *data_len: the
 * span inside `in` (length 0: none yet). Returns 0: go on; 1: the body has ended; -1: malformed,
 * for good.
 */
int http_chunk_next(struct http_chunk *c, const uint8_t *in, size_t len, size_t *used,
                    const uint8_t **data, size_t *data_len);

#endif
