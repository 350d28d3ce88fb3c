/* SPDX-License-Identifier: MIT */
/*
 * Event channels: every call with its refusals, delivery through shared_info, limits, and what is
 * left when one end goes.
 */
#include "abi_machine.h"

#include <string.h>

#include <hv/bitmap.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <xen/event_channel.h>
#include <xen/sched.h>

#include "test.h"

static struct domain *mgmt, *net, *box, *other;

static void start(void)
{
    sim_start();
    mgmt = sim_domain(BH_DOMID_MGMT, 1, 64);
    net = sim_domain(BH_DOMID_NET, 1, 64);
    box = sim_domain(~0U, 2, 64);
    other = sim_domain(~0U, 1, 64);
}

#define OP(d, name, arg) sim_call_arg(d, __HYPERVISOR_event_channel_op, name, &(arg), sizeof(arg))

static uint32_t unbound(struct domain *d, uint16_t remote)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = remote};

    CHECK_EQ(OP(d, EVTCHNOP_alloc_unbound, op), 0);
    return op.port;
}

static uint32_t bind(struct domain *d, const struct domain *rd, uint32_t rport)
{
    struct evtchn_bind_interdomain op = {.remote_dom = rd->id, .remote_port = rport};

    CHECK_EQ(OP(d, EVTCHNOP_bind_interdomain, op), 0);
    return op.local_port;
}

static long bind_result(struct domain *d, const struct domain *rd, uint32_t rport)
{
    struct evtchn_bind_interdomain op = {.remote_dom = rd->id, .remote_port = rport};

    return OP(d, EVTCHNOP_bind_interdomain, op);
}

static long send(struct domain *d, uint32_t port)
{
    struct evtchn_send op = {.port = port};

    return OP(d, EVTCHNOP_send, op);
}

static long close(struct domain *d, uint32_t port)
{
    struct evtchn_close op = {.port = port};

    return OP(d, EVTCHNOP_close, op);
}

static uint32_t status(struct domain *d, uint32_t port, struct evtchn_status *op)
{
    *op = (struct evtchn_status){.dom = DOMID_SELF, .port = port};
    CHECK_EQ(OP(d, EVTCHNOP_status, *op), 0);
    return op->status;
}

static bool pending(const struct domain *d, uint32_t port)
{
    return evtchn_is_pending(d, port);
}

static void clear_pending(struct domain *d)
{
    memset(d->shared_info->evtchn_pending, 0, sizeof(d->shared_info->evtchn_pending));
    for (uint32_t i = 0; i < d->nr_vcpus; i++)
        d->vcpus[i]->vcpu_info->evtchn_pending_sel = d->vcpus[i]->vcpu_info->evtchn_upcall_pending =
            0;
}

TEST(interdomain_ports_carry_events_both_ways)
{
    uint32_t a, b;

    start();
    a = unbound(box, BH_DOMID_MGMT);
    CHECK_EQ(send(box, a), 0); /* nobody there: dropped */
    b = bind(mgmt, box, a);
    CHECK(pending(mgmt, b)); /* what was lost before is made up for */
    clear_pending(mgmt);
    CHECK_EQ(send(box, a), 0);
    CHECK(pending(mgmt, b) && !pending(box, a));
    CHECK_EQ(mgmt->vcpus[0]->vcpu_info->evtchn_pending_sel, 1ULL << b / 64);
    CHECK_EQ(mgmt->vcpus[0]->vcpu_info->evtchn_upcall_pending, 1);
    CHECK_EQ(send(mgmt, b), 0);
    CHECK(pending(box, a));
    CHECK_EQ(bind_result(mgmt, box, a), -EINVAL); /* taken */
    CHECK(sim_end());
}

TEST(only_the_named_domain_may_bind)
{
    uint32_t a;

    start();
    a = unbound(box, BH_DOMID_MGMT);
    CHECK_EQ(bind_result(net, box, a), -EINVAL);
    CHECK_EQ(bind_result(net, box, a + 1), -EINVAL);
    CHECK_EQ(bind_result(net, box, 0), -EINVAL);
    CHECK_EQ(bind_result(net, box, ~0U), -EINVAL);
    CHECK_EQ(bind_result(other, box, a), -EPERM);
    CHECK(sim_end());
}

