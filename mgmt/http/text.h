/* SPDX-License-Identifier: MIT */
/* Text encodings of the API: base64, hex, UTF-8. Pure functions on bounded buffers. */
#ifndef BH_TEXT_H
#define BH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BASE64_LEN(n) (((n) + 2) / 3 * 4) /* without NUL */

/* Standard alphabet with padding; out has BASE64_LEN(len) + 1 bytes. Returns the length. */
size_t base64_encode(const uint8_t *in, size_t len, char *out);
/* URL alphabet without padding (RFC 4648, 5). */
size_t base64url_encode(const uint8_t *in, size_t len, char *out);
/* Strict: padded, no spaces, no stray bits. Returns the length, or -1. out has len / 4 * 3 bytes.
 */
long base64_decode(const char *in, size_t len, uint8_t *out);

void hex_encode(const uint8_t *in, size_t len,
                char *out); /* lower case; out has 2 * len + 1 bytes */
int hex_decode(const char *in, size_t len, uint8_t *out); /* len even; 0 or -1 */

/* Valid UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF. */
bool utf8_valid(const uint8_t *s, size_t len);
/* Bytes at the end that begin a sequence which more bytes could complete: 0..3. */
size_t utf8_incomplete_tail(const uint8_t *s, size_t len);

#endif
