/* SPDX-License-Identifier: MIT */
/*
 * Event channels, 2-level ABI, without interrupts: the scheduler calls event_dispatch() between
 * threads. Ports are masked until they have a handler. Pending bits are cleared before the handler
 * runs: what comes in while it runs is a new event.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

#include <xen/event_channel.h>
#include <xen/sched.h>

#include "rt/event.h"

#define NR_PORTS 4096U /* 2-level: 64 words of 64 bits */
#define MAX_POLLERS 4U

static struct {
    evtchn_fn *fn;
    void *arg;
} handlers[NR_PORTS];

static struct {
    rt_poll_fn *fn;
    void *arg;
} pollers[MAX_POLLERS];
static unsigned int nr_pollers;
static uint64_t poll_interval = 1000000;

static long evtchn_op(unsigned int cmd, void *arg)
{
    return rt_hypercall(__HYPERVISOR_event_channel_op, cmd, (uintptr_t)arg, 0, 0, 0);
}

static void set_mask(evtchn_port port)
{
    __atomic_fetch_or(&rt_shared_info->evtchn_mask[port / 64], 1UL << (port % 64),
                      __ATOMIC_SEQ_CST);
}

/* An event that came while masked raised no upcall: raise it here, as Xen would. */
static void clear_mask(evtchn_port port)
{
    struct vcpu_info *v = &rt_shared_info->vcpu_info[0];
    unsigned long bit = 1UL << (port % 64);

    __atomic_fetch_and(&rt_shared_info->evtchn_mask[port / 64], ~bit, __ATOMIC_SEQ_CST);
    if ((__atomic_load_n(&rt_shared_info->evtchn_pending[port / 64], __ATOMIC_SEQ_CST) & bit) !=
        0) {
        __atomic_fetch_or(&v->evtchn_pending_sel, 1UL << (port / 64), __ATOMIC_SEQ_CST);
        __atomic_store_n(&v->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
    }
}

static void clear_pending(evtchn_port port)
{
    __atomic_fetch_and(&rt_shared_info->evtchn_pending[port / 64], ~(1UL << (port % 64)),
                       __ATOMIC_SEQ_CST);
}

/* A port that was just made ours: forget what a former life of the number left behind. */
static int fresh_port(long result, evtchn_port got, evtchn_port *port)
{
    if (result != 0)
        return (int)result;
    if (got >= NR_PORTS)
        return -EINVAL;
    set_mask(got);
    handlers[got].fn = NULL;
    *port = got;
    return 0;
}

int evtchn_alloc_unbound(uint16_t dom, uint16_t remote, evtchn_port *port)
{
    struct evtchn_alloc_unbound op = {.dom = dom, .remote_dom = remote};
    long r = evtchn_op(EVTCHNOP_alloc_unbound, &op);

    if (dom == DOMID_SELF)
        return fresh_port(r, op.port, port);
    if (r == 0)
        *port = op.port;
    return (int)r;
}

int evtchn_bind_interdomain(uint16_t remote, evtchn_port remote_port, evtchn_port *port)
{
    struct evtchn_bind_interdomain op = {.remote_dom = remote, .remote_port = remote_port};
    long r = evtchn_op(EVTCHNOP_bind_interdomain, &op);

    return fresh_port(r, op.local_port, port);
}

int evtchn_bind_virq(uint32_t virq, evtchn_port *port)
{
    struct evtchn_bind_virq op = {.virq = virq, .vcpu = 0};
    long r = evtchn_op(EVTCHNOP_bind_virq, &op);

    return fresh_port(r, op.port, port);
}

int evtchn_set_handler(evtchn_port port, evtchn_fn *fn, void *arg)
{
    if (port >= NR_PORTS)
        return -EINVAL;
    if (fn == NULL)
        set_mask(port);
    handlers[port].fn = fn;
    handlers[port].arg = arg;
    if (fn != NULL)
        clear_mask(port);
    return 0;
}

int evtchn_send(evtchn_port port)
{
    struct evtchn_send op = {.port = port};

    return (int)evtchn_op(EVTCHNOP_send, &op);
}

int evtchn_close(evtchn_port port)
{
    struct evtchn_close op = {.port = port};
    int r = evtchn_set_handler(port, NULL, NULL);

    if (r != 0)
        return r;
    r = (int)evtchn_op(EVTCHNOP_close, &op);
    clear_pending(port);
    return r;
}

static void wake_waitq(evtchn_port port, void *arg)
{
    (void)port;
    waitq_wake_all(arg);
}

int evtchn_wake_on(evtchn_port port, struct waitq *wq)
{
    return evtchn_set_handler(port, wake_waitq, wq);
}

static void run_handlers(unsigned int word)
{
    unsigned long pending =
        __atomic_load_n(&rt_shared_info->evtchn_pending[word], __ATOMIC_SEQ_CST) &
        ~__atomic_load_n(&rt_shared_info->evtchn_mask[word], __ATOMIC_SEQ_CST);

    while (pending != 0) {
        evtchn_port port = word * 64 + (evtchn_port)__builtin_ctzl(pending);

        pending &= pending - 1;
        clear_pending(port);
        if (handlers[port].fn != NULL)
            handlers[port].fn(port, handlers[port].arg);
    }
}

bool event_dispatch(void)
{
    struct vcpu_info *v = &rt_shared_info->vcpu_info[0];
    unsigned long words;

    if (__atomic_load_n(&v->evtchn_upcall_pending, __ATOMIC_RELAXED) == 0)
        return false;
    __atomic_exchange_n(&v->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
    words = __atomic_exchange_n(&v->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    for (; words != 0; words &= words - 1)
        run_handlers((unsigned int)__builtin_ctzl(words));
    return true;
}

/* Returns at once when an event became pending since the last event_dispatch(). */
void event_block(void)
{
    rt_hypercall(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0, 0, 0);
}

static void timer_event(evtchn_port port, void *arg)
{
    (void)port;
    (void)arg;
    time_wake_came();
}

/* The timer's event only ends the sleep: the scheduler looks at the clock itself. */
void event_init(void)
{
    evtchn_port port;

    memset(rt_shared_info->evtchn_mask, 0xff, sizeof(rt_shared_info->evtchn_mask));
    rt_shared_info->vcpu_info[0].evtchn_upcall_mask = 0;
    if (evtchn_bind_virq(VIRQ_TIMER, &port) != 0 ||
        evtchn_set_handler(port, timer_event, NULL) != 0)
        rt_panic("rt: cannot bind the timer\n");
}

int rt_poll_add(rt_poll_fn *fn, void *arg)
{
    if (nr_pollers == MAX_POLLERS)
        return -ENOSPC;
    pollers[nr_pollers].fn = fn;
    pollers[nr_pollers++].arg = arg;
    return 0;
}

void rt_poll_set_interval(uint64_t ns)
{
    poll_interval = ns;
}

bool event_run_pollers(void)
{
    int worked = 0;

    for (unsigned int i = 0; i < nr_pollers; i++)
        worked |= pollers[i].fn(pollers[i].arg);
    return worked != 0;
}

uint64_t event_poll_interval(void)
{
    return nr_pollers == 0 ? 0 : poll_interval;
}