TEST(sandboxes_get_no_channel_to_each_other)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF};

    start();
    op.remote_dom = other->id;
    CHECK_EQ(OP(box, EVTCHNOP_alloc_unbound, op), -EPERM);
    op = (struct evtchn_alloc_unbound){.dom = other->id, .remote_dom = box->id};
    CHECK_EQ(OP(box, EVTCHNOP_alloc_unbound, op), -EPERM);
    CHECK(sim_end());
}

TEST(mgmt_makes_ports_for_a_domain_until_it_is_sealed)
{
    struct evtchn_alloc_unbound op = {.remote_dom = BH_DOMID_NET};
    struct domain *d;
    uint32_t port;

    start();
    d = sim_new_domain(~0U, 1, 64);
    op.dom = d->id;
    CHECK_EQ(OP(net, EVTCHNOP_alloc_unbound, op), -EPERM);
    CHECK_EQ(OP(mgmt, EVTCHNOP_alloc_unbound, op), 0);
    port = op.port;
    CHECK_EQ(domain_unpause(d), 0);
    CHECK_EQ(OP(mgmt, EVTCHNOP_alloc_unbound, op), -EPERM);
    CHECK_EQ(bind_result(net, d, port), 0);
    op.dom = 999;
    CHECK_EQ(OP(mgmt, EVTCHNOP_alloc_unbound, op), -ESRCH);
    CHECK(sim_end());
}

TEST(closing_one_end_leaves_the_other_unbound)
{
    struct evtchn_status s;
    uint32_t a, b;

    start();
    a = unbound(box, BH_DOMID_MGMT);
    b = bind(mgmt, box, a);
    CHECK_EQ(status(mgmt, b, &s), EVTCHNSTAT_interdomain);
    CHECK(s.u.interdomain.dom == box->id && s.u.interdomain.port == a);
    CHECK_EQ(close(mgmt, b), 0);
    CHECK(!pending(mgmt, b));
    CHECK_EQ(status(mgmt, b, &s), EVTCHNSTAT_closed);
    CHECK_EQ(status(box, a, &s), EVTCHNSTAT_unbound);
    CHECK_EQ(s.u.unbound.dom, BH_DOMID_MGMT);
    CHECK_EQ(bind(mgmt, box, a), b); /* and can be bound again, the free port first */
    CHECK_EQ(close(box, 0), -EINVAL);
    CHECK_EQ(close(box, 4095), -EINVAL);
    CHECK_EQ(close(box, ~0U), -EINVAL);
    CHECK(sim_end());
}

TEST(a_connection_to_oneself_works)
{
    uint32_t a, b;

    start();
    a = unbound(box, DOMID_SELF);
    b = bind(box, box, a);
    clear_pending(box);
    CHECK_EQ(send(box, a), 0);
    CHECK(pending(box, b));
    CHECK_EQ(close(box, a), 0);
    CHECK_EQ(close(box, b), 0);
    CHECK(sim_end());
}

TEST(virqs_are_bound_once_and_delivered_to_their_vcpu)
{
    struct evtchn_bind_virq op = {.virq = VIRQ_TIMER, .vcpu = 1};
    struct evtchn_bind_vcpu move;

    start();
    CHECK_EQ(OP(box, EVTCHNOP_bind_virq, op), 0);
    CHECK_EQ(OP(box, EVTCHNOP_bind_virq, op), -EEXIST);
    evtchn_send_virq(box->vcpus[0], VIRQ_TIMER);
    CHECK(!pending(box, op.port));
    evtchn_send_virq(box->vcpus[1], VIRQ_TIMER);
    CHECK(pending(box, op.port) && box->vcpus[1]->vcpu_info->evtchn_upcall_pending);
    CHECK(!box->vcpus[0]->vcpu_info->evtchn_upcall_pending);
    move = (struct evtchn_bind_vcpu){.port = op.port, .vcpu = 0};
    CHECK_EQ(OP(box, EVTCHNOP_bind_vcpu, move), -EINVAL);
    CHECK_EQ(send(box, op.port), -EINVAL);
    CHECK_EQ(close(box, op.port), 0);
    CHECK_EQ(OP(box, EVTCHNOP_bind_virq, op), 0);
    op.virq = VIRQ_DOM_EXC;
    CHECK_EQ(OP(box, EVTCHNOP_bind_virq, op), -EINVAL); /* global: vcpu 0 */
    op.vcpu = 2;
    op.virq = VIRQ_DEBUG;
    CHECK_EQ(OP(box, EVTCHNOP_bind_virq, op), -ENOENT);
    op.virq = NR_VIRQS;
    CHECK_EQ(OP(box, EVTCHNOP_bind_virq, op), -EINVAL);
    CHECK(sim_end());
}

