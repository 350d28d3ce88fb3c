/* SPDX-License-Identifier: MIT */
/*
 * The API key: one bearer key, kept as a SHA-256 and compared in constant time. Failures are
 * counted per peer; past the limit they are refused without being logged each, so that guessing
 * costs the guesser and not the log. A right key is always let in: nobody can lock the owner out.
 */
#ifndef BH_AUTH_H
#define BH_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/request.h"

#define AUTH_KEY_RANDOM 32U
#define AUTH_KEY_LEN 48U /* "bhk_" and 43 characters, NUL included */
#define AUTH_KEY_MIN 16U /* of a preset key */
#define AUTH_KEY_MAX 128U
#define AUTH_BURST 10U   /* failures a peer may make at once */
#define AUTH_REFILL_S 6U /* seconds for each further one */
#define AUTH_PEERS 64U   /* remembered; the least recent one is forgotten */

enum auth_result { AUTH_OK, AUTH_MISSING, AUTH_WRONG };

void auth_make_key(const uint8_t random[AUTH_KEY_RANDOM], char out[AUTH_KEY_LEN]);
/* Length and characters (RFC 6750, b64token) of a preset key. */
bool auth_key_acceptable(const char *key);
void auth_set_key(const char *key);
/* The value of an Authorization header; p NULL: there is none. */
enum auth_result auth_check(struct http_slice authorization);
/* Counts a failure: 0, or the seconds after which the peer may try again. `now` in ns. */
unsigned int auth_count_failure(uint32_t peer, uint64_t now);

#endif
