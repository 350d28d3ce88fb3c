/* SPDX-License-Identifier: MIT */
/*
 * Ring arithmetic of the vchan client, and mapping of what the server granted.
 */
#include "vchan.h"

#include <errno.h>
#include <string.h>

#include <xen/io/libxenvchan.h>

#include "drivers/shm.h"

#define RING_PAGES (VCHAN_SIZE / 4096U)

_Static_assert(sizeof(struct vchan_interface) == 24, "vchan ABI");

int vchan_connect(struct vchan *v, uint16_t domid, grant_ref ref, evtchn_port remote_port)
{
    grant_ref refs[2 * RING_PAGES];
    struct vchan_interface *s;
    int rc;

    memset(v, 0, sizeof(*v));
    rc = gnt_map(domid, &ref, 1, false, &v->page_map);
    if (rc != 0)
        return rc;
    s = v->shared = v->page_map.addr;
    if (shm_read16(&s->left_order) != VCHAN_ORDER || shm_read16(&s->right_order) != VCHAN_ORDER) {
        rc = -EPROTO;
        goto fail;
    }
    shm_copy(refs, s->grants, sizeof(refs));
    rc = gnt_map(domid, refs, RING_PAGES, false, &v->left_map);
    if (rc != 0)
        goto fail;
    rc = gnt_map(domid, refs + RING_PAGES, RING_PAGES, false, &v->right_map);
    if (rc != 0)
        goto fail;
    rc = evtchn_bind_interdomain(domid, remote_port, &v->port);
    if (rc != 0)
        goto fail;
    v->left = v->left_map.addr;
    v->right = v->right_map.addr;
    v->wr_prod = shm_read32(&s->left.prod);
    v->rd_cons = shm_read32(&s->right.cons);
    shm_write8(&s->cli_live, 1);
    return 0;
fail:
    vchan_disconnect(v);
    return rc;
}

void vchan_disconnect(struct vchan *v)
{
    if (v->port != 0) {
        shm_write8(&v->shared->cli_live, 0);
        (void)evtchn_send(v->port);
        (void)evtchn_close(v->port);
        v->port = 0;
    }
    gnt_unmap(&v->left_map);
    gnt_unmap(&v->right_map);
    gnt_unmap(&v->page_map);
    v->shared = NULL;
    v->dead = true;
}

uint32_t vchan_readable(struct vchan *v)
{
    uint32_t n;

    if (v->dead)
        return 0;
    n = shm_read32(&v->shared->right.prod) - v->rd_cons;
    if (n > VCHAN_SIZE) {
        v->dead = true;
        return 0;
    }
    return n;
}

uint32_t vchan_peer_written(const struct vchan *v)
{
    return v->dead ? 0 : shm_read32(&v->shared->right.prod);
}

uint32_t vchan_writable(struct vchan *v)
{
    uint32_t used;

    if (v->dead)
        return 0;
    used = v->wr_prod - shm_read32(&v->shared->left.cons);
    if (used > VCHAN_SIZE) {
        v->dead = true;
        return 0;
    }
    return VCHAN_SIZE - used;
}

void vchan_peek(const struct vchan *v, void *buf, uint32_t n)
{
    uint32_t at = v->rd_cons % VCHAN_SIZE;
    uint32_t first = VCHAN_SIZE - at < n ? VCHAN_SIZE - at : n;

    shm_copy(buf, v->right + at, first);
    shm_copy((uint8_t *)buf + first, v->right, n - first);
}

void vchan_skip(struct vchan *v, uint32_t n)
{
    v->rd_cons += n;
}

void vchan_put(struct vchan *v, const void *buf, uint32_t n)
{
    uint32_t at = v->wr_prod % VCHAN_SIZE;
    uint32_t first = VCHAN_SIZE - at < n ? VCHAN_SIZE - at : n;

    memcpy(v->left + at, buf, first);
    memcpy(v->left, (const uint8_t *)buf + first, n - first);
    v->wr_prod += n;
}

void vchan_publish(struct vchan *v)
{
    struct vchan_interface *s = v->shared;
    uint8_t what = 0, asked;

    if (v->dead)
        return;
    if (*(volatile uint32_t *)&s->left.prod != v->wr_prod) {
        shm_write32(&s->left.prod, v->wr_prod);
        what |= VCHAN_NOTIFY_WRITE;
    }
    if (*(volatile uint32_t *)&s->right.cons != v->rd_cons) {
        shm_write32(&s->right.cons, v->rd_cons);
        what |= VCHAN_NOTIFY_READ;
    }
    if (what == 0)
        return;
    asked = __atomic_fetch_and(&s->cli_notify, (uint8_t)~what, __ATOMIC_SEQ_CST);
    if ((asked & what) != 0)
        (void)evtchn_send(v->port);
}

void vchan_ask(struct vchan *v, bool room)
{
    uint8_t bits = VCHAN_NOTIFY_WRITE;

    if (v->dead)
        return;
    if (room)
        bits |= VCHAN_NOTIFY_READ;
    __atomic_fetch_or(&v->shared->srv_notify, bits, __ATOMIC_SEQ_CST);
}
