/* SPDX-License-Identifier: MIT */
/*
 * What boot domains print: CONSOLEIO_write line by line with the domain's name in front, and in
 * run-guest mode the guest's PV console ring (xen/io/console.h), raw.
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/printk.h>
#include <xen/xen.h>
#include <xen/hvm/params.h>
#include <xen/io/console.h>

#include "boot.h"

#define LINE_MAX 200U
#define RING_OUT 2048U

static struct {
    struct spinlock lock;
    size_t len;
    char text[LINE_MAX];
} lines[2]; /* mgmt, net */

static struct xencons_interface *ring; /* the run-guest guest's */
static struct spinlock ring_lock;
static uint32_t ring_port;

static void end_line(uint32_t who)
{
    char out[LINE_MAX + 16];
    size_t n = snprintk(out, sizeof(out), "[%s] ", who == BH_DOMID_MGMT ? "mgmt" : "net");

    memcpy(out + n, lines[who].text, lines[who].len);
    n += lines[who].len;
    out[n++] = '\n';
    lines[who].len = 0;
    console_write(out, n);
}

void guest_console_write(struct domain *d, const char *text, size_t len)
{
    if (d->id >= ARRAY_SIZE(lines) || ring) {
        console_write(text, len);
        return;
    }
    spin_lock(&lines[d->id].lock);
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n' && text[i] != '\r')
            lines[d->id].text[lines[d->id].len++] = text[i];
        if (text[i] == '\n' || lines[d->id].len == LINE_MAX)
            end_line(d->id);
    }
    spin_unlock(&lines[d->id].lock);
}

/* The ring is the guest's to write: indices are read once and bounded. */
void guest_console_drain(void)
{
    char text[RING_OUT];
    uint32_t cons, prod, n = 0;

    if (!ring)
        return;
    spin_lock(&ring_lock);
    cons = READ_ONCE(ring->out_cons);
    prod = __atomic_load_n(&ring->out_prod, __ATOMIC_ACQUIRE);
    if (prod - cons <= RING_OUT)
        while (cons != prod)
            text[n++] = READ_ONCE(ring->out[cons++ & (RING_OUT - 1)]);
    __atomic_store_n(&ring->out_cons, prod, __ATOMIC_RELEASE);
    spin_unlock(&ring_lock);
    if (n)
        console_write(text, n);
}

static void on_notify(struct domain *d, uint32_t port)
{
    guest_console_drain();
    evtchn_raise_hv(d, port);
}

int guest_console_init(struct domain *d, gfn_t gfn)
{
    void *page = NULL;
    int r = guest_pin_page(d, gfn, &page);

    if (!r)
        r = evtchn_alloc_hv(d, on_notify, &ring_port);
    if (!r)
        r = hvm_param_set(d, HVM_PARAM_CONSOLE_PFN, gfn.n, false);
    if (!r)
        r = hvm_param_set(d, HVM_PARAM_CONSOLE_EVTCHN, ring_port, false);
    if (!r)
        ring = page;
    return r;
}
