/* SPDX-License-Identifier: MIT */
/*
 * Timers: a short sorted list on each CPU, and the guests' single-shot timers on top. The hardware
 * is only reprogrammed to fire earlier; one that fires too early is put right by timer_run().
 */
#include <hv/domain.h>
#include <hv/event.h>
#include <hv/percpu.h>
#include <hv/sched.h>
#include <hv/time.h>
#include <hv/vcpu.h>
#include <xen/xen.h>

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
    list_init(&t->node);
    t->deadline = 0;
    t->pcpu = 0;
    t->armed = false;
    t->fire = fire;
}

static void program(struct pcpu *pc, uint64_t deadline)
{
    if (deadline < pc->timer_programmed) {
        pc->timer_programmed = deadline;
        apic_timer_set(deadline);
    }
}

void timer_arm(struct timer *t, uint64_t deadline_tsc)
{
    struct pcpu *pc = this_pcpu();
    struct list *pos;

    timer_stop(t);
    spin_lock(&pc->timer_lock);
    t->deadline = deadline_tsc;
    t->pcpu = pc->id;
    t->armed = true;
    list_for_each(pos, &pc->timers) if (list_entry(pos, struct timer, node)->deadline >
                                        deadline_tsc) break;
    list_add_before(pos, &t->node);
    spin_unlock(&pc->timer_lock);
    program(pc, deadline_tsc);
}

void timer_stop(struct timer *t)
{
    struct pcpu *pc = pcpus[READ_ONCE(t->pcpu)];

    spin_lock(&pc->timer_lock);
    if (t->armed) {
        list_del_init(&t->node);
        t->armed = false;
    }
    spin_unlock(&pc->timer_lock);
    while (pc != this_pcpu() && pc->firing == t)
        arch_pause();
}

static struct timer *take_due(struct pcpu *pc, uint64_t now)
{
    struct timer *t = NULL;

    spin_lock(&pc->timer_lock);
    if (!list_empty(&pc->timers)) {
        t = list_entry(pc->timers.next, struct timer, node);
        if (t->deadline > now) {
            t = NULL;
        } else {
            list_del_init(&t->node);
            t->armed = false;
            pc->firing = t;
        }
    }
    spin_unlock(&pc->timer_lock);
    return t;
}

void timer_run(void)
{
    struct pcpu *pc = this_pcpu();
    struct timer *t;

    if (LIKELY(list_empty(&pc->timers)))
        return;
    while ((t = take_due(pc, arch_tsc()))) {
        t->fire(t);
        __atomic_store_n(&pc->firing, NULL, __ATOMIC_RELEASE);
    }
}

void timer_program(uint64_t limit_tsc)
{
    struct pcpu *pc = this_pcpu();
    uint64_t deadline = limit_tsc;

    spin_lock(&pc->timer_lock);
    if (!list_empty(&pc->timers)) {
        uint64_t first = list_entry(pc->timers.next, struct timer, node)->deadline;

        if (first < deadline)
            deadline = first;
    }
    spin_unlock(&pc->timer_lock);
    program(pc, deadline);
}

static void singleshot_fire(struct timer *t)
{
    evtchn_send_virq(container_of(t, struct vcpu, singleshot), VIRQ_TIMER);
}

static void poll_fire(struct timer *t)
{
    vcpu_wake(container_of(t, struct vcpu, poll_timer));
}

void vcpu_timers_init(struct vcpu *v)
{
    timer_init(&v->singleshot, singleshot_fire);
    timer_init(&v->poll_timer, poll_fire);
}

void vcpu_timers_stop(struct vcpu *v)
{
    timer_stop(&v->singleshot);
    timer_stop(&v->poll_timer);
}

uint64_t domain_deadline_tsc(const struct domain *d, uint64_t deadline_ns)
{
    return ns_to_tsc(deadline_ns) - d->tsc_offset;
}

void vcpu_set_singleshot(struct vcpu *v, uint64_t deadline_ns)
{
    uint64_t deadline = domain_deadline_tsc(v->d, deadline_ns);

    if (deadline <= arch_tsc()) {
        timer_stop(&v->singleshot);
        evtchn_send_virq(v, VIRQ_TIMER);
    } else {
        timer_arm(&v->singleshot, deadline);
    }
}

void vcpu_stop_singleshot(struct vcpu *v)
{
    timer_stop(&v->singleshot);
}
