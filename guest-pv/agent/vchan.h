/* SPDX-License-Identifier: MIT */
/*
 * The agent's end (server) of one libxenvchan ring pair (Xen public/io/libxenvchan.h). The ring
 * part is plain memory and runs in host tests; how the peer is notified is the owner's affair.
 */
#ifndef AGENT_VCHAN_H
#define AGENT_VCHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/libxenvchan.h>

struct vchan {
    struct vchan_interface *ctl; /* shared with the peer */
    uint8_t *in, *out;           /* shared ring memory: peer → us, us → peer */
    uint32_t in_size, out_size;  /* powers of two */
    uint32_t in_cons, out_prod;  /* our own indices: the shared ones are only told to the peer */
    void (*notify)(void *ctx);
    void *ctx;
};

/* Readable bytes, or -EPROTO when the peer's index makes no sense. */
int vchan_readable(const struct vchan *v);
/* Free bytes to write, or -EPROTO. */
int vchan_writable(const struct vchan *v);
/* Moves exactly n bytes; the caller has checked readable or writable. */
void vchan_get(struct vchan *v, void *buf, uint32_t n);
void vchan_put(struct vchan *v, const void *buf, uint32_t n);
/* Makes what was put visible, and tells the peer if it asked to be told. */
void vchan_flush(struct vchan *v);
/* How far the peer has written and read, as it says: to compare only. */
struct vchan_indices {
    uint32_t written, read;
};
struct vchan_indices vchan_peer_indices(const struct vchan *v);
/* Asks the peer for a notification when it writes, or when it has read. Afterwards compare the
 * peer's indices with those from BEFORE the rings were last looked at: what moved between is not
 * notified. */
void vchan_ask(struct vchan *v, bool on_write, bool on_read);

#endif
