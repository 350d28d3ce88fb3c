/* SPDX-License-Identifier: MIT */
/*
 * The simulated machine, see abi_machine.h. What the real hv has in x86/, sched.c and timer.c is
 * replaced here by the least that the calls need.
 */
#include "abi_machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hv/control.h>
#include <hv/device.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/guest_access.h>
#include <hv/lib.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/time.h>

#include "../../../hv/core/domain_internal.h"

uint8_t *sim_ram;
uint64_t sim_tsc;
static struct pcpu cpus[SIM_CPUS];
_Thread_local struct pcpu *sim_pcpu = &cpus[0];
struct pcpu *pcpus[MAX_CPUS];
uint32_t nr_pcpus = SIM_CPUS;

struct guest_paging sim_paging;
unsigned int sim_preempt_every, sim_hv_notified;
uint64_t sim_selftest;
struct sim_pci sim_pci[4];

static uint64_t record_space[SIM_FRAMES];
static mfn_t kept[SIM_FRAMES];
static unsigned int nr_kept;
static uint8_t default_bitmap[3 * 4096];
uint8_t *ioport_default_bitmap = default_bitmap;

/* --- what hv/x86, sched.c and timer.c would do --- */

uint64_t tsc_khz = 1000000, boot_tsc_at_entry, boot_wallclock_sec = 1, boot_hv_frames = 7;
uint32_t boot_wallclock_nsec;

void panic(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
    abort();
}

void printk(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    printf("# ");
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
}

void guest_console_write(struct domain *d, const char *text, size_t len)
{
    (void)d;
    for (size_t i = 0; i < len; i++)
        if ((text[i] < ' ' && text[i] != '\n' && text[i] != '\r' && text[i] != '\t') ||
            text[i] > '~')
            panic("raw byte on the console");
}

void console_write(const char *text, size_t len)
{
    guest_console_write(NULL, text, len);
}

void memzero64(void *dst, size_t n)
{
    memset(dst, 0, n);
}

void pcpu_kick(struct pcpu *pc)
{
    (void)pc;
}

bool hypercall_preempt_check(void)
{
    static unsigned int count;

    return sim_preempt_every && ++count % sim_preempt_every == 0;
}

bool vcpu_has_event(struct vcpu *v)
{
    return v->vcpu_info->evtchn_upcall_pending;
}

void vcpu_wake(struct vcpu *v)
{
    uint32_t blocked = VCPU_BLOCKED;

    __atomic_compare_exchange_n(&v->state, &blocked, VCPU_RUNNABLE, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
}

int vcpu_up(struct vcpu *v)
{
    uint32_t offline = VCPU_OFFLINE;

    return __atomic_compare_exchange_n(&v->state, &offline, VCPU_RUNNABLE, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST)
               ? 0
               : -EEXIST;
}

void vcpu_block(struct vcpu *v)
{
    __atomic_store_n(&v->state, VCPU_BLOCKED, __ATOMIC_SEQ_CST);
    if (vcpu_has_event(v))
        vcpu_wake(v);
}

void vcpu_notify(struct vcpu *v)
{
    vcpu_wake(v);
}

void vcpu_yield(struct vcpu *v)
{
    v->yielded = true;
}

void vcpu_pause(struct vcpu *v)
{
    v->pause_count++;
}

void vcpu_pause_nosync(struct vcpu *v)
{
    v->pause_count++;
}

void vcpu_unpause(struct vcpu *v)
{
    v->pause_count--;
}

void sched_vcpu_init(struct vcpu *v)
{
    v->state = v->id ? VCPU_OFFLINE : VCPU_RUNNABLE;
}

void sched_vcpu_destroy(struct vcpu *v)
{
    (void)v;
}

void vlapic_init(struct vcpu *v)
{
    (void)v;
}

void vcpu_timers_init(struct vcpu *v)
{
    (void)v;
}

void vcpu_timers_stop(struct vcpu *v)
{
    v->singleshot.armed = v->poll_timer.armed = false;
}

void timer_arm(struct timer *t, uint64_t deadline)
{
    t->deadline = deadline;
    t->armed = true;
}

void timer_stop(struct timer *t)
{
    t->armed = false;
}

uint64_t tsc_to_ns(uint64_t ticks)
{
    return ticks;
}

uint64_t ns_to_tsc(uint64_t ns)
{
    return ns;
}

uint64_t domain_time_ns(const struct domain *d)
{
    return arch_tsc() + d->tsc_offset;
}

uint64_t domain_deadline_tsc(const struct domain *d, uint64_t ns)
{
    return ns - d->tsc_offset;
}

void time_fill_pvclock(const struct domain *d, struct vcpu_time_info *info)
{
    (void)d;
    info->tsc_to_system_mul = 0x12345678;
}

void time_fill_wallclock(struct domain *d)
{
    d->shared_info->wc_sec = 1;
}

void vcpu_set_singleshot(struct vcpu *v, uint64_t deadline)
{
    if (deadline <= domain_time_ns(v->d))
        evtchn_send_virq(v, VIRQ_TIMER);
    else
        timer_arm(&v->singleshot, deadline);
}

void vcpu_stop_singleshot(struct vcpu *v)
{
    timer_stop(&v->singleshot);
}

int fpu_vcpu_init(struct vcpu *v)
{
    v->xsave = domain_alloc_struct(v->d, 0);
    return v->xsave ? 0 : -ENOMEM;
}

void fpu_vcpu_destroy(struct vcpu *v)
{
    if (v->xsave)
        domain_free_struct(v->d, v->xsave, 0);
}

void boot_domain_ended(struct domain *d, uint32_t reason)
{
    (void)d;
    (void)reason;
}

NORETURN void power_off(uint32_t status)
{
    panic("power off %u", status);
}

NORETURN void power_reboot(void)
{
    panic("reboot");
}

uint64_t option_get_number(const char *key, uint64_t fallback)
{
    return strcmp(key, "selftest") == 0 ? sim_selftest : fallback;
}

int ioport_allow(struct domain *d, uint16_t first, uint32_t count)
{
    (void)d;
    return count && first + count <= 65536 ? 0 : -EINVAL;
}

void ioport_deny_all(struct domain *d)
{
    (void)d;
}

static uint32_t config_address;

static struct sim_pci *selected(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(sim_pci); i++)
        if (sim_pci[i].reg[0] && (config_address >> 8 & 0xffff) == sim_pci[i].bdf)
            return &sim_pci[i];
    return NULL;
}

