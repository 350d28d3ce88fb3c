/* SPDX-License-Identifier: MIT */
/*
 * event_channel_op: decodes a guest's call and acts on the table of event.c, with Xen's error
 * codes. Calls about another domain are mgmt's, and only EVTCHNOP_alloc_unbound, until it is
 * sealed.
 */
#include <hv/bitmap.h>
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/guest_access.h>
#include <hv/lib.h>
#include <hv/vcpu.h>
#include <xen/event_channel.h>
#include <xen/xen.h>

#include "event_table.h"

static bool is_self(const struct domain *d, domid_t dom)
{
    return dom == DOMID_SELF || dom == d->id;
}

static int alloc_unbound(struct vcpu *v, struct evtchn_alloc_unbound *op)
{
    uint16_t remote = op->remote_dom == DOMID_SELF ? v->d->id : op->remote_dom;
    struct domain *d;
    int rc = -EPERM;

    if (is_self(v->d, op->dom))
        return evtchn_alloc_unbound(v->d, remote, &op->port);
    if (!(v->d->flags & DOMAIN_PRIVILEGED))
        return -EPERM;
    d = domain_get(op->dom);
    if (!d)
        return -ESRCH;
    if (!READ_ONCE(d->sealed))
        rc = evtchn_alloc_unbound(d, remote, &op->port);
    domain_put(d);
    return rc;
}

/* evtchn_lock of ld and rd held. */
static int connect(struct domain *ld, struct domain *rd, uint32_t rport, uint32_t *lport)
{
    struct evtchn *rchn = evtchn_port(rd, rport);
    int rc;

    if (READ_ONCE(rd->dying))
        return -ESRCH;
    if (!rchn || rchn->state != EVTCHN_UNBOUND || rchn->remote_domid != ld->id)
        return -EINVAL;
    rc = evtchn_find_free(ld, lport);
    if (rc)
        return rc;
    *evtchn_port(ld, *lport) = (struct evtchn){
        .state = EVTCHN_INTERDOMAIN, .remote_domid = rd->id, .remote_port = (uint16_t)rport};
    rchn->state = EVTCHN_INTERDOMAIN;
    rchn->remote_port = (uint16_t)*lport;
    /* A notification sent while the other end was unbound is lost: make up for it. */
    evtchn_set_pending(ld, *lport);
    return 0;
}

static int bind_interdomain(struct vcpu *v, struct evtchn_bind_interdomain *op)
{
    uint32_t remote = op->remote_dom == DOMID_SELF ? v->d->id : op->remote_dom;
    struct domain *rd;
    int rc;

    if (!domains_may_share(v->d->id, remote))
        return -EPERM;
    rd = domain_get(remote);
    if (!rd)
        return -ESRCH;
    evtchn_lock_two(v->d, rd);
    rc = connect(v->d, rd, op->remote_port, &op->local_port);
    evtchn_unlock_two(v->d, rd);
    domain_put(rd);
    return rc;
}

static int bind_virq(struct vcpu *v, struct evtchn_bind_virq *op)
{
    struct domain *d = v->d;
    uint16_t *bound;
    int rc;

    if (op->virq >= NR_VIRQS || (!virq_is_per_vcpu(op->virq) && op->vcpu))
        return -EINVAL;
    if (op->vcpu >= d->nr_vcpus)
        return -ENOENT;
    bound = &d->evtchn->virq_port[op->vcpu][op->virq];
    spin_lock(&d->evtchn_lock);
    rc = *bound ? -EEXIST : evtchn_find_free(d, &op->port);
    if (!rc) {
        *evtchn_port(d, op->port) = (struct evtchn){
            .state = EVTCHN_VIRQ, .vcpu = (uint8_t)op->vcpu, .remote_port = (uint16_t)op->virq};
        *bound = (uint16_t)op->port;
    }
    spin_unlock(&d->evtchn_lock);
    return rc;
}

