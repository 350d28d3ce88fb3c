/* SPDX-License-Identifier: MIT */
/*
 * vcpu_op: the areas that a vcpu registers (vcpu_info, run state, time) and its one-shot timer. An
 * area is translated and its frame pinned once, at registration. Other vcpus are started by
 * INIT/SIPI, so VCPUOP_initialise, up and down are not offered.
 *
 * v->vcpu_info changes under the domain's evtchn_lock, which whoever delivers events holds; the
 * other areas are the vcpu's own.
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/time.h>
#include <hv/vcpu.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

_Static_assert(MAX_VCPUS <= XEN_LEGACY_MAX_VCPUS, "every vcpu has a slot in shared_info");

static uint64_t pin_of(const void *page)
{
    return frame_of(page).n + 1;
}

static void drop_pin(uint64_t *pin)
{
    if (*pin)
        frame_unpin(MFN(*pin - 1));
    *pin = 0;
}

void vcpu_op_release(struct vcpu *v)
{
    struct domain *d = v->d;

    spin_lock(&d->evtchn_lock);
    v->vcpu_info = &d->shared_info->vcpu_info[v->id];
    spin_unlock(&d->evtchn_lock);
    drop_pin(&v->vcpu_info_pin);
    drop_pin(&v->time_info_pin);
}

/*
 * What was pending stays so; to lose nothing that came between, the guest is told to look at
 * every port (as Xen does).
 */
static void move_vcpu_info(struct vcpu *v, struct vcpu_info *to)
{
    *to = *v->vcpu_info;
    time_fill_pvclock(v->d, &to->time);
    v->vcpu_info = to;
    __atomic_store_n(&to->evtchn_pending_sel, ~0UL, __ATOMIC_SEQ_CST);
    WRITE_ONCE(to->evtchn_upcall_pending, 0); /* so that the next line notifies */
    vcpu_mark_events_pending(v);
}

/* For the caller itself, or a vcpu that is not up. Once. */
static long register_vcpu_info(struct vcpu *v, struct vcpu *target, uint64_t arg)
{
    struct vcpu_register_vcpu_info op;
    void *page;
    int rc = -EINVAL;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    if (op.offset > PAGE_SIZE - sizeof(struct vcpu_info) || op.offset % sizeof(uint64_t) ||
        (target != v && READ_ONCE(target->state) != VCPU_OFFLINE) ||
        guest_pin_page(v->d, GFN(op.mfn), &page))
        return -EINVAL;
    spin_lock(&v->d->evtchn_lock);
    if (!target->vcpu_info_pin) {
        target->vcpu_info_pin = pin_of(page);
        move_vcpu_info(target, (struct vcpu_info *)((uint8_t *)page + op.offset));
        rc = 0;
    }
    spin_unlock(&v->d->evtchn_lock);
    if (rc)
        guest_unpin_page(page);
    return rc;
}

/* Pin the area at gva: len bytes in one page, 8-byte aligned. */
static int pin_area(struct vcpu *v, uint64_t gva, size_t len, void **page, void **area)
{
    uint64_t gpa;

    if (guest_translate(v, gva, true, &gpa))
        return -EFAULT;
    if (gpa % sizeof(uint64_t) || (gpa & (PAGE_SIZE - 1)) > PAGE_SIZE - len ||
        guest_pin_page(v->d, GFN(gpa >> PAGE_SHIFT), page))
        return -EINVAL;
    *area = (uint8_t *)*page + (gpa & (PAGE_SIZE - 1));
    return 0;
}

/* hv keeps run time only: what is not running counts as blocked. The sum is the system time. */
static void fill_runstate(const struct vcpu *target, bool running, struct vcpu_runstate_info *info)
{
    uint64_t now = domain_time_ns(target->d);
    uint64_t ticks = target->cpu_tsc + (running ? arch_tsc() - target->run_since_tsc : 0);
    uint64_t run = MIN(tsc_to_ns(ticks), now);

    memset(info, 0, sizeof(*info));
    info->state = READ_ONCE(target->state) == VCPU_OFFLINE   ? RUNSTATE_offline
                  : READ_ONCE(target->state) == VCPU_BLOCKED ? RUNSTATE_blocked
                                                             : RUNSTATE_running;
    info->state_entry_time = now;
    info->time[RUNSTATE_running] = run;
    info->time[RUNSTATE_blocked] = now - run;
}

static long get_runstate(struct vcpu *v, const struct vcpu *target, uint64_t arg)
{
    struct vcpu_runstate_info info;

    fill_runstate(target, target == v, &info);
    return guest_copy_to(v, arg, &info, sizeof(info));
}

/*
 * Linux must not see this fail, and its area may cross a page. The record is written here and then
 * stays: hv has no stolen time to report.
 */
static long register_runstate(struct vcpu *v, const struct vcpu *target, uint64_t arg)
{
    struct vcpu_register_runstate_memory_area op;
    struct vcpu_runstate_info info;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    fill_runstate(target, target == v, &info);
    if (!op.addr.p)
        return 0;
    return guest_copy_to(v, op.addr.p, &info, sizeof(info));
}

/* A pvclock record beside vcpu_info's, for the guest's user space. Address 0 takes it back. */
static long register_time(struct vcpu *v, struct vcpu *target, uint64_t arg)
{
    struct vcpu_register_time_memory_area op;
    void *page = NULL, *area = NULL;
    int rc;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    if (target != v)
        return -EINVAL;
    if (op.addr.p) {
        rc = pin_area(v, op.addr.p, sizeof(struct vcpu_time_info), &page, &area);
        if (rc)
            return rc;
        time_fill_pvclock(v->d, area);
    }
    drop_pin(&v->time_info_pin);
    v->time_info_pin = page ? pin_of(page) : 0;
    return 0;
}

static long set_singleshot(struct vcpu *v, uint64_t arg)
{
    struct vcpu_set_singleshot_timer op;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    if ((op.flags & VCPU_SSHOTTMR_future) && op.timeout_abs_ns < domain_time_ns(v->d))
        return -ETIME;
    vcpu_set_singleshot(v, op.timeout_abs_ns);
    return 0;
}

long do_vcpu_op(struct vcpu *v, uint64_t cmd, uint64_t vcpuid, uint64_t arg)
{
    struct vcpu *target;

    if (vcpuid >= v->d->nr_vcpus)
        return -ENOENT;
    target = v->d->vcpus[vcpuid];
    switch (cmd) {
    case VCPUOP_is_up:
        return READ_ONCE(target->state) != VCPU_OFFLINE;
    case VCPUOP_get_runstate_info:
        return get_runstate(v, target, arg);
    case VCPUOP_register_runstate_memory_area:
        return register_runstate(v, target, arg);
    case VCPUOP_stop_periodic_timer: /* there is none: see set_periodic_timer below */
        return 0;
    case VCPUOP_set_singleshot_timer:
        return target == v ? set_singleshot(v, arg) : -EINVAL;
    case VCPUOP_stop_singleshot_timer:
        if (target != v)
            return -EINVAL;
        vcpu_stop_singleshot(v);
        return 0;
    case VCPUOP_register_vcpu_info:
        return register_vcpu_info(v, target, arg);
    case VCPUOP_register_vcpu_time_memory_area:
        return register_time(v, target, arg);
    default: /* initialise, up, down, set_periodic_timer, send_nmi, get_physid: not offered */
        return -ENOSYS;
    }
}