TEST(mgmt_hears_that_a_domain_has_ended)
{
    struct evtchn_bind_virq op = {.virq = VIRQ_DOM_EXC};
    struct sched_shutdown end = {.reason = SHUTDOWN_poweroff};

    start();
    CHECK_EQ(OP(mgmt, EVTCHNOP_bind_virq, op), 0);
    CHECK_EQ(sim_call_arg(box, __HYPERVISOR_sched_op, SCHEDOP_shutdown, &end, sizeof(end)), 0);
    CHECK(pending(mgmt, op.port));
    CHECK_EQ(box->state, BH_STATE_SHUTDOWN);
    end.reason = SHUTDOWN_suspend;
    CHECK_EQ(sim_call_arg(other, __HYPERVISOR_sched_op, SCHEDOP_shutdown, &end, sizeof(end)), 1);
    CHECK_EQ(other->state, BH_STATE_RUNNING);
    CHECK(sim_end());
}

TEST(ipis_masks_and_rebinding)
{
    struct evtchn_bind_ipi ipi = {.vcpu = 1};
    struct evtchn_bind_vcpu move = {.vcpu = 1};
    struct evtchn_unmask unmask;
    uint32_t a;

    start();
    CHECK_EQ(OP(box, EVTCHNOP_bind_ipi, ipi), 0);
    bitmap_set(box->shared_info->evtchn_mask, ipi.port);
    CHECK_EQ(send(box, ipi.port), 0);
    CHECK(pending(box, ipi.port) && !box->vcpus[1]->vcpu_info->evtchn_upcall_pending);
    unmask.port = ipi.port;
    CHECK_EQ(OP(box, EVTCHNOP_unmask, unmask), 0);
    CHECK(box->vcpus[1]->vcpu_info->evtchn_upcall_pending);
    move.port = ipi.port;
    CHECK_EQ(OP(box, EVTCHNOP_bind_vcpu, move), -EINVAL);
    a = unbound(box, BH_DOMID_NET);
    move.port = a;
    CHECK_EQ(OP(box, EVTCHNOP_bind_vcpu, move), 0);
    (void)bind(net, box, a);
    clear_pending(box);
    CHECK_EQ(send(net, bind(net, box, unbound(box, BH_DOMID_NET))), 0);
    move.vcpu = 2;
    CHECK_EQ(OP(box, EVTCHNOP_bind_vcpu, move), -ENOENT);
    ipi.vcpu = ~0U;
    CHECK_EQ(OP(box, EVTCHNOP_bind_ipi, ipi), -ENOENT);
    unmask.port = 4000;
    CHECK_EQ(OP(box, EVTCHNOP_unmask, unmask), -EINVAL);
    CHECK(sim_end());
}

TEST(a_domain_has_4095_ports_and_reset_frees_them)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = BH_DOMID_MGMT};
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    uint32_t b;

    start();
    for (uint32_t i = 1; i < MAX_EVTCHNS; i++)
        CHECK_EQ(unbound(box, BH_DOMID_MGMT), i);
    CHECK_EQ(OP(box, EVTCHNOP_alloc_unbound, op), -ENOSPC);
    b = bind(mgmt, box, 4095);
    CHECK_EQ(send(mgmt, b), 0);
    CHECK(pending(box, 4095));
    reset.dom = BH_DOMID_MGMT;
    CHECK_EQ(OP(box, EVTCHNOP_reset, reset), -EPERM);
    reset.dom = DOMID_SELF;
    CHECK_EQ(OP(box, EVTCHNOP_reset, reset), 0);
    CHECK_EQ(unbound(box, BH_DOMID_MGMT), 1);
    CHECK_EQ(send(mgmt, b), 0);
    CHECK(sim_end());
}

