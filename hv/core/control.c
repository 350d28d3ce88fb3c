/* SPDX-License-Identifier: MIT */
/*
 * The control hypercall of mgmt (public/bulkhead.h): decode and check a private copy, then act. One
 * command runs at a time, under control_lock; it keeps the domain it names from being destroyed.
 *
 * A domain is sealed by its first unpause. From then on its memory and what it was built from are
 * out of reach here: commands that build answer -EPERM.
 */
#include <hv/control.h>
#include <hv/device.h>
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/grant.h>
#include <hv/guest_access.h>
#include <hv/hvm.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/time.h>
#include <hv/vcpu.h>
#include <xen/grant_table.h>
#include <xen/sched.h>

#define LAST_GPA ((1ULL << MAX_GPA_BITS) - 1)
#define SCHED_WEIGHT_MAX 65535U
#define SCHED_CAP_MAX (100U * MAX_CPUS)

struct spinlock control_lock;

struct request {
    struct vcpu *caller;
    struct domain *d; /* of c.domid, where the command is about one */
    struct bh_control c;
};

/* What a command wants checked before it runs, and whether its union has results. */
struct command {
    int (*run)(struct request *r);
    bool needs_domain;
    bool builds; /* only before sealing, and never about the caller */
    bool not_self;
    bool out;
    bool out_again; /* results also with -EAGAIN */
};

static int sysinfo(struct request *r)
{
    r->c.u.sysinfo = (struct bh_ctl_sysinfo){
        .total_frames = frames_total(),
        .free_frames = frames_free(),
        .hv_frames = boot_hv_frames,
        .tsc_khz = tsc_khz,
        .tsc_at_entry = boot_tsc_at_entry,
        .wallclock_sec = boot_wallclock_sec,
        .nr_cpus = nr_pcpus,
        .vendor = hvm->vendor,
        .iommu = 0, /* no IOMMU driver: DMA of driver domains is not confined */
        .nr_domains = domain_count(),
    };
    return 0;
}

static int create(struct request *r)
{
    struct domain *d;
    int rc;

    if (r->c.u.create.flags)
        return -EINVAL;
    rc = domain_create(~0U, r->c.u.create.nr_vcpus, r->c.u.create.max_frames, 0, &d);
    if (!rc)
        r->c.domid = d->id;
    return rc;
}

static int populate(struct request *r)
{
    struct bh_ctl_populate *p = &r->c.u.populate;
    uint64_t done = 0, end;
    int rc;

    if (add_overflows(p->first_gfn, p->nr_frames, &end) || end > LAST_GPA >> PAGE_SHIFT)
        return -EINVAL;
    rc = domain_populate(r->d, GFN(p->first_gfn), p->nr_frames, &done);
    p->first_gfn += done;
    p->nr_frames -= done;
    return rc;
}

/*
 * One page of the copy at a time; what is done is taken off the request, which goes back to the
 * caller with -EAGAIN.
 */
static int write(struct request *r)
{
    static uint8_t page[PAGE_SIZE]; /* control_lock */
    struct bh_ctl_write *w = &r->c.u.write;

    for (unsigned int i = 0; w->length; i++) {
        size_t n = (size_t)MIN(w->length, PAGE_SIZE);
        int rc;

        if (i == PREEMPT_BATCH)
            return -EAGAIN;
        if (w->buffer && guest_copy_from(r->caller, page, w->buffer, n))
            return -EFAULT;
        rc = guest_copy_to_gpa(r->d, w->gpa, w->buffer ? page : NULL, n);
        if (rc)
            return rc;
        w->gpa += n;
        w->buffer += w->buffer ? n : 0;
        w->length -= n;
    }
    return 0;
}

static int set_entry(struct request *r)
{
    int rc;

    hvm->set_entry_pvh(r->d->vcpus[0], r->c.u.entry.eip, r->c.u.entry.ebx);
    rc = vcpu_up(r->d->vcpus[0]); /* it runs when the domain is unpaused */
    if (rc && rc != -EEXIST)
        return rc;
    return 0;
}

static int set_param(struct request *r)
{
    return r->c.u.param.pad ? -EINVAL
                            : hvm_param_set(r->d, r->c.u.param.index, r->c.u.param.value, false);
}

static int get_param(struct request *r)
{
    return hvm_param_get(r->d, r->c.u.param.index, &r->c.u.param.value);
}

static int seed_grant(struct request *r)
{
    const struct bh_ctl_grant *g = &r->c.u.grant;

    return grant_seed(r->d, g->ref, g->to, g->flags, GFN(g->gfn));
}

static int pause(struct request *r)
{
    return domain_pause(r->d);
}

static int unpause(struct request *r)
{
    return domain_unpause(r->d);
}

static int shutdown(struct request *r)
{
    if (r->c.u.shutdown.reason > SHUTDOWN_MAX || r->c.u.shutdown.pad)
        return -EINVAL;
    domain_shutdown(r->d, r->c.u.shutdown.reason);
    return 0;
}

/* d is gone when this returns 0. */
static int destroy(struct request *r)
{
    return domain_destroy(r->d);
}

static int getinfo(struct request *r)
{
    spin_lock(&r->d->lock);
    r->c.u.info = (struct bh_ctl_info){
        .state = r->d->state,
        .reason = r->d->reason,
        .nr_vcpus = r->d->nr_vcpus,
        .pause_count = r->d->pause_count,
        .ram_frames = r->d->ram_frames,
        .table_frames = READ_ONCE(r->d->p2m.table_frames),
        .struct_frames = READ_ONCE(r->d->struct_frames),
        .first_run_tsc = r->d->first_run_tsc,
    };
    spin_unlock(&r->d->lock);
    r->c.u.info.cpu_ns = domain_cpu_ns(r->d);
    return 0;
}

