/* SPDX-License-Identifier: MIT */
/*
 * TLS 1.2 server connections (BearSSL) over streams: ECDHE-ECDSA with AEAD suites only, sessions
 * resumed from one cache, no renegotiation. A connection belongs to one thread and takes about 38
 * KB.
 */
#ifndef BH_TLS_H
#define BH_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "stack/stream.h"
#include "tls/identity.h"

struct tls;

/* Once, before tls_open(); the identity must stay. */
void tls_start(const struct tls_identity *id);

/* Handshake. -ETIMEDOUT, -ECONNRESET, -EPROTO, -ENOMEM. The stream stays the caller's. */
int tls_open(struct stream *s, struct tls **out, uint64_t deadline);
/* At least one byte: the count; 0: the peer ended properly; -ETIMEDOUT, -ECONNRESET, -EPROTO. */
long tls_read(struct tls *t, void *buf, size_t len, uint64_t deadline);
/* All of it: 0 or an error as above. What fills no record waits for tls_flush(). */
int tls_write(struct tls *t, const void *buf, size_t len, uint64_t deadline);
int tls_flush(struct tls *t, uint64_t deadline);
/* Sends close_notify; reading goes on. */
int tls_shutdown(struct tls *t, uint64_t deadline);
void tls_free(struct tls *t);

#endif
