/* SPDX-License-Identifier: MIT */
/*
 * Ring arithmetic of the agent's vchan. Called by the agent's loop only. The peer (mgmt) is trusted
 * by the sandbox, but an index out of range still ends the channel instead of the agent.
 */
#include "vchan.h"

#include <errno.h>
#include <string.h>

static uint32_t load(const uint32_t *shared)
{
    return __atomic_load_n(shared, __ATOMIC_ACQUIRE);
}

int vchan_readable(const struct vchan *v)
{
    uint32_t n = load(&v->ctl->left.prod) - v->in_cons;

    return n <= v->in_size ? (int)n : -EPROTO;
}

int vchan_writable(const struct vchan *v)
{
    uint32_t used = v->out_prod - load(&v->ctl->right.cons);

    return used <= v->out_size ? (int)(v->out_size - used) : -EPROTO;
}

static void tell(struct vchan *v, uint8_t what)
{
    uint8_t asked = __atomic_fetch_and(&v->ctl->srv_notify, (uint8_t)~what, __ATOMIC_SEQ_CST);

    if (asked & what)
        v->notify(v->ctx);
}

void vchan_get(struct vchan *v, void *buf, uint32_t n)
{
    uint32_t at = v->in_cons & (v->in_size - 1);
    uint32_t first = v->in_size - at < n ? v->in_size - at : n;

    memcpy(buf, v->in + at, first);
    memcpy((uint8_t *)buf + first, v->in, n - first);
    v->in_cons += n;
    __atomic_store_n(&v->ctl->left.cons, v->in_cons, __ATOMIC_SEQ_CST);
    tell(v, VCHAN_NOTIFY_READ);
}

void vchan_put(struct vchan *v, const void *buf, uint32_t n)
{
    uint32_t at = v->out_prod & (v->out_size - 1);
    uint32_t first = v->out_size - at < n ? v->out_size - at : n;

    memcpy(v->out + at, buf, first);
    memcpy(v->out, (const uint8_t *)buf + first, n - first);
    v->out_prod += n;
}

void vchan_flush(struct vchan *v)
{
    if (load(&v->ctl->right.prod) == v->out_prod)
        return;
    __atomic_store_n(&v->ctl->right.prod, v->out_prod, __ATOMIC_SEQ_CST);
    tell(v, VCHAN_NOTIFY_WRITE);
}

struct vchan_indices vchan_peer_indices(const struct vchan *v)
{
    return (struct vchan_indices){.written = load(&v->ctl->left.prod),
                                  .read = load(&v->ctl->right.cons)};
}

void vchan_ask(struct vchan *v, bool on_write, bool on_read)
{
    uint8_t bits =
        (uint8_t)((on_write ? VCHAN_NOTIFY_WRITE : 0) | (on_read ? VCHAN_NOTIFY_READ : 0));

    if (bits)
        __atomic_fetch_or(&v->ctl->cli_notify, bits, __ATOMIC_SEQ_CST);
}