uint32_t port_in(uint16_t port, unsigned int width)
{
    struct sim_pci *dev = selected();
    uint32_t value = dev ? dev->reg[config_address >> 2 & 63] >> 8 * (port & 3) : ~0U;

    return width == 4 ? value : value & ((1U << 8 * width) - 1);
}

void port_out(uint16_t port, unsigned int width, uint32_t value)
{
    uint32_t mask = width == 4 ? ~0U : ((1U << 8 * width) - 1) << 8 * (port & 3);
    unsigned int index = config_address >> 2 & 63;
    struct sim_pci *dev = selected();

    if (port == 0xcf8)
        config_address = value;
    else if (dev && index >= 4 && index < 10)
        dev->reg[index] = (value & dev->bar_mask[index - 4]) | (dev->reg[index] & 15);
    else if (dev)
        dev->reg[index] = (dev->reg[index] & ~mask) | (value << 8 * (port & 3) & mask);
}

static int sim_vcpu_init(struct vcpu *v)
{
    v->arch.svm.vmcb = domain_alloc_struct(v->d, 0);
    return v->arch.svm.vmcb ? 0 : -ENOMEM;
}

static void sim_vcpu_destroy(struct vcpu *v)
{
    if (v->arch.svm.vmcb)
        domain_free_struct(v->d, v->arch.svm.vmcb, 0);
}

static void sim_set_entry(struct vcpu *v, uint32_t eip, uint32_t ebx)
{
    v->regs.rip = eip;
    v->regs.rbx = ebx;
}

static void sim_get_paging(const struct vcpu *v, struct guest_paging *out)
{
    (void)v;
    *out = sim_paging;
}

static void sim_set_tsc_offset(struct vcpu *v, uint64_t offset)
{
    (void)v;
    (void)offset;
}

static const struct hvm_ops sim_ops = {
    .name = "sim",
    .vendor = 2,
    .p2m_format = &p2m_format_npt,
    .vcpu_init = sim_vcpu_init,
    .vcpu_destroy = sim_vcpu_destroy,
    .set_entry_pvh = sim_set_entry,
    .get_paging = sim_get_paging,
    .set_tsc_offset = sim_set_tsc_offset,
};
const struct hvm_ops *hvm = &sim_ops;

/* --- for the tests --- */