static int bind_ipi(struct vcpu *v, struct evtchn_bind_ipi *op)
{
    struct domain *d = v->d;
    int rc;

    if (op->vcpu >= d->nr_vcpus)
        return -ENOENT;
    spin_lock(&d->evtchn_lock);
    rc = evtchn_find_free(d, &op->port);
    if (!rc)
        *evtchn_port(d, op->port) = (struct evtchn){.state = EVTCHN_IPI, .vcpu = (uint8_t)op->vcpu};
    spin_unlock(&d->evtchn_lock);
    return rc;
}

static int bind_vcpu(struct vcpu *v, const struct evtchn_bind_vcpu *op)
{
    struct domain *d = v->d;
    struct evtchn *chn;
    int rc = -EINVAL;

    if (op->vcpu >= d->nr_vcpus)
        return -ENOENT;
    spin_lock(&d->evtchn_lock);
    chn = evtchn_port(d, op->port);
    if (chn && (chn->state == EVTCHN_UNBOUND || chn->state == EVTCHN_INTERDOMAIN ||
                (chn->state == EVTCHN_VIRQ && !virq_is_per_vcpu(chn->remote_port)))) {
        chn->vcpu = (uint8_t)op->vcpu;
        rc = 0;
    }
    spin_unlock(&d->evtchn_lock);
    return rc;
}

/* The far end is looked at again under its own lock: it says whether the connection still stands.
 */
static void send_to_peer(const struct domain *ld, uint32_t lport, const struct evtchn *near)
{
    struct domain *rd = domain_get(near->remote_domid);
    const struct evtchn *far;

    if (!rd)
        return;
    spin_lock(&rd->evtchn_lock);
    far = evtchn_port(rd, near->remote_port);
    if (far && far->state == EVTCHN_INTERDOMAIN && far->remote_domid == ld->id &&
        far->remote_port == lport && !READ_ONCE(rd->dying))
        evtchn_set_pending(rd, near->remote_port);
    spin_unlock(&rd->evtchn_lock);
    domain_put(rd);
}

static int send(struct vcpu *v, uint32_t port)
{
    struct domain *d = v->d;
    struct evtchn *chn = evtchn_port(d, port);
    struct evtchn now;

    if (!chn)
        return -EINVAL;
    spin_lock(&d->evtchn_lock);
    now = *chn;
    if (now.state == EVTCHN_IPI)
        evtchn_set_pending(d, port);
    spin_unlock(&d->evtchn_lock);
    switch (now.state) {
    case EVTCHN_INTERDOMAIN:
        send_to_peer(d, port, &now);
        return 0;
    case EVTCHN_HV:
        d->evtchn->notify[now.remote_port](d, port);
        return 0;
    case EVTCHN_IPI:
    case EVTCHN_UNBOUND: /* nobody there: dropped */
        return 0;
    default:
        return -EINVAL;
    }
}

static int status(struct vcpu *v, struct evtchn_status *op)
{
    struct domain *d = v->d;
    struct evtchn chn = {0};
    bool exists;

    if (!is_self(d, op->dom))
        return -EPERM;
    spin_lock(&d->evtchn_lock);
    exists = evtchn_port(d, op->port) != NULL;
    if (exists)
        chn = *evtchn_port(d, op->port);
    spin_unlock(&d->evtchn_lock);
    if (!exists)
        return -EINVAL;
    op->vcpu = chn.vcpu;
    switch (chn.state) {
    case EVTCHN_UNBOUND:
        op->status = EVTCHNSTAT_unbound;
        op->u.unbound.dom = chn.remote_domid;
        break;
    case EVTCHN_INTERDOMAIN:
        op->status = EVTCHNSTAT_interdomain;
        op->u.interdomain.dom = chn.remote_domid;
        op->u.interdomain.port = chn.remote_port;
        break;
    case EVTCHN_VIRQ:
        op->status = EVTCHNSTAT_virq;
        op->u.virq = chn.remote_port;
        break;
    case EVTCHN_IPI:
        op->status = EVTCHNSTAT_ipi;
        break;
    case EVTCHN_HV: /* hv answers like a domain that is not named */
        op->status = EVTCHNSTAT_interdomain;
        op->u.interdomain.dom = DOMID_XEN;
        op->u.interdomain.port = 0;
        break;
    default:
        op->status = EVTCHNSTAT_closed;
        break;
    }
    return 0;
}

