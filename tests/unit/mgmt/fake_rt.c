/* SPDX-License-Identifier: MIT */
/*
 * Event channels, grants, modules and the control hypercall of the fake runtime.
 */
#include "fake_rt.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rt/event.h>
#include <rt/grant.h>
#include <rt/rt.h>

#include "audit/audit.h"
#include "bulkhead.h"

struct fake_domain fake_domains[FAKE_DOMAINS];
uint64_t fake_free_frames = FAKE_FRAMES;
unsigned int fake_fail_after;
void (*fake_on_start)(uint16_t domid);

/* ---- event channels ---- */

#define PORTS 1024U
#define DOM_EXC_DOMID 0xfffeU /* stands for the virtual interrupt */

static struct {
    bool open;
    uint16_t domid;
    uint32_t remote;
    evtchn_fn *fn;
    void *arg;
    unsigned int sent;
} ports[PORTS];
static uint32_t next_unbound = 1;

int evtchn_alloc_unbound(uint16_t dom, uint16_t remote, evtchn_port *port)
{
    (void)remote;
    if (dom >= FAKE_DOMAINS)
        return -ENOSPC;
    *port = next_unbound++;
    return 0;
}

int evtchn_bind_interdomain(uint16_t remote, evtchn_port remote_port, evtchn_port *port)
{
    if (remote >= FAKE_DOMAINS || !fake_domains[remote].exists || remote_port == 0xbad)
        return -EINVAL;
    for (uint32_t i = 1; i < PORTS; i++) {
        if (!ports[i].open) {
            memset(&ports[i], 0, sizeof(ports[i]));
            ports[i].open = true;
            ports[i].domid = remote;
            ports[i].remote = remote_port;
            *port = i;
            return 0;
        }
    }
    return -ENOSPC;
}

int evtchn_bind_virq(uint32_t virq, evtchn_port *port)
{
    (void)virq;
    ports[0].open = true;
    ports[0].domid = DOM_EXC_DOMID;
    *port = 0;
    return 0;
}

int evtchn_set_handler(evtchn_port port, evtchn_fn *fn, void *arg)
{
    ports[port].fn = fn;
    ports[port].arg = arg;
    return 0;
}

int evtchn_send(evtchn_port port)
{
    ports[port].sent++;
    return 0;
}

int evtchn_close(evtchn_port port)
{
    if (!ports[port].open)
        abort();
    ports[port].open = false;
    return 0;
}

unsigned int fake_open_ports(void)
{
    unsigned int n = 0;

    for (uint32_t i = 1; i < PORTS; i++)
        n += ports[i].open;
    return n;
}

static int find_port(uint16_t domid, uint32_t remote)
{
    for (uint32_t i = 1; i < PORTS; i++) {
        if (ports[i].open && ports[i].domid == domid && ports[i].remote == remote)
            return (int)i;
    }
    return -1;
}

void fake_guest_notify(uint16_t domid, uint32_t remote)
{
    int i = find_port(domid, remote);

    if (i > 0 && ports[i].fn != NULL)
        ports[i].fn((evtchn_port)i, ports[i].arg);
}

unsigned int fake_sent(uint16_t domid, uint32_t remote)
{
    int i = find_port(domid, remote);

    return i > 0 ? ports[i].sent : 0;
}

void fake_domain_ends(uint16_t domid, uint32_t reason)
{
    fake_domains[domid].state = BH_STATE_SHUTDOWN;
    fake_domains[domid].reason = reason;
    if (ports[0].fn != NULL)
        ports[0].fn(0, ports[0].arg);
}

/* ---- grants: a contiguous mapping of scattered pages is copied in and out around the test's
 * calls, so each domain's rings are made contiguous from the start: reference i is page i of one
 * block. ---- */

uint8_t *fake_page(uint16_t domid, uint32_t ref)
{
    struct fake_domain *d = &fake_domains[domid];

    if (d->page[0] == NULL) {
        uint8_t *block = aligned_alloc(4096, FAKE_REFS * 4096UL);

        memset(block, 0, FAKE_REFS * 4096UL);
        for (uint32_t i = 0; i < FAKE_REFS; i++)
            d->page[i] = block + i * 4096UL;
    }
    return d->page[ref];
}

int gnt_map(uint16_t dom, const grant_ref *refs, uint32_t n, bool readonly, struct gnt_mapping *m)
{
    (void)readonly;
    if (dom >= FAKE_DOMAINS || !fake_domains[dom].exists)
        return -EIO;
    for (uint32_t i = 0; i < n; i++) {
        if (refs[i] >= FAKE_REFS || refs[i] != refs[0] + i)
            return -EIO;
    }
    m->addr = fake_page(dom, refs[0]);
    m->n = n;
    m->handles[0] = dom;
    fake_domains[dom].mapped += n;
    return 0;
}

void gnt_unmap(struct gnt_mapping *m)
{
    if (m->addr != NULL)
        fake_domains[m->handles[0]].mapped -= m->n;
    m->addr = NULL;
}

int gnt_grant(uint16_t dom, const void *page, bool readonly, grant_ref *ref)
{
    (void)dom;
    (void)page;
    (void)readonly;
    (void)ref;
    return -ENOSPC;
}

int gnt_end(grant_ref ref)
{
    (void)ref;
    return 0;
}

void *rt_pages_alloc(size_t pages)
{
    return calloc(pages, 4096);
}