static int sched(struct request *r)
{
    const struct bh_ctl_sched *s = &r->c.u.sched;

    if (!s->weight || s->weight > SCHED_WEIGHT_MAX || s->cap_pct > SCHED_CAP_MAX)
        return -EINVAL;
    WRITE_ONCE(r->d->weight, s->weight);
    WRITE_ONCE(r->d->cap_pct, s->cap_pct);
    return 0;
}

static int power(struct request *r)
{
    if (r->c.u.power.action == 0)
        power_off(r->c.u.power.status);
    if (r->c.u.power.action == 1)
        power_reboot();
    return -EINVAL;
}

static int pci_assign(struct request *r)
{
    const struct bh_ctl_pci *p = &r->c.u.pci;

    return p->pad[0] | p->pad[1] | p->pad[2] ? -EINVAL : device_assign(r->d, p->bdf);
}

static int pci_config(struct request *r)
{
    return r->c.u.pcicfg.write ? -EPERM : device_config_read(&r->c.u.pcicfg);
}

static int scan_free(struct request *r)
{
    if (option_get_number("selftest", 0) != 1)
        return -EPERM;
    return frame_scan_free(r->c.u.scan.pattern, &r->c.u.scan.next, &r->c.u.scan.found);
}

static int exits(struct request *r)
{
    memset(&r->c.u.exits, 0, sizeof(r->c.u.exits));
    domain_count_exits(r->d, &r->c.u.exits);
    return 0;
}

static int list(struct request *r)
{
    r->c.u.list = (struct bh_ctl_list){.next = domain_next(r->c.domid)};
    return 0;
}

static const struct command commands[] = {
    [BH_CTL_SYSINFO] = {sysinfo, .out = true},
    [BH_CTL_CREATE] = {create, .out = true},
    [BH_CTL_POPULATE] = {populate, .needs_domain = true, .builds = true, .out_again = true},
    [BH_CTL_WRITE] = {write, .needs_domain = true, .builds = true, .out_again = true},
    [BH_CTL_SET_ENTRY] = {set_entry, .needs_domain = true, .builds = true},
    [BH_CTL_SET_PARAM] = {set_param, .needs_domain = true, .builds = true},
    [BH_CTL_GET_PARAM] = {get_param, .needs_domain = true, .out = true},
    [BH_CTL_SEED_GRANT] = {seed_grant, .needs_domain = true, .builds = true},
    [BH_CTL_PAUSE] = {pause, .needs_domain = true, .not_self = true},
    [BH_CTL_UNPAUSE] = {unpause, .needs_domain = true, .not_self = true},
    [BH_CTL_SHUTDOWN] = {shutdown, .needs_domain = true, .not_self = true},
    [BH_CTL_DESTROY] = {destroy, .needs_domain = true, .not_self = true},
    [BH_CTL_GETINFO] = {getinfo, .needs_domain = true, .out = true},
    [BH_CTL_SCHED] = {sched, .needs_domain = true},
    [BH_CTL_POWER] = {power, .needs_domain = false},
    [BH_CTL_PCI_ASSIGN] = {pci_assign, .needs_domain = true},
    [BH_CTL_PCI_CFG] = {pci_config, .out = true},
    [BH_CTL_SCAN_FREE] = {scan_free, .out = true, .out_again = true},
    [BH_CTL_EXITS] = {exits, .needs_domain = true, .out = true},
    [BH_CTL_LIST] = {list, .out = true},
};

/* control_lock held, so what domain_get() found stays when its reference is given back. */
static int find_domain(const struct command *cmd, struct request *r)
{
    struct domain *d = domain_get(r->c.domid);

    if (!d)
        return -ESRCH;
    domain_put(d);
    if (cmd->builds && (d->sealed || d->dying))
        return -EPERM;
    if ((cmd->builds || cmd->not_self) && d == r->caller->d)
        return -EINVAL;
    r->d = d;
    return 0;
}

static int run_step(const struct command *cmd, struct request *r)
{
    int rc = 0;

    spin_lock(&control_lock);
    if (cmd->needs_domain)
        rc = find_domain(cmd, r);
    if (!rc)
        rc = cmd->run(r);
    spin_unlock(&control_lock);
    return rc;
}

long do_bh_control(struct vcpu *v, uint64_t arg)
{
    struct request r = {.caller = v};
    const struct command *cmd;
    int rc;

    if (!(v->d->flags & DOMAIN_PRIVILEGED))
        return -EPERM;
    if (guest_copy_from(v, &r.c, arg, sizeof(r.c)))
        return -EFAULT;
    if (r.c.version != BH_CONTROL_VERSION || r.c.pad || r.c.cmd >= ARRAY_SIZE(commands) ||
        !commands[r.c.cmd].run)
        return -EINVAL;
    cmd = &commands[r.c.cmd];
    do {
        rc = run_step(cmd, &r);
    } while (rc == -EAGAIN && !hypercall_preempt_check());
    if (rc == 0 ? cmd->out : rc == -EAGAIN && cmd->out_again) {
        if (guest_copy_to(v, arg, &r.c, sizeof(r.c)))
            return -EFAULT;
    }
    /* A copy goes on by itself: its caller asked for one range and need not know of slices. */
    return rc == -EAGAIN && r.c.cmd == BH_CTL_WRITE ? HYPERCALL_AGAIN : rc;
}
