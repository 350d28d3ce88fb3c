/* SPDX-License-Identifier: MIT */
/*
 * Encodes and signs the self-signed certificate (RFC 5280; RFC 5480 for the key). The parts are
 * written last first, as der.h asks for.
 */
#include "tls/identity.h"

#include <errno.h>
#include <string.h>

#include "tls/der.h"

#define POINT_LEN 65U /* uncompressed P-256 point */
#define DAY 86400U

static const uint8_t oid_ec_public_key[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const uint8_t oid_p256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t oid_ecdsa_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};
static const uint8_t oid_key_id[] = {0x55, 0x1d, 0x0e};
static const uint8_t oid_alt_name[] = {0x55, 0x1d, 0x11};
static const uint8_t oid_constraints[] = {0x55, 0x1d, 0x13};
static const uint8_t oid_ext_key_usage[] = {0x55, 0x1d, 0x25};
static const uint8_t oid_server_auth[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};

static void sha256(const void *data, size_t len, uint8_t out[32])
{
    br_sha256_context ctx;

    br_sha256_init(&ctx);
    br_sha256_update(&ctx, data, len);
    br_sha256_out(&ctx, out);
}

int identity_key_generate(const uint8_t *seed, size_t seed_len, uint8_t key[IDENTITY_KEY_LEN])
{
    br_hmac_drbg_context rng;
    br_ec_private_key sk;
    uint8_t kbuf[BR_EC_KBUF_PRIV_MAX_SIZE];
    size_t len;

    br_hmac_drbg_init(&rng, &br_sha256_vtable, seed, seed_len);
    len = br_ec_keygen(&rng.vtable, br_ec_get_default(), &sk, kbuf, BR_EC_secp256r1);
    if (len != IDENTITY_KEY_LEN)
        return -EINVAL;
    memcpy(key, kbuf, IDENTITY_KEY_LEN);
    memset(kbuf, 0, sizeof kbuf);
    return 0;
}

static void put_algorithm(struct der *d)
{
    size_t mark = der_mark(d);

    der_element(d, DER_OID, oid_ecdsa_sha256, sizeof oid_ecdsa_sha256);
    der_wrap(d, DER_SEQUENCE, mark);
}

static void put_bit_string(struct der *d, const void *data, size_t len)
{
    static const uint8_t unused_bits = 0;
    size_t mark = der_mark(d);

    der_put(d, data, len);
    der_put(d, &unused_bits, 1);
    der_wrap(d, DER_BIT_STRING, mark);
}

static void put_name(struct der *d)
{
    size_t mark = der_mark(d);

    der_element(d, DER_UTF8_STRING, "bulkhead", 8);
    der_element(d, DER_OID, oid_common_name, sizeof oid_common_name);
    der_wrap(d, DER_SEQUENCE, mark);
    der_wrap(d, DER_SET, mark);
    der_wrap(d, DER_SEQUENCE, mark);
}

static void put_public_key(struct der *d, const uint8_t point[POINT_LEN])
{
    size_t mark = der_mark(d), algorithm;

    put_bit_string(d, point, POINT_LEN);
    algorithm = der_mark(d);
    der_element(d, DER_OID, oid_p256, sizeof oid_p256);
    der_element(d, DER_OID, oid_ec_public_key, sizeof oid_ec_public_key);
    der_wrap(d, DER_SEQUENCE, algorithm);
    der_wrap(d, DER_SEQUENCE, mark);
}

/* Closes an extension whose value was written since `mark`. */
static void end_extension(struct der *d, size_t mark, const uint8_t oid[3], bool critical)
{
    static const uint8_t yes = 0xff;

    der_wrap(d, DER_OCTET_STRING, mark);
    if (critical)
        der_element(d, DER_BOOLEAN, &yes, 1);
    der_element(d, DER_OID, oid, 3);
    der_wrap(d, DER_SEQUENCE, mark);
}

static void put_extensions(struct der *d, const uint8_t point[POINT_LEN])
{
    static const uint8_t loopback[] = {127, 0, 0, 1};
    uint8_t key_id[32];
    size_t all = der_mark(d), mark = all;

    /* RFC 7093, 2 (1): the leftmost 160 bits of the SHA-256 of the key. */
    sha256(point, POINT_LEN, key_id);
    der_element(d, DER_OCTET_STRING, key_id, 20);
    end_extension(d, mark, oid_key_id, false);

    mark = der_mark(d);
    der_element(d, DER_OID, oid_server_auth, sizeof oid_server_auth);
    der_wrap(d, DER_SEQUENCE, mark);
    end_extension(d, mark, oid_ext_key_usage, false);

    mark = der_mark(d);
    der_element(d, DER_CONTEXT(7), loopback, sizeof loopback);
    der_element(d, DER_CONTEXT(2), "localhost", 9);
    der_element(d, DER_CONTEXT(2), "bulkhead", 8);
    der_wrap(d, DER_SEQUENCE, mark);
    end_extension(d, mark, oid_alt_name, false);

    mark = der_mark(d);
    der_wrap(d, DER_SEQUENCE, mark); /* cA: FALSE by default */
    end_extension(d, mark, oid_constraints, true);

    der_wrap(d, DER_SEQUENCE, all);
    der_wrap(d, DER_CONTEXT_CONSTRUCTED(3), all);
}

