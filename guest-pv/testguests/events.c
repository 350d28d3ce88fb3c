/* SPDX-License-Identifier: MIT */
/* Event channels looped back to ourselves: delivery, masks, coalescing, ports that are not ours. */
#include <errno.h>
#include <stdint.h>

#include <xen/event_channel.h>
#include <xen/xen.h>

#include "report.h"
#include "rt/event.h"
#include "rt/thread.h"

#define MS UINT64_C(1000000)
#define NO_PORT 4095U

static unsigned int count_a, count_b;
static evtchn_port a, b;

static void count(evtchn_port port, void *arg)
{
    (void)port;
    ++*(unsigned int *)arg;
}

/* Lets the scheduler look at pending events. */
static void settle(void)
{
    thread_sleep(MS);
}

static bool connect(void)
{
    uint16_t self = rt_domid();
    int r = evtchn_alloc_unbound(DOMID_SELF, DOMID_SELF, &a);

    EXPECT("alloc_unbound to ourselves", r == 0, r);
    if (r != 0)
        return false;
    r = evtchn_bind_interdomain(DOMID_SELF, a, &b);
    if (r == -ESRCH && self != DOMID_INVALID)
        r = evtchn_bind_interdomain(self, a, &b);
    EXPECT("bind_interdomain to ourselves", r == 0, r);
    return r == 0;
}

static void test_delivery(void)
{
    evtchn_set_handler(a, count, &count_a);
    evtchn_set_handler(b, count, &count_b);
    settle();
    count_a = count_b = 0; /* Xen raises the local port once when it is bound */
    EXPECT("send", evtchn_send(b) == 0, 0);
    settle();
    EXPECT("the other end has it, once", count_a == 1 && count_b == 0, count_a);
    evtchn_send(a);
    settle();
    EXPECT("and back", count_a == 1 && count_b == 1, count_b);
    for (int i = 0; i < 100; i++)
        evtchn_send(b);
    settle();
    EXPECT("sends coalesce while pending", count_a >= 2 && count_a <= 101, count_a);
}

static void test_mask(void)
{
    count_a = 0;
    evtchn_set_handler(a, NULL, NULL);
    evtchn_send(b);
    settle();
    EXPECT("masked: not delivered", count_a == 0, count_a);
    evtchn_set_handler(a, count, &count_a);
    settle();
    EXPECT("unmasked: delivered then", count_a == 1, count_a);
}

/* Every blocked sleep in between would be ended by a lost wake-up only at its deadline. */
static void ping(evtchn_port port, void *arg)
{
    (void)arg;
    if (++count_a < 1000)
        evtchn_send(port);
}

static void test_ping_pong(void)
{
    uint64_t start = rt_now();

    count_a = 0;
    evtchn_set_handler(a, ping, NULL);
    evtchn_set_handler(b, ping, NULL);
    evtchn_send(b);
    while (count_a < 1000 && rt_now() - start < 5000 * MS)
        settle();
    EXPECT("1000 events in turn", count_a >= 1000, count_a);
}

static int status(evtchn_port port, struct evtchn_status *st)
{
    *st = (struct evtchn_status){.dom = DOMID_SELF, .port = port};
    return (int)rt_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_status, (uintptr_t)st, 0, 0,
                             0);
}

static void test_status(void)
{
    struct evtchn_status st;
    int r = status(a, &st);

    if (r == -ENOSYS) {
        SKIP("status", "not offered");
        return;
    }
    EXPECT("status of a bound port",
           r == 0 && st.status == EVTCHNSTAT_interdomain && st.u.interdomain.port == b, st.status);
}

static void test_close(void)
{
    struct evtchn_status st;
    int r;

    EXPECT("close", evtchn_close(b) == 0, 0);
    r = evtchn_send(b);
    EXPECT("send on a closed port", r == -EINVAL, r);
    r = evtchn_close(b);
    EXPECT("close a closed port", r == -EINVAL, r);
    if (status(a, &st) == 0)
        EXPECT("the other end is unbound", st.status == EVTCHNSTAT_unbound, st.status);
    EXPECT("close the other end", evtchn_close(a) == 0, 0);
}

static void test_bad_ports(void)
{
    evtchn_port p;
    int r = evtchn_send(NO_PORT);

    EXPECT("send on a port never allocated", r == -EINVAL, r);
    r = evtchn_send(UINT32_MAX);
    EXPECT("send on port ~0", r == -EINVAL, r);
    r = evtchn_send(0);
    EXPECT("send on port 0", r == -EINVAL, r);
    r = evtchn_bind_interdomain(DOMID_SELF, NO_PORT, &p);
    EXPECT("bind to a port never allocated", r == -EINVAL, r);
    r = evtchn_bind_interdomain(0x7000, 1, &p);
    EXPECT("bind to a domain that is not there", r == -ESRCH || r == -EPERM, r);
    r = evtchn_alloc_unbound(0x7000, 0, &p);
    EXPECT("allocate in another domain", r == -EPERM || r == -ESRCH, r);
    r = evtchn_bind_virq(1000, &p);
    EXPECT("bind a virq that is not there", r == -EINVAL, r);
    r = evtchn_bind_virq(VIRQ_TIMER, &p);
    EXPECT("bind a virq twice", r == -EEXIST, r);
}

/* Ports are a bounded resource that comes back. */
static void test_exhaustion(void)
{
    static evtchn_port ports[5000];
    unsigned int n = 0, again = 0;
    int r = 0;

    while (n < 5000 && (r = evtchn_alloc_unbound(DOMID_SELF, 0, &ports[n])) == 0)
        n++;
    EXPECT("ports run out with ENOSPC", r == -ENOSPC && n > 100, n);
    for (unsigned int i = 0; i < n; i++)
        evtchn_close(ports[i]);
    while (again < n && evtchn_alloc_unbound(DOMID_SELF, 0, &ports[again]) == 0)
        again++;
    for (unsigned int i = 0; i < again; i++)
        evtchn_close(ports[i]);
    EXPECT("closed ports can be had again", again == n, again);
}

int rt_main(void)
{
    if (connect()) {
        test_delivery();
        test_mask();
        test_ping_pong();
        test_status();
        test_close();
    }
    test_bad_ports();
    test_exhaustion();
    return REPORT_RESULT();
}