void sim_start(void)
{
    size_t bytes = (size_t)SIM_FRAMES * PAGE_SIZE;

    if (sim_ram) {
        (void)sim_end();
    } else {
        if (posix_memalign((void **)&sim_ram, 2U << 20, bytes))
            abort();
        memset(sim_ram, 0x5a, bytes); /* what the firmware left */
    }
    for (uint32_t i = 0; i < SIM_CPUS; i++) {
        cpus[i].id = i;
        pcpus[i] = &cpus[i];
    }
    memset(record_space, 0, sizeof(record_space));
    memset(sim_pci, 0, sizeof(sim_pci));
    memset(&sim_paging, 0, sizeof(sim_paging));
    sim_preempt_every = 0;
    frame_init(record_space, SIM_FRAMES);
    frame_add_range(MFN(16), SIM_FRAMES - 16);
}

void sim_keep_free(uint64_t n)
{
    while (frames_free() > n)
        kept[nr_kept++] = frame_alloc(0, FRAME_OWNER_HV);
}

void sim_unkeep(void)
{
    while (nr_kept)
        frame_free(kept[--nr_kept], 0, FRAME_OWNER_HV);
}

int sim_destroy(struct domain *d)
{
    int rc;

    do {
        spin_lock(&control_lock);
        rc = domain_destroy(d);
        spin_unlock(&control_lock);
    } while (rc == -EAGAIN);
    return rc;
}

bool sim_end(void)
{
    uint32_t id;

    sim_unkeep();
    sim_preempt_every = 0;
    for (unsigned int i = 0; i < 2 * MAX_DOMAINS && domain_count(); i++) {
        uint32_t first = domain_next(~0U);

        for (id = first; id != ~0U; id = domain_next(id)) {
            struct domain *d = domain_get(id);

            domain_put(d);
            (void)!sim_destroy(d);
        }
    }
    return domain_count() == 0 && frames_free() == SIM_FRAMES - 16;
}

struct domain *sim_new_domain(uint32_t domid, uint32_t nr_vcpus, uint64_t frames)
{
    uint32_t flags = domid == BH_DOMID_MGMT ? DOMAIN_PRIVILEGED | DOMAIN_BOOT : 0;
    struct domain *d;
    uint64_t done;

    if (domain_create(domid, nr_vcpus, frames + 1024, flags, &d) ||
        domain_populate(d, GFN(0), frames, &done))
        abort();
    return d;
}

struct domain *sim_domain(uint32_t domid, uint32_t nr_vcpus, uint64_t frames)
{
    struct domain *d = sim_new_domain(domid, nr_vcpus, frames);

    if (domain_unpause(d))
        abort();
    return d;
}

long sim_call_vcpu(struct vcpu *v, uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3)
{
    long rc;

    v->regs.rax = number;
    v->regs.rdi = a1;
    v->regs.rsi = a2;
    v->regs.rdx = a3;
    do {
        rc = hypercall_dispatch(v);
    } while (rc == HYPERCALL_AGAIN);
    return rc;
}

long sim_call(struct domain *d, uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3)
{
    return sim_call_vcpu(d->vcpus[0], number, a1, a2, a3);
}

void sim_put(struct domain *d, uint64_t gpa, const void *src, size_t len)
{
    if (guest_copy_to_gpa(d, gpa, src, len))
        abort();
}

void sim_get(struct domain *d, uint64_t gpa, void *dst, size_t len)
{
    if (guest_copy_from_gpa(d, dst, gpa, len))
        abort();
}

uint8_t *sim_page(struct domain *d, uint64_t gfn)
{
    struct p2m_entry e;

    return p2m_lookup(&d->p2m, GFN(gfn), P2M_READ, &e) ? NULL : frame_map(e.mfn);
}

long sim_call_arg(struct domain *d, uint64_t number, uint64_t cmd, void *arg, size_t size)
{
    long rc;

    sim_put(d, SIM_ARG, arg, size);
    rc = sim_call(d, number, cmd, SIM_ARG, 1);
    sim_get(d, SIM_ARG, arg, size);
    return rc;
}

long sim_control(struct domain *d, struct bh_control *c)
{
    long rc;

    c->version = BH_CONTROL_VERSION;
    sim_put(d, SIM_ARG, c, sizeof(*c));
    rc = sim_call(d, __HYPERVISOR_bh_control, SIM_ARG, 0, 0);
    sim_get(d, SIM_ARG, c, sizeof(*c));
    return rc;
}

long sim_device(struct domain *d, struct bh_device *c)
{
    long rc;

    c->version = BH_DEVICE_VERSION;
    sim_put(d, SIM_ARG, c, sizeof(*c));
    rc = sim_call(d, __HYPERVISOR_bh_device, SIM_ARG, 0, 0);
    sim_get(d, SIM_ARG, c, sizeof(*c));
    return rc;
}