void rt_pages_free(void *p, size_t pages)
{
    (void)pages;
    free(p);
}

int gnt_copy(struct gnt_copy *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(fake_page(ops[i].dom, ops[i].ref % FAKE_REFS) + ops[i].offset, ops[i].local,
               ops[i].length);
        ops[i].status = 0;
    }
    return 0;
}

/* ---- the control hypercall ---- */

static unsigned int last_serial;

static long create(struct bh_control *c)
{
    for (uint32_t i = BH_DOMID_FIRST_SANDBOX; i < FAKE_DOMAINS; i++) {
        struct fake_domain *d = &fake_domains[i];

        if (d->exists)
            continue;
        memset(d, 0, offsetof(struct fake_domain, page));
        if (d->page[0] != NULL)
            memset(d->page[0], 0, FAKE_REFS * 4096UL);
        d->exists = true;
        d->serial = ++last_serial;
        d->state = BH_STATE_BUILDING;
        d->max_frames = c->u.create.max_frames;
        c->domid = i;
        return 0;
    }
    return -ENOSPC;
}

/* In pieces, to see that the caller goes on. */
static long populate(struct fake_domain *d, struct bh_ctl_populate *p)
{
    uint64_t n = p->nr_frames < 20000 ? p->nr_frames : 20000;

    if (d->frames + n > d->max_frames || n > fake_free_frames)
        return -ENOMEM;
    d->frames += n;
    fake_free_frames -= n;
    p->nr_frames -= n;
    return p->nr_frames > 0 ? -EAGAIN : 0;
}

static long destroy(struct fake_domain *d)
{
    d->state = BH_STATE_DYING;
    if (!d->dying) {
        d->dying = true;
        return -EAGAIN;
    }
    if (d->mapped > 0)
        return -EBUSY;
    fake_free_frames += d->frames;
    /* The pages stay for the slot's next domain: an agent thread may still be at the end of a
     * write. */
    memset(d, 0, offsetof(struct fake_domain, page));
    return 0;
}

static long on_domain(struct bh_control *c, struct fake_domain *d)
{
    bool building = d->state == BH_STATE_BUILDING;

    switch (c->cmd) {
    case BH_CTL_POPULATE:
        return building ? populate(d, &c->u.populate) : -EPERM;
    case BH_CTL_WRITE:
        d->written += c->u.write.length;
        return building && c->u.write.gpa + c->u.write.length <= d->max_frames * 4096 ? 0 : -EPERM;
    case BH_CTL_SET_ENTRY:
        d->entry = c->u.entry.eip;
        return building ? 0 : -EPERM;
    case BH_CTL_SET_PARAM:
        d->params[c->u.param.index] = c->u.param.value;
        return building ? 0 : -EPERM;
    case BH_CTL_GET_PARAM:
        c->u.param.value = d->params[c->u.param.index];
        return 0;
    case BH_CTL_SEED_GRANT:
        return building && c->u.grant.to == 0 && c->u.grant.ref < 2 ? 0 : -EPERM;
    case BH_CTL_UNPAUSE:
        d->state = BH_STATE_RUNNING;
        d->sealed = true;
        if (fake_on_start != NULL)
            fake_on_start((uint16_t)c->domid);
        return 0;
    case BH_CTL_DESTROY:
        return destroy(d);
    case BH_CTL_GETINFO:
        c->u.info.state = d->state;
        c->u.info.reason = d->reason;
        c->u.info.ram_frames = d->frames;
        return 0;
    default:
        return -ENOSYS;
    }
}

long rt_hypercall(unsigned int nr, unsigned long a1, unsigned long a2, unsigned long a3,
                  unsigned long a4, unsigned long a5)
{
    struct bh_control *c = (struct bh_control *)a1;

    if (nr != __HYPERVISOR_bh_control || (a2 | a3 | a4 | a5) != 0 || c->version != 1)
        abort();
    if (fake_fail_after > 0 && c->cmd != BH_CTL_DESTROY && --fake_fail_after == 0)
        return -ENOMEM;
    if (c->cmd == BH_CTL_SYSINFO) {
        c->u.sysinfo.total_frames = FAKE_FRAMES;
        c->u.sysinfo.free_frames = fake_free_frames;
        c->u.sysinfo.nr_cpus = 2;
        return 0;
    }
    if (c->cmd == BH_CTL_CREATE)
        return create(c);
    if (c->domid >= FAKE_DOMAINS || !fake_domains[c->domid].exists)
        return -ESRCH;
    return on_domain(c, &fake_domains[c->domid]);
}

/* ---- the rest ---- */

void rt_random(void *buf, size_t len)
{
    static uint8_t n;

    for (size_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = n = (uint8_t)(n * 5 + 17);
    n++;
}

void rt_log(const char *fmt, ...)
{
    (void)fmt;
}

void rt_panic(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    abort();
}

size_t rt_pages_available(void)
{
    return 16384;
}

static char audited[64][32];
static unsigned int nr_audited;

void audit_add(const char *actor, const char *peer, const char *action, const char *session,
               const char *outcome, const char *fmt, ...)
{
    (void)actor;
    (void)peer;
    (void)session;
    (void)outcome;
    (void)fmt;
    snprintf(audited[nr_audited++ % 64], sizeof(audited[0]), "%s", action);
}

unsigned int fake_audits(const char *action)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < 64; i++)
        n += strcmp(audited[i], action) == 0;
    return n;
}
