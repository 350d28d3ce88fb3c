/* SPDX-License-Identifier: MIT */
/*
 * mgmt's end of the agent channel (guest-pv/agent/include/public/agent_proto.h): takes up the
 * agent's offer, says hello, configures, and then carries many streams at once. The agent is
 * hostile: a frame that does not fit the protocol breaks the channel. A broken channel may be
 * offered anew once, under a higher generation number; what was under way then ends with
 * -ECONNRESET.
 *
 * Receiving runs in the worker and never waits; what a stream holds is bounded by its window. Calls
 * that may wait are for threads.
 */
#ifndef BH_CHANNEL_H
#define BH_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_proto.h"

#define CHANNEL_STREAM_BYTES 98304U /* what a stream may hold: a window, and how it is divided */
#define CHANNEL_MAX_OFFERS 2U       /* the first and one reconnect */

enum channel_state {
    CHANNEL_WAITING = 1, /* no offer yet */
    CHANNEL_HELLO = 2,
    CHANNEL_CONFIG = 3,
    CHANNEL_READY = 4,
    CHANNEL_BROKEN = 5, /* waits for a new offer */
    CHANNEL_LOST = 6,   /* no further offer is taken */
};

struct channel;
struct lane; /* mgmt's end of one stream */

/* Called in the worker when the state changed. Must not wait. */
typedef void channel_changed_fn(void *ctx);

/* Bounds the streams of all channels together (each may buffer a window). */
void channel_set_limit(unsigned int streams);

/* Watches the domain's home for an offer. hostname is copied. */
int channel_create(uint16_t domid, const char *hostname, channel_changed_fn *changed, void *ctx,
                   struct channel **out);
/* Every stream ends with -ECONNRESET; streams still have to be closed by their owners. NULL is
 * fine. */
void channel_destroy(struct channel *ch);
enum channel_state channel_get_state(const struct channel *ch);
const char *channel_reason(const struct channel *ch); /* why it broke, for people */

/* Opens a stream with its first frame. -EAGAIN not ready, -EMFILE too many, -ETIMEDOUT,
 * -ECONNRESET. */
int lane_open(struct channel *ch, enum bh_msg_type type, const void *payload, size_t len,
              uint64_t deadline, struct lane **out);
/* Cancels what still runs. The stream is gone for the caller; others who hold it get -EPIPE. */
void lane_close(struct lane *s);
/* Keeps the memory of a stream while a thread other than its owner waits in a call on it. */
void lane_hold(struct lane *s);
void lane_release(struct lane *s);
uint32_t lane_id(const struct lane *s);

/* Takes received data: at most max bytes of one type. >0: count; 0: the stream is done, see
 * lane_done(); -ETIMEDOUT; -ECONNRESET. */
long lane_receive(struct lane *s, uint16_t *type, void *buf, size_t max, uint64_t deadline);
/* Waits for STAT (or DONE, if the agent refused). 0: *st is filled; 1: done instead. */
int lane_wait_stat(struct lane *s, struct bh_stat *st, uint64_t deadline);
/* Waits for DONE, dropping data. */
int lane_wait_done(struct lane *s, uint64_t deadline);
/* Valid once done; text is NUL-terminated and printable. */
const struct bh_done *lane_done(const struct lane *s, const char **text);

/* Sends data against credit. -EPIPE: the stream is done already. */
int lane_send(struct lane *s, enum bh_msg_type type, const void *data, size_t len,
              uint64_t deadline);
/* Sends a frame without payload (STDIN_EOF, EOF, SIGNAL). */
int lane_control(struct lane *s, enum bh_msg_type type, uint32_t arg, uint64_t deadline);

#endif