TEST(the_end_of_a_domain_closes_its_connections)
{
    struct evtchn_status s;
    uint32_t a, b;

    start();
    a = unbound(box, BH_DOMID_MGMT);
    b = bind(mgmt, box, a);
    CHECK_EQ(sim_destroy(box), 0);
    CHECK_EQ(status(mgmt, b, &s), EVTCHNSTAT_unbound);
    CHECK_EQ(s.u.unbound.dom, DOMID_INVALID); /* not the next domain of that number */
    CHECK_EQ(send(mgmt, b), 0);
    CHECK(sim_end());
}

static uint32_t notified_port;

static void notify(struct domain *d, uint32_t port)
{
    (void)d;
    notified_port = port;
}

TEST(ports_of_hv_itself)
{
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    uint32_t port;

    start();
    CHECK_EQ(evtchn_alloc_hv(box, notify, &port), 0);
    CHECK_EQ(send(box, port), 0);
    CHECK_EQ(notified_port, port);
    evtchn_raise_hv(box, port);
    CHECK(pending(box, port));
    CHECK_EQ(close(box, port), -EINVAL);
    CHECK_EQ(OP(box, EVTCHNOP_reset, reset), 0);
    CHECK_EQ(send(box, port), 0);
    evtchn_raise_hv(box, 4000);
    evtchn_raise_hv(box, 0);
    CHECK(sim_end());
}

TEST(polling_waits_for_its_port_only)
{
    struct sched_poll op = {.nr_ports = 1};
    uint32_t a, b, x, y;

    start();
    a = unbound(box, BH_DOMID_MGMT);
    b = unbound(box, BH_DOMID_MGMT);
    x = bind(mgmt, box, a);
    y = bind(mgmt, box, b);
    bitmap_set(box->shared_info->evtchn_mask, a);
    bitmap_set(box->shared_info->evtchn_mask, b);
    sim_put(box, 0x4000, &a, 4);
    *(uint64_t *)&op.ports = 0x4000;
    CHECK_EQ(sim_call_arg(box, __HYPERVISOR_sched_op, SCHEDOP_poll, &op, sizeof(op)), 0);
    CHECK_EQ(box->vcpus[0]->state, VCPU_BLOCKED);
    CHECK_EQ(send(mgmt, y), 0);
    CHECK_EQ(box->vcpus[0]->state, VCPU_BLOCKED);
    CHECK_EQ(send(mgmt, x), 0);
    CHECK_EQ(box->vcpus[0]->state, VCPU_RUNNABLE);
    CHECK_EQ(box->poll_count, 0);
    CHECK_EQ(sim_call_arg(box, __HYPERVISOR_sched_op, SCHEDOP_poll, &op, sizeof(op)), 0);
    CHECK_EQ(box->vcpus[0]->state, VCPU_RUNNABLE); /* pending already */
    op.nr_ports = 129;
    CHECK_EQ(sim_call_arg(box, __HYPERVISOR_sched_op, SCHEDOP_poll, &op, sizeof(op)), -EINVAL);
    op.nr_ports = 1;
    a = MAX_EVTCHNS;
    sim_put(box, 0x4000, &a, 4);
    CHECK_EQ(sim_call_arg(box, __HYPERVISOR_sched_op, SCHEDOP_poll, &op, sizeof(op)), -EINVAL);
    CHECK(sim_end());
}

TEST(unknown_event_calls_are_refused)
{
    uint8_t arg[64] = {0};

    start();
    for (uint64_t cmd = 11; cmd < 20; cmd++)
        CHECK_EQ(sim_call_arg(box, __HYPERVISOR_event_channel_op, cmd, arg, sizeof(arg)), -ENOSYS);
    CHECK_EQ(sim_call_arg(box, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_pirq, arg, 64),
             -ENOSYS);
    CHECK_EQ(sim_call(box, __HYPERVISOR_event_channel_op, ~0ULL, SIM_ARG, 0), -ENOSYS);
    CHECK_EQ(sim_call(box, __HYPERVISOR_event_channel_op, EVTCHNOP_send, 1ULL << 40, 0), -EFAULT);
    CHECK(sim_end());
}
