/* SPDX-License-Identifier: MIT */
/*
 * Who runs next: fairness by weight, caps, wake-ups, blocking, pausing. One or two CPUs that are
 * never really running anything: the TSC is moved by hand, 1 tick = 1 ns.
 */
#include <hv/domain.h>
#include <hv/hvm.h>
#include <hv/lib.h>
#include <hv/percpu.h>
#include <hv/sched.h>
#include <hv/time.h>
#include <xen/xen.h>

#include "../../../hv/core/sched.h"
#include "host.h"
#include "test.h"

const struct hvm_ops *hvm;
static struct domain doms[4];
static struct vcpu vcpus[4];
static struct vcpu_info infos[4];
static struct pcpu cpu1;

uint64_t tsc_to_ns(uint64_t t)
{
    return t;
}

uint64_t ns_to_tsc(uint64_t t)
{
    return t;
}

void timer_run(void)
{
}

void timer_program(uint64_t limit)
{
    (void)limit;
}

void vcpu_switch_in(struct vcpu *v)
{
    (void)v;
}

void vcpu_switch_out(struct vcpu *v)
{
    (void)v;
}

void vmexit_handle(struct vcpu *v, const struct vmexit *exit)
{
    (void)v;
    (void)exit;
}

int vcpu_pending_vector(struct vcpu *v)
{
    (void)v;
    return -1;
}

/* One vcpu in each of n domains, all up. */
static void set_up(unsigned int n)
{
    sched_init();
    host_tsc = 1000000000;
    memset(doms, 0, sizeof(doms));
    memset(vcpus, 0, sizeof(vcpus));
    memset(infos, 0, sizeof(infos));
    memset(pcpus[0], 0, sizeof(*pcpus[0]));
    memset(&cpu1, 0, sizeof(cpu1));
    cpu1.id = 1;
    pcpus[1] = &cpu1;
    nr_pcpus = 1;
    for (unsigned int i = 0; i < n; i++) {
        doms[i].weight = 256;
        vcpus[i].d = &doms[i];
        vcpus[i].vcpu_info = &infos[i];
        sched_vcpu_init(&vcpus[i]);
        CHECK_EQ(vcpu_up(&vcpus[i]), 0);
    }
}

static struct vcpu *run(uint64_t ns)
{
    struct vcpu *v = sched_pick(host_pcpu);

    host_pcpu->resched = false;
    host_tsc += ns;
    return v;
}

TEST(an_empty_queue_is_idle)
{
    set_up(0);
    CHECK(!run(1));
    CHECK(host_pcpu->idle);
    CHECK(!host_pcpu->current);
}

TEST(equals_share_equally)
{
    uint64_t got[3] = {0};

    set_up(3);
    for (unsigned int i = 0; i < 300; i++)
        got[run(SLICE_NS) - vcpus]++;
    for (unsigned int i = 0; i < 3; i++)
        CHECK(got[i] >= 99 && got[i] <= 101);
}

TEST(weights_share_in_proportion)
{
    uint64_t got[2] = {0};

    set_up(2);
    doms[1].weight = 768;
    for (unsigned int i = 0; i < 400; i++)
        got[run(SLICE_NS) - vcpus]++;
    CHECK(got[0] >= 98 && got[0] <= 102);
    CHECK(got[1] >= 298 && got[1] <= 302);
}

TEST(a_cap_holds_on_an_idle_machine)
{
    uint64_t ran = 0, end;

    set_up(1);
    doms[0].cap_pct = 20;
    end = host_tsc + 1000000000;
    while (host_tsc < end) {
        struct vcpu *v = sched_pick(host_pcpu);
        uint64_t next = host_pcpu->slice_end;

        CHECK(next > host_tsc);
        if (v)
            ran += next - host_tsc;
        host_tsc = next;
    }
    CHECK(ran >= 190000000 && ran <= 230000000);
}

TEST(a_blocked_vcpu_does_not_run_until_woken)
{
    set_up(2);
    CHECK(run(SLICE_NS) == &vcpus[0]);
    vcpu_block(&vcpus[0]);
    CHECK(host_pcpu->resched);
    for (unsigned int i = 0; i < 5; i++)
        CHECK(run(SLICE_NS) == &vcpus[1]);
    vcpu_wake(&vcpus[0]);
    CHECK(host_pcpu->resched); /* it has had clearly less: it preempts */
    CHECK(run(SLICE_NS) == &vcpus[0]);
}

TEST(sleeping_earns_little)
{
    uint64_t got[2] = {0};

    set_up(2);
    CHECK(run(SLICE_NS) == &vcpus[0]);
    vcpu_block(&vcpus[0]);
    for (unsigned int i = 0; i < 1000; i++)
        CHECK(run(SLICE_NS) == &vcpus[1]);
    vcpu_wake(&vcpus[0]);
    for (unsigned int i = 0; i < 20; i++)
        got[run(SLICE_NS) - vcpus]++;
    CHECK(got[1] >= 9);
}

TEST(an_event_that_came_first_ends_the_block)
{
    set_up(1);
    CHECK(run(1000) == &vcpus[0]);
    infos[0].evtchn_upcall_pending = 1;
    vcpu_block(&vcpus[0]);
    CHECK(run(1000) == &vcpus[0]);
}

TEST(halted_for_good_is_not_woken)
{
    set_up(1);
    CHECK(run(1000) == &vcpus[0]);
    vcpus[0].halted_if0 = true;
    vcpu_block_forever(&vcpus[0]);
    vcpu_wake(&vcpus[0]);
    CHECK(!run(1000));
}

TEST(pauses_nest)
{
    set_up(2);
    CHECK(run(1000) == &vcpus[0]);
    vcpu_pause_nosync(&vcpus[0]);
    vcpu_pause_nosync(&vcpus[0]);
    vcpu_pause_nosync(&vcpus[1]);
    CHECK(!run(1000));
    vcpu_unpause(&vcpus[0]);
    CHECK(!run(1000));
    vcpu_unpause(&vcpus[0]);
    CHECK(run(1000) == &vcpus[0]);
    vcpu_unpause(&vcpus[1]);
    CHECK_EQ(vcpu_up(&vcpus[1]), (uint64_t)-17); /* -EEXIST */
}

TEST(a_yield_lets_the_other_go_first)
{
    set_up(2);
    CHECK(run(1) == &vcpus[0]);
    vcpu_yield(&vcpus[0]);
    CHECK(run(1) == &vcpus[1]);
    vcpu_yield(&vcpus[1]);
    CHECK(run(1) == &vcpus[0]);
}

TEST(a_vcpu_runs_on_one_cpu_only)
{
    struct vcpu *a, *b;

    set_up(2);
    nr_pcpus = 2;
    a = sched_pick(pcpus[0]);
    b = sched_pick(pcpus[1]);
    CHECK(a && b && a != b);
    host_tsc += SLICE_NS;
    vcpu_block(a);
    CHECK(!sched_pick(pcpus[0]));
    CHECK(sched_pick(pcpus[1]) == b);
    vcpu_wake(a);
    CHECK(!pcpus[0]->idle); /* the idle CPU was chosen */
    CHECK(sched_pick(pcpus[0]) == a);
}
