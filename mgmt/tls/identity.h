/* SPDX-License-Identifier: MIT */
/*
 * The server's identity: an ECDSA P-256 key and a self-signed X.509 v3 certificate for CN=bulkhead,
 * with the two digests that clients pin. No I/O and no randomness of its own: all comes as
 * arguments.
 */
#ifndef BH_IDENTITY_H
#define BH_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include <bearssl.h>

#define IDENTITY_KEY_LEN 32U
#define IDENTITY_SERIAL_LEN 16U
#define IDENTITY_CERT_MAX 768U
#define IDENTITY_VALID_DAYS 3650U

struct tls_identity {
    uint8_t key[IDENTITY_KEY_LEN]; /* private scalar, big-endian */
    br_ec_private_key sk;          /* points into key */
    br_x509_certificate chain;     /* points into cert */
    uint8_t cert[IDENTITY_CERT_MAX];
    uint8_t cert_sha256[32];
    uint8_t spki_sha256[32];
};

/* A uniformly random private key from a seed of at least 32 random bytes. */
int identity_key_generate(const uint8_t *seed, size_t seed_len, uint8_t key[IDENTITY_KEY_LEN]);
/* Valid from one day before `now` (seconds since 1970). -EINVAL: key is 0 or not below the order.
 * The structure refers to itself: do not copy it. */
int identity_make(struct tls_identity *id, const uint8_t key[IDENTITY_KEY_LEN],
                  const uint8_t serial[IDENTITY_SERIAL_LEN], uint64_t now);

#endif
