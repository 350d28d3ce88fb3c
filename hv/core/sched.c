/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: one queue of runnable vcpus ordered by weighted run time ("virtual runtime"), all
 * CPUs serve it. The vcpu with the least runs for a slice; one that wakes up keeps a small advance
 * and preempts whoever has had clearly more. sched_lock guards the queue and every vcpu's state.
 *
 * Who decides that a CPU should look again sets pc->resched and kicks it; the CPU then leaves its
 * guest and comes back to sched_loop().
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/hvm.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/percpu.h>
#include <hv/sched.h>
#include <hv/time.h>
#include <xen/xen.h>

#include "sched.h"

#define WAKE_ADVANCE_NS (SLICE_NS / 2) /* most that sleeping may earn */
#define PREEMPT_MARGIN_NS 500000ULL    /* lead that a woken vcpu needs to preempt */
#define CAP_WINDOW_NS 100000000ULL
#define NO_LIMIT (~0ULL)

static struct spinlock sched_lock;
static struct list queue;
static uint64_t min_vruntime; /* of what was picked last: never goes back */

void sched_init(void)
{
    spin_init(&sched_lock);
    list_init(&queue);
    min_vruntime = 0;
}

void sched_vcpu_init(struct vcpu *v)
{
    list_init(&v->queue);
    v->state = VCPU_OFFLINE;
    v->vruntime = 0;
}

static void enqueue(struct vcpu *v)
{
    struct list *pos;

    list_for_each(pos,
                  &queue) if (list_entry(pos, struct vcpu, queue)->vruntime > v->vruntime) break;
    list_add_before(pos, &v->queue);
}

static bool can_run(const struct vcpu *v)
{
    return v->state == VCPU_RUNNABLE && !v->pause_count;
}

/* Charge the time since the last look. */
static void account(struct vcpu *v, uint64_t now)
{
    struct domain *d = v->d;
    uint64_t ticks = now - v->run_since_tsc, ns = tsc_to_ns(ticks);

    v->run_since_tsc = now;
    v->cpu_tsc += ticks;
    v->vruntime += ns * WEIGHT_DEFAULT / (d->weight ? d->weight : WEIGHT_DEFAULT);
    if (d->cap_pct) {
        uint64_t window = tsc_to_ns(now) / CAP_WINDOW_NS;

        if (d->cap_window != window) {
            d->cap_window = window;
            d->cap_used_ns = 0;
        }
        d->cap_used_ns += ns;
    }
}

/* Nanoseconds that d may still use in this window; NO_LIMIT without a cap. */
static uint64_t cap_left(const struct domain *d, uint64_t now)
{
    uint64_t budget = CAP_WINDOW_NS / 100 * d->cap_pct;

    if (!d->cap_pct)
        return NO_LIMIT;
    if (d->cap_window != tsc_to_ns(now) / CAP_WINDOW_NS)
        return budget;
    return budget > d->cap_used_ns ? budget - d->cap_used_ns : 0;
}

struct vcpu *sched_first(uint64_t now, bool *capped)
{
    struct list *pos;

    *capped = false;
    list_for_each(pos, &queue)
    {
        struct vcpu *v = list_entry(pos, struct vcpu, queue);

        if (cap_left(v->d, now))
            return v;
        *capped = true;
    }
    return NULL;
}

/* Virtual runtime right now of what runs on pc. */
static uint64_t running_vruntime(const struct pcpu *pc, uint64_t now)
{
    const struct vcpu *v = pc->current;
    uint64_t weight = v->d->weight ? v->d->weight : WEIGHT_DEFAULT;

    return v->vruntime + tsc_to_ns(now - v->run_since_tsc) * WEIGHT_DEFAULT / weight;
}

/* Which CPU should look at v, which has just been queued: NULL if none needs to. */
static struct pcpu *choose_cpu(const struct vcpu *v)
{
    struct pcpu *last = pcpus[v->pcpu], *best = NULL;
    uint64_t now = arch_tsc(), most = v->vruntime + PREEMPT_MARGIN_NS;

    if (last->idle)
        return last;
    for (uint32_t i = 0; i < nr_pcpus; i++) {
        struct pcpu *pc = pcpus[i];

        if (pc->idle)
            return pc;
        if (pc->current && running_vruntime(pc, now) > most) {
            most = running_vruntime(pc, now);
            best = pc;
        }
    }
    return best;
}

/* sched_lock held: v has become able to run. Returns a CPU to kick after unlocking. */
static struct pcpu *make_ready(struct vcpu *v)
{
    struct pcpu *pc;

    if (v->on_cpu || list_linked(&v->queue) || !can_run(v))
        return NULL;
    if (min_vruntime > WAKE_ADVANCE_NS)
        v->vruntime = MAX(v->vruntime, min_vruntime - WAKE_ADVANCE_NS);
    enqueue(v);
    pc = choose_cpu(v);
    if (pc) {
        pc->idle = false;
        pc->resched = true;
    }
    return pc;
}

static void kick(struct pcpu *pc)
{
    if (pc && pc != this_pcpu())
        pcpu_kick(pc);
}

bool vcpu_has_event(struct vcpu *v)
{
    return READ_ONCE(v->vcpu_info->evtchn_upcall_pending) || vcpu_pending_vector(v) >= 0;
}

void vcpu_block(struct vcpu *v)
{
    vcpu_block_forever(v);
    if (vcpu_has_event(v))
        vcpu_wake(v);
}

void vcpu_block_forever(struct vcpu *v)
{
    spin_lock(&sched_lock);
    v->state = VCPU_BLOCKED;
    spin_unlock(&sched_lock);
    this_pcpu()->resched = true;
    arch_mb();
}

