/* SPDX-License-Identifier: MIT */
/*
 * A DER writer (ITU-T X.690) that fills its buffer from the end, so that the length of what an
 * element holds is known when its header is written. Overflow is remembered, not fatal: check
 * der_ok() once at the end. Write the last element first.
 */
#ifndef BH_DER_H
#define BH_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DER_BOOLEAN 0x01U
#define DER_INTEGER 0x02U
#define DER_BIT_STRING 0x03U
#define DER_OCTET_STRING 0x04U
#define DER_OID 0x06U
#define DER_UTF8_STRING 0x0cU
#define DER_UTC_TIME 0x17U
#define DER_GENERALIZED_TIME 0x18U
#define DER_SEQUENCE 0x30U
#define DER_SET 0x31U
#define DER_CONTEXT(n) (0x80U | (n))             /* [n] IMPLICIT, primitive */
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0U | (n)) /* [n] EXPLICIT */

struct der {
    uint8_t *buf;
    size_t at; /* first byte written */
    size_t size;
    bool overflow;
};

void der_init(struct der *d, uint8_t *buf, size_t size);
/* Where what is written next will end: give it to der_wrap() when its contents are complete. */
size_t der_mark(const struct der *d);
void der_put(struct der *d, const void *data, size_t len);
/* Puts tag and length before everything written since `mark`. */
void der_wrap(struct der *d, unsigned int tag, size_t mark);
/* A whole primitive element. */
void der_element(struct der *d, unsigned int tag, const void *data, size_t len);
/* A positive INTEGER from big-endian bytes. */
void der_integer(struct der *d, const uint8_t *data, size_t len);
/* UTCTime up to 2049, GeneralizedTime after (RFC 5280, 4.1.2.5). */
void der_time(struct der *d, uint64_t unix_seconds);
bool der_ok(const struct der *d);

#endif