static void put_tbs_certificate(struct der *d, const uint8_t point[POINT_LEN],
                                const uint8_t serial[IDENTITY_SERIAL_LEN], uint64_t now)
{
    static const uint8_t version3 = 2;
    uint64_t from = now > DAY ? now - DAY : 0;
    size_t all = der_mark(d), mark;

    put_extensions(d, point);
    put_public_key(d, point);
    put_name(d);
    mark = der_mark(d);
    der_time(d, now + (uint64_t)IDENTITY_VALID_DAYS * DAY);
    der_time(d, from);
    der_wrap(d, DER_SEQUENCE, mark);
    put_name(d);
    put_algorithm(d);
    der_integer(d, serial, IDENTITY_SERIAL_LEN);
    mark = der_mark(d);
    der_integer(d, &version3, 1);
    der_wrap(d, DER_CONTEXT_CONSTRUCTED(0), mark);
    der_wrap(d, DER_SEQUENCE, all);
}

static int encode(struct tls_identity *id, const uint8_t point[POINT_LEN],
                  const uint8_t serial[IDENTITY_SERIAL_LEN], uint64_t now)
{
    uint8_t tbs[IDENTITY_CERT_MAX], out[IDENTITY_CERT_MAX], hash[32], signature[80];
    struct der d;
    size_t tbs_at, len;

    der_init(&d, tbs, sizeof tbs);
    put_tbs_certificate(&d, point, serial, now);
    if (!der_ok(&d))
        return -EMSGSIZE;
    tbs_at = d.at;
    sha256(tbs + tbs_at, sizeof tbs - tbs_at, hash);
    len = br_ecdsa_sign_asn1_get_default()(br_ec_get_default(), &br_sha256_vtable, hash, &id->sk,
                                           signature);
    if (len == 0)
        return -EINVAL;

    der_init(&d, out, sizeof out);
    put_bit_string(&d, signature, len);
    put_algorithm(&d);
    der_put(&d, tbs + tbs_at, sizeof tbs - tbs_at);
    der_wrap(&d, DER_SEQUENCE, sizeof out);
    if (!der_ok(&d))
        return -EMSGSIZE;
    id->chain.data = id->cert;
    id->chain.data_len = sizeof out - d.at;
    memcpy(id->cert, out + d.at, id->chain.data_len);
    sha256(id->cert, id->chain.data_len, id->cert_sha256);

    der_init(&d, out, sizeof out);
    put_public_key(&d, point);
    sha256(out + d.at, sizeof out - d.at, id->spki_sha256);
    return 0;
}

int identity_make(struct tls_identity *id, const uint8_t key[IDENTITY_KEY_LEN],
                  const uint8_t serial[IDENTITY_SERIAL_LEN], uint64_t now)
{
    /* FIPS 186-4, D.1.2.3: the order of P-256. */
    static const uint8_t order[IDENTITY_KEY_LEN] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
                                                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                                    0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    static const uint8_t zero[IDENTITY_KEY_LEN];
    uint8_t point[BR_EC_KBUF_PUB_MAX_SIZE], positive[IDENTITY_SERIAL_LEN];
    br_ec_public_key pk;

    if (memcmp(key, zero, sizeof zero) == 0 || memcmp(key, order, sizeof order) >= 0)
        return -EINVAL;
    memcpy(id->key, key, IDENTITY_KEY_LEN);
    id->sk.curve = BR_EC_secp256r1;
    id->sk.x = id->key;
    id->sk.xlen = IDENTITY_KEY_LEN;
    if (br_ec_compute_pub(br_ec_get_default(), &pk, point, &id->sk) != POINT_LEN)
        return -EINVAL;
    /* Never zero, whatever the random bytes were (RFC 5280, 4.1.2.2). */
    memcpy(positive, serial, sizeof positive);
    positive[0] = (uint8_t)((positive[0] & 0x7f) | 0x40);
    return encode(id, point, positive, now);
}