void vcpu_yield(struct vcpu *v)
{
    v->yielded = true;
    this_pcpu()->resched = true;
}

void vcpu_wake(struct vcpu *v)
{
    struct pcpu *pc = NULL;

    arch_mb(); /* the event is visible before the state is looked at */
    if (READ_ONCE(v->state) != VCPU_BLOCKED)
        return;
    spin_lock(&sched_lock);
    if (v->state == VCPU_BLOCKED && !v->halted_if0) {
        v->state = VCPU_RUNNABLE;
        pc = make_ready(v);
    }
    spin_unlock(&sched_lock);
    kick(pc);
}

int vcpu_up(struct vcpu *v)
{
    struct pcpu *pc;

    spin_lock(&sched_lock);
    if (v->state != VCPU_OFFLINE) {
        spin_unlock(&sched_lock);
        return -EEXIST;
    }
    v->state = VCPU_RUNNABLE;
    pc = make_ready(v);
    spin_unlock(&sched_lock);
    kick(pc);
    return 0;
}

void vcpu_notify(struct vcpu *v)
{
    vcpu_wake(v);
    if (READ_ONCE(v->in_guest))
        kick(pcpus[READ_ONCE(v->pcpu)]);
}

static struct pcpu *pause(struct vcpu *v)
{
    struct pcpu *pc = NULL;

    spin_lock(&sched_lock);
    v->pause_count++;
    if (list_linked(&v->queue))
        list_del_init(&v->queue);
    if (v->on_cpu) {
        pc = pcpus[v->pcpu];
        pc->resched = true;
    }
    spin_unlock(&sched_lock);
    kick(pc);
    return pc;
}

void vcpu_pause(struct vcpu *v)
{
    if (pause(v))
        while (__atomic_load_n(&v->on_cpu, __ATOMIC_ACQUIRE))
            arch_pause();
}

void vcpu_pause_nosync(struct vcpu *v)
{
    pause(v);
}

void vcpu_unpause(struct vcpu *v)
{
    struct pcpu *pc = NULL;

    spin_lock(&sched_lock);
    if (v->pause_count && !--v->pause_count)
        pc = make_ready(v);
    spin_unlock(&sched_lock);
    kick(pc);
}

void sched_vcpu_destroy(struct vcpu *v)
{
    spin_lock(&sched_lock);
    if (list_linked(&v->queue))
        list_del_init(&v->queue);
    v->state = VCPU_OFFLINE;
    spin_unlock(&sched_lock);
}

/* sched_lock held: should pc go on with prev? */
static bool keeps(struct vcpu *prev, const struct vcpu *first, uint64_t now)
{
    if (!can_run(prev) || !cap_left(prev->d, now))
        return false;
    if (!first)
        return true;
    return !prev->yielded && prev->vruntime <= first->vruntime;
}

/* sched_lock held: prev is off this CPU now. */
static void put(struct vcpu *prev, uint64_t now)
{
    bool capped;
    struct vcpu *first = sched_first(now, &capped);

    if (prev->yielded && first)
        prev->vruntime = MAX(prev->vruntime, first->vruntime + 1);
    prev->yielded = false;
    if (can_run(prev))
        enqueue(prev);
    __atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE);
}

static uint64_t slice_end(const struct vcpu *v, uint64_t now)
{
    return now + ns_to_tsc(MIN(SLICE_NS, cap_left(v->d, now)));
}

/* sched_lock held: take the first of the queue for this CPU; NULL: idle. */
static struct vcpu *take(struct pcpu *pc, uint64_t now)
{
    bool capped;
    struct vcpu *v = sched_first(now, &capped);

    pc->current = v;
    pc->idle = !v;
    if (!v) {
        pc->slice_end = capped ? now + ns_to_tsc(CAP_WINDOW_NS / 10) : NO_LIMIT;
        return NULL;
    }
    list_del_init(&v->queue);
    v->on_cpu = true;
    v->pcpu = pc->id;
    v->run_since_tsc = now;
    min_vruntime = MAX(min_vruntime, v->vruntime);
    pc->slice_end = slice_end(v, now);
    return v;
}

struct vcpu *sched_pick(struct pcpu *pc)
{
    struct vcpu *prev = pc->current, *next;
    uint64_t now = arch_tsc();
    bool capped;

    spin_lock(&sched_lock);
    if (prev) {
        account(prev, now);
        if (keeps(prev, sched_first(now, &capped), now)) {
            prev->yielded = false;
            min_vruntime = MAX(min_vruntime, prev->vruntime);
            pc->slice_end = slice_end(prev, now);
            spin_unlock(&sched_lock);
            return prev;
        }
        spin_unlock(&sched_lock);
        vcpu_switch_out(prev);
        spin_lock(&sched_lock);
        put(prev, now);
    }
    next = take(pc, now);
    spin_unlock(&sched_lock);
    if (next)
        vcpu_switch_in(next);
    return next;
}

bool hypercall_preempt_check(void)
{
    arch_irq_window();
    return this_pcpu()->resched && this_pcpu()->current;
}

NORETURN void sched_loop(void)
{
    struct pcpu *pc = this_pcpu();
    struct vmexit exit;

    for (;;) {
        struct vcpu *v;

        pc->resched = false;
        arch_mb();
        timer_run();
        v = sched_pick(pc);
        timer_program(pc->slice_end);
        if (!v) {
            if (!pc->resched)
                arch_idle();
            continue;
        }
        while (!pc->resched) {
            hvm->run(v, &exit);
            v->exits[exit.reason]++;
            vmexit_handle(v, &exit);
        }
    }
}
