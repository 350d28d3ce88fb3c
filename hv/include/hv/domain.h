/* SPDX-License-Identifier: MIT */
/*
 * Domains: the table, references, life cycle. core/domain.c.
 *
 * A reference (domain_get/domain_put) keeps struct domain and its vcpus as memory; it does not stop
 * the domain from dying: who acts on another domain checks d->dying under the lock that it needs
 * (evtchn_lock, grant_lock, p2m.lock). References are short: none is kept across a return to a
 * guest. Where an object of domain A names domain B (an event channel, a mapping) it keeps B's
 * domid, not a pointer or reference.
 */
#ifndef HV_DOMAIN_H
#define HV_DOMAIN_H

#include <hv/config.h>
#include <hv/p2m.h>
#include <hv/spinlock.h>
#include <hv/types.h>

#define HVM_PARAM_COUNT 39U /* HVM_NR_PARAMS of public/hvm/params.h 4.17 */

struct vcpu;
struct evtchn_table; /* core/event.c */
struct grant_table;  /* core/grant.c */
struct shared_info;  /* xen/xen.h */

#define DOMAIN_PRIVILEGED 1U /* may issue bh_control: mgmt */
#define DOMAIN_IO 2U         /* has its own I/O port bitmap: may be given ports (device.c) */
#define DOMAIN_BOOT 4U       /* started by hv itself: its console_io output is shown */

struct domain {
    uint16_t id;
    uint32_t flags;    /* DOMAIN_*, constant */
    uint32_t nr_vcpus; /* constant */
    uint32_t refs;     /* domain_table_lock */
    struct spinlock lock;
    struct p2m p2m;
    struct vcpu *vcpus[MAX_VCPUS]; /* set before the domain can be found; [nr_vcpus..] NULL */

    /* life cycle: written under lock, read anywhere */
    uint32_t state;       /* enum bh_domain_state */
    uint32_t reason;      /* valid in BH_STATE_SHUTDOWN */
    bool sealed;          /* no more BH_CTL_POPULATE ... SEED_GRANT */
    bool dying;           /* DESTROY has begun */
    uint32_t pause_count; /* of BH_CTL_PAUSE (and 1 at creation); lock */
    gfn_t destroy_cursor; /* control_lock */

    /* interface objects of core/event.c, grant.c, memory_op.c, device.c */
    struct spinlock evtchn_lock;
    struct evtchn_table *evtchn;
    struct spinlock grant_lock;
    struct grant_table *grant;
    struct shared_info
        *shared_info; /* through the direct map; a frame of this domain, always there */
    mfn_t shared_info_mfn;
    uint64_t params[HVM_PARAM_COUNT]; /* HVM_PARAM_*, raw; lock */
    uint8_t callback_vector;          /* HVM_PARAM_CALLBACK_IRQ type 2; 0: none */
    uint32_t poll_count; /* vcpus in SCHEDOP_poll: evtchn code wakes them, see sched.h */

    /* time (hv/time.h) */
    uint64_t tsc_offset;    /* guest TSC = TSC + tsc_offset; set at first unpause */
    uint64_t first_run_tsc; /* 0: never ran */

    /* scheduling (hv/sched.h) */
    uint32_t weight, cap_pct;
    uint64_t cap_window, cap_used_ns; /* sched_lock */

    /* x86 */
    uint8_t *io_bitmap; /* 12 KB, set bit: intercept; the shared one without DOMAIN_IO */

    /* accounting in frames; ram_frames and max_frames: lock, struct_frames: atomic */
    uint64_t max_frames;
    uint64_t ram_frames;
    uint64_t struct_frames;
};

/*
 * A new domain in BH_STATE_BUILDING with pause count 1, empty p2m, vcpus made (all but vcpu 0
 * offline), event, grant and device state initialised (evtchn_init, grant_init).
 * domid: wanted, or ~0U for the next free sandbox id. The caller gets no reference but may use
 * *out as long as it holds control_lock (or during boot). -EEXIST, -ENOMEM, -ENOSPC, -EINVAL.
 */
int domain_create(uint32_t domid, uint32_t nr_vcpus, uint64_t max_frames, uint32_t flags,
                  struct domain **out) MUST_CHECK;

/* NULL if there is none. */
struct domain *domain_get(uint32_t domid);
void domain_put(struct domain *d);

/* Smallest domid greater than domid that exists, or ~0U. Pass ~0U to get the first. */
uint32_t domain_next(uint32_t domid);
uint32_t domain_count(void);

/* Frames of RAM for a domain. domain_alloc_ram: 2^order zeroed frames accounted to ram_frames,
   -ENOMEM if there are none or max_frames would be passed; caller maps them. */
int domain_alloc_ram(struct domain *d, unsigned int order, mfn_t *out) MUST_CHECK;
void domain_free_ram(struct domain *d, mfn_t mfn, unsigned int order);

/* Frames for hv's own objects that belong to a domain (struct_frames); owned by d->id, or NULL. */
void *domain_alloc_struct(struct domain *d, unsigned int order);
void domain_free_struct(struct domain *d, void *p, unsigned int order);

/* Nested; domain_pause returns when no vcpu runs. -EOVERFLOW above 255, -EINVAL unpause at 0. The
   first unpause seals the domain and starts its clock. */
int domain_pause(struct domain *d) MUST_CHECK;
int domain_unpause(struct domain *d) MUST_CHECK;

/* The domain ends (by itself or by control): state, reason, VIRQ_DOM_EXC to mgmt. Its vcpus stop;
   one that is the current vcpu stops when its exit handler returns. Idempotent; first reason wins.
 */
void domain_shutdown(struct domain *d, uint32_t reason);

/*
 * One preemptible step of the end: stops vcpus, evtchn_destroy, device_destroy, grant_destroy,
 * frees and scrubs RAM, tables and structures, takes it out of the table. 0: gone (d is no longer
 * valid); -EAGAIN: call again; -EBUSY: pages are mapped by another domain. Caller holds
 * control_lock.
 */
int domain_destroy(struct domain *d) MUST_CHECK;

/* A DOMAIN_BOOT domain has ended: core/boot_domain.c. May end the machine. */
void boot_domain_ended(struct domain *d, uint32_t reason);

/* What GETINFO and EXITS report. */
uint64_t domain_cpu_ns(struct domain *d);
void domain_count_exits(struct domain *d, struct bh_ctl_exits *out);

#endif