static int unmask(struct vcpu *v, uint32_t port)
{
    struct domain *d = v->d;
    const struct evtchn *chn;
    int rc = -EINVAL;

    spin_lock(&d->evtchn_lock);
    chn = evtchn_port(d, port);
    if (chn && chn->state != EVTCHN_FREE) {
        if (atomic_bit_clear(d->shared_info->evtchn_mask, port) && evtchn_is_pending(d, port))
            evtchn_select(d->vcpus[chn->vcpu], port);
        rc = 0;
    }
    spin_unlock(&d->evtchn_lock);
    return rc;
}

/* Bounded by the size of the table. */
static int reset(struct vcpu *v, domid_t dom)
{
    if (!is_self(v->d, dom))
        return -EPERM;
    for (uint32_t port = 1; evtchn_port(v->d, port); port++)
        (void)!evtchn_close(v->d, port, true);
    return 0;
}

union argument {
    struct evtchn_bind_interdomain bind_interdomain;
    struct evtchn_bind_virq bind_virq;
    struct evtchn_close close;
    struct evtchn_send send;
    struct evtchn_status status;
    struct evtchn_alloc_unbound alloc_unbound;
    struct evtchn_bind_ipi bind_ipi;
    struct evtchn_bind_vcpu bind_vcpu;
    struct evtchn_unmask unmask;
    struct evtchn_reset reset;
};

static int dispatch(struct vcpu *v, uint64_t cmd, union argument *op)
{
    switch (cmd) {
    case EVTCHNOP_bind_interdomain:
        return bind_interdomain(v, &op->bind_interdomain);
    case EVTCHNOP_bind_virq:
        return bind_virq(v, &op->bind_virq);
    case EVTCHNOP_close:
        return evtchn_close(v->d, op->close.port, true);
    case EVTCHNOP_send:
        return send(v, op->send.port);
    case EVTCHNOP_status:
        return status(v, &op->status);
    case EVTCHNOP_alloc_unbound:
        return alloc_unbound(v, &op->alloc_unbound);
    case EVTCHNOP_bind_ipi:
        return bind_ipi(v, &op->bind_ipi);
    case EVTCHNOP_bind_vcpu:
        return bind_vcpu(v, &op->bind_vcpu);
    case EVTCHNOP_unmask:
        return unmask(v, op->unmask.port);
    default:
        return reset(v, op->reset.dom);
    }
}

/* Bytes of the argument, and whether it has results. */
static const struct {
    uint8_t size;
    bool out;
} calls[] = {
    [EVTCHNOP_bind_interdomain] = {sizeof(struct evtchn_bind_interdomain), true},
    [EVTCHNOP_bind_virq] = {sizeof(struct evtchn_bind_virq), true},
    [EVTCHNOP_close] = {sizeof(struct evtchn_close), false},
    [EVTCHNOP_send] = {sizeof(struct evtchn_send), false},
    [EVTCHNOP_status] = {sizeof(struct evtchn_status), true},
    [EVTCHNOP_alloc_unbound] = {sizeof(struct evtchn_alloc_unbound), true},
    [EVTCHNOP_bind_ipi] = {sizeof(struct evtchn_bind_ipi), true},
    [EVTCHNOP_bind_vcpu] = {sizeof(struct evtchn_bind_vcpu), false},
    [EVTCHNOP_unmask] = {sizeof(struct evtchn_unmask), false},
    [EVTCHNOP_reset] = {sizeof(struct evtchn_reset), false},
};

long do_event_channel_op(struct vcpu *v, uint64_t cmd, uint64_t arg)
{
    union argument op;
    int rc;

    if (cmd >= ARRAY_SIZE(calls) || !calls[cmd].size)
        return -ENOSYS;
    memset(&op, 0, sizeof(op));
    if (guest_copy_from(v, &op, arg, calls[cmd].size))
        return -EFAULT;
    rc = dispatch(v, cmd, &op);
    if (!rc && calls[cmd].out && guest_copy_to(v, arg, &op, calls[cmd].size))
        rc = -EFAULT;
    return rc;
}
