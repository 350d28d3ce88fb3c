/* SPDX-License-Identifier: MIT */
/*
 * Drives BearSSL's engine between a stream and its user. The engine is a state machine over two
 * record buffers: pump() moves records until what the caller waits for is possible.
 */
#include "tls/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>

#define CACHE_BYTES (256U * 100U) /* BearSSL takes about 100 bytes a session */

struct tls {
    struct stream *stream;
    br_ssl_server_context server;
    uint8_t buffer[BR_SSL_BUFSIZE_BIDI];
};

static const struct tls_identity *identity;
static br_ssl_session_cache_lru cache;
static uint8_t cache_store[CACHE_BYTES];

void tls_start(const struct tls_identity *id)
{
    identity = id;
    br_ssl_session_cache_lru_init(&cache, cache_store, sizeof cache_store);
}

static void configure(struct tls *t)
{
    static const uint16_t suites[] = {
        BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    };
    br_ssl_engine_context *eng = &t->server.eng;
    uint8_t seed[32];

    br_ssl_server_zero(&t->server);
    br_ssl_engine_set_versions(eng, BR_TLS12, BR_TLS12);
    br_ssl_engine_set_suites(eng, suites, sizeof suites / sizeof suites[0]);
    br_ssl_engine_set_default_ec(eng);
    br_ssl_engine_set_hash(eng, br_sha256_ID, &br_sha256_vtable);
    br_ssl_engine_set_hash(eng, br_sha384_ID, &br_sha384_vtable);
    br_ssl_engine_set_hash(eng, br_sha512_ID, &br_sha512_vtable);
    br_ssl_engine_set_prf_sha256(eng, &br_tls12_sha256_prf);
    br_ssl_engine_set_prf_sha384(eng, &br_tls12_sha384_prf);
    br_ssl_engine_set_default_aes_gcm(eng);
    br_ssl_engine_set_default_chapol(eng);
    br_ssl_server_set_single_ec(&t->server, &identity->chain, 1, &identity->sk, BR_KEYTYPE_SIGN, 0,
                                br_ssl_engine_get_ec(eng), br_ecdsa_sign_asn1_get_default());
    br_ssl_server_set_cache(&t->server, &cache.vtable);
    br_ssl_engine_add_flags(eng, BR_OPT_NO_RENEGOTIATION | BR_OPT_ENFORCE_SERVER_PREFERENCES);
    br_ssl_engine_set_buffer(eng, t->buffer, sizeof t->buffer, 1);
    rt_random(seed, sizeof seed);
    br_ssl_engine_inject_entropy(eng, seed, sizeof seed);
    memset(seed, 0, sizeof seed);
}

/* Sends complete records. */
static int send_records(struct tls *t, uint64_t deadline)
{
    br_ssl_engine_context *eng = &t->server.eng;

    while (br_ssl_engine_current_state(eng) & BR_SSL_SENDREC) {
        size_t len;
        const uint8_t *buf = br_ssl_engine_sendrec_buf(eng, &len);
        int rc = stream_write(t->stream, buf, len, deadline);

        if (rc != 0)
            return rc;
        br_ssl_engine_sendrec_ack(eng, len);
    }
    return 0;
}

/* Moves records until one of the `wanted` states holds: 0. 1: the engine has closed, without an
 * error (the peer's close_notify). */
static int pump(struct tls *t, unsigned int wanted, uint64_t deadline)
{
    br_ssl_engine_context *eng = &t->server.eng;

    for (;;) {
        /* The alert that ends a failed handshake goes out first. */
        int rc = send_records(t, deadline);
        unsigned int state = br_ssl_engine_current_state(eng);
        size_t len;
        uint8_t *buf;
        long n;

        if (state & BR_SSL_CLOSED)
            return br_ssl_engine_last_error(eng) == BR_ERR_OK ? 1 : -EPROTO;
        if (rc != 0)
            return rc;
        if (state & wanted)
            return 0;
        if (!(state & BR_SSL_RECVREC))
            return -EPROTO;
        buf = br_ssl_engine_recvrec_buf(eng, &len);
        n = stream_read(t->stream, buf, len, deadline);
        if (n == 0)
            return -ECONNRESET; /* an end without close_notify may be a cut */
        if (n < 0)
            return (int)n;
        br_ssl_engine_recvrec_ack(eng, (size_t)n);
    }
}

int tls_open(struct stream *s, struct tls **out, uint64_t deadline)
{
    struct tls *t = malloc(sizeof *t);
    int rc;

    if (t == NULL)
        return -ENOMEM;
    t->stream = s;
    configure(t);
    if (!br_ssl_server_reset(&t->server)) {
        tls_free(t);
        return -EPROTO;
    }
    rc = pump(t, BR_SSL_SENDAPP, deadline);
    if (rc != 0) {
        tls_free(t);
        return rc < 0 ? rc : -ECONNRESET;
    }
    *out = t;
    return 0;
}

long tls_read(struct tls *t, void *buf, size_t len, uint64_t deadline)
{
    size_t n;
    const uint8_t *data;
    int rc = pump(t, BR_SSL_RECVAPP, deadline);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    data = br_ssl_engine_recvapp_buf(&t->server.eng, &n);
    n = n < len ? n : len;
    memcpy(buf, data, n);
    br_ssl_engine_recvapp_ack(&t->server.eng, n);
    return (long)n;
}

int tls_write(struct tls *t, const void *buf, size_t len, uint64_t deadline)
{
    const uint8_t *data = buf;

    while (len > 0) {
        int rc = pump(t, BR_SSL_SENDAPP, deadline);
        size_t n;
        uint8_t *room;

        if (rc != 0)
            return rc < 0 ? rc : -ECONNRESET;
        room = br_ssl_engine_sendapp_buf(&t->server.eng, &n);
        n = n < len ? n : len;
        memcpy(room, data, n);
        br_ssl_engine_sendapp_ack(&t->server.eng, n);
        data += n;
        len -= n;
    }
    return send_records(t, deadline);
}

int tls_flush(struct tls *t, uint64_t deadline)
{
    br_ssl_engine_flush(&t->server.eng, 0);
    return send_records(t, deadline);
}

int tls_shutdown(struct tls *t, uint64_t deadline)
{
    br_ssl_engine_flush(&t->server.eng, 0);
    int rc = send_records(t, deadline);

    if (rc != 0)
        return rc;
    br_ssl_engine_close(&t->server.eng);
    return send_records(t, deadline);
}

void tls_free(struct tls *t)
{
    /* Session keys do not stay in free memory. */
    memset(t, 0, sizeof *t);
    __asm__ volatile("" : : "r"(t) : "memory");
    free(t);
}
