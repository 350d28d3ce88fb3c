/* SPDX-License-Identifier: MIT */
/*
 * Blocking TCP streams for cooperative threads: served by mgmt/stack over lwIP, in host tests over
 * sockets. Every wait has a deadline (rt_now() scale). A stream is used by one thread at a time;
 * only stream_abort() and stream_peer_gone() may come from another one.
 *
 * Back pressure: received bytes are acknowledged to the peer's window only when read, so a stream
 * holds at most STREAM_RX_MAX of them.
 */
#ifndef BH_STREAM_H
#define BH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_RX_MAX 32120U /* bytes: the TCP window, 22 full segments */
#define STREAM_PEER_LEN 24U  /* "a.b.c.d:port", NUL included */

struct stream_listener;
struct stream;

int stream_listen(uint16_t port, struct stream_listener **out);
/* -ETIMEDOUT, -ENOMEM. */
int stream_accept(struct stream_listener *l, struct stream **out, uint64_t deadline);

/* "a.b.c.d" of the peer, and its number for comparing peers. */
const char *stream_peer(const struct stream *s);
uint32_t stream_peer_address(const struct stream *s);

/* At least one byte: the count; 0: the peer has closed its side; -ETIMEDOUT, -ECONNRESET. */
long stream_read(struct stream *s, void *buf, size_t len, uint64_t deadline);
/* All of it into the send buffer: 0, -ETIMEDOUT (part may have gone), -ECONNRESET. */
int stream_write(struct stream *s, const void *buf, size_t len, uint64_t deadline);
/* True when the peer has closed its side or reset: nobody waits for an answer. */
bool stream_peer_gone(const struct stream *s);

/* Sends what is buffered, then closes; what the peer does not take in a few seconds is dropped.
 * Does not wait. The handle is gone. */
void stream_close(struct stream *s);
/* Resets: all waits on it end with -ECONNRESET. The handle stays until stream_close(). */
void stream_abort(struct stream *s);

#endif
