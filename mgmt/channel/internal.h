/* SPDX-License-Identifier: MIT */
/*
 * Between channel.c (offers, receiving) and lane.c (what threads do with a stream).
 */
#ifndef BH_CHANNEL_INTERNAL_H
#define BH_CHANNEL_INTERNAL_H

#include <rt/thread.h>

#include "channel.h"
#include "drivers/worker.h"
#include "fifo.h"
#include "vchan.h"

struct lane {
    struct lane *next;
    struct channel *ch; /* NULL: no longer on it; done or reset is set then */
    unsigned int refs;
    uint32_t id;
    uint32_t granted;            /* bytes the agent may still send */
    uint32_t owed;               /* bytes read here and not yet credited */
    uint32_t tx_credit;          /* bytes we may send */
    bool detached;               /* the owner has closed it; freed with the agent's DONE */
    bool cancel_due, credit_due; /* frames that had no room yet */
    bool reset;
    bool got_stat, got_done;
    bool corrupt; /* out of memory: data was lost */
    struct bh_stat stat;
    struct bh_done done;
    char text[257];
    struct fifo fifo;
    struct fifo late[2]; /* see lane_store() */
    struct waitq wq;     /* anything changed */
};

struct channel {
    struct work pump;  /* first */
    struct work offer; /* the watch fired */
    struct xenstore_watch *watch;
    struct vchan vc;
    enum channel_state state;
    uint16_t domid;
    unsigned int offers;
    uint64_t generation;
    struct lane *streams;
    unsigned int nr_streams;
    uint32_t last_id;
    bool have_head;
    bool room_wanted;
    struct bh_msg head;
    struct waitq room;
    channel_changed_fn *changed;
    void *ctx;
    const char *reason;
    char hostname[64];
    char home[32];
};

/* Puts a frame into the ring, or returns false and has the room waited for. */
bool channel_try_send(struct channel *ch, uint32_t stream, enum bh_msg_type type, uint32_t arg,
                      const void *data, size_t len);
/* Keeps received data. -ENOMEM. */
int lane_store(struct lane *s, uint16_t type, const void *data, size_t len);
void lane_drop(struct lane *s); /* what is stored */
/* Sends what is due of a stream, as far as there is room. */
void lane_flush(struct lane *s);
/* Takes it off its channel: done or reset, and nothing more will come. Freed with its last
 * reference. */
void lane_unlink(struct lane *s);

#endif
