/* SPDX-License-Identifier: MIT */
/*
 * sched_op: what a vcpu asks the scheduler for. SCHEDOP_poll waits for ports under evtchn_lock, so
 * that no event can come between the look at the pending bits and the wait.
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/guest_access.h>
#include <hv/sched.h>
#include <hv/time.h>
#include <hv/vcpu.h>
#include <xen/sched.h>
#include <xen/xen.h>

#define POLL_MAX_PORTS 128U /* as Xen */

/* evtchn_lock held. */
static void poll_end(struct vcpu *v)
{
    if (v->poll_active) {
        v->poll_active = false;
        v->d->poll_count--;
    }
}

void sched_poll_wake(struct domain *d, uint32_t port)
{
    for (uint32_t i = 0; i < d->nr_vcpus; i++) {
        struct vcpu *v = d->vcpus[i];

        if (v->poll_active && (!v->poll_port || v->poll_port == port)) {
            poll_end(v);
            vcpu_wake(v);
        }
    }
}

static bool any_pending(const struct domain *d, const evtchn_port_t *ports, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (evtchn_is_pending(d, ports[i]))
            return true;
    return false;
}

/*
 * Waits for one of the ports, or any if there are none, at most until timeout. May return early, as
 * every caller has to expect.
 */
static long poll(struct vcpu *v, uint64_t arg)
{
    evtchn_port_t ports[POLL_MAX_PORTS];
    struct sched_poll op;
    struct domain *d = v->d;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    if (op.nr_ports > POLL_MAX_PORTS)
        return -EINVAL;
    if (guest_copy_from(v, ports, (uint64_t)(uintptr_t)op.ports.p, op.nr_ports * sizeof(ports[0])))
        return -EFAULT;
    for (uint32_t i = 0; i < op.nr_ports; i++)
        if (ports[i] >= MAX_EVTCHNS)
            return -EINVAL;

    timer_stop(&v->poll_timer);
    spin_lock(&d->evtchn_lock);
    poll_end(v);
    if (!any_pending(d, ports, op.nr_ports)) {
        v->poll_active = true;
        v->poll_port = op.nr_ports == 1 ? ports[0] : 0;
        d->poll_count++;
        vcpu_block(v);
    }
    spin_unlock(&d->evtchn_lock);
    if (op.timeout) /* after the wait has begun: one that is past ends it at once */
        timer_arm(&v->poll_timer, domain_deadline_tsc(d, op.timeout));
    return 0;
}

static long block(struct vcpu *v)
{
    spin_lock(&v->d->evtchn_lock);
    poll_end(v); /* of a poll that something else ended */
    spin_unlock(&v->d->evtchn_lock);
    WRITE_ONCE(v->vcpu_info->evtchn_upcall_mask, 0);
    vcpu_block(v);
    return 0;
}

/* Nobody can resume a domain from here: a suspend is cancelled at once, which is what 1 says. */
static long shutdown(struct vcpu *v, uint64_t arg)
{
    struct sched_shutdown op;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    if (op.reason > SHUTDOWN_MAX)
        return -EINVAL;
    if (op.reason == SHUTDOWN_suspend)
        return 1;
    domain_shutdown(v->d, op.reason);
    return 0;
}

long do_sched_op(struct vcpu *v, uint64_t cmd, uint64_t arg)
{
    switch (cmd) {
    case SCHEDOP_yield:
        vcpu_yield(v);
        return 0;
    case SCHEDOP_block:
        return block(v);
    case SCHEDOP_shutdown:
        return shutdown(v, arg);
    case SCHEDOP_poll:
        return poll(v, arg);
    case SCHEDOP_remote_shutdown:
    case SCHEDOP_pin_override:
        return -EPERM;
    default:
        return -ENOSYS;
    }
}
