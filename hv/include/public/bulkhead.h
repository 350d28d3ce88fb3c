/* SPDX-License-Identifier: MIT */
/*
 * Bulkhead's own hypercalls, beside Xen's. Served by hv/, used by mgmt (control) and by driver
 * domains (device). Everything else a guest sees is Xen's ABI.
 *
 * Both take the address of one structure in guest-virtual memory in the first argument; hv copies
 * it in once, validates the copy, acts, and copies it back when the command has results (marked
 * OUT). They return 0 or a negative Xen errno (public/errno.h). -EPERM: not privileged, or the
 * domain is sealed. -ESRCH: no such domain. -EINVAL: a reserved field or value. -EAGAIN: not
 * finished, call again (nothing was lost). Long work is preemptible inside the call.
 */
#ifndef BH_BULKHEAD_H
#define BH_BULKHEAD_H

#include <stdint.h>

#define __HYPERVISOR_bh_control 54 /* __HYPERVISOR_arch_6: mgmt only */
#define __HYPERVISOR_bh_device 55  /* __HYPERVISOR_arch_7: domains that own a device */

#define BH_CONTROL_VERSION 1U
#define BH_DEVICE_VERSION 1U

#define BH_DOMID_MGMT 0U
#define BH_DOMID_NET 1U
#define BH_DOMID_FIRST_SANDBOX 2U
#define BH_MAX_VCPUS 16U
/* APIC id of a vcpu: the same in CPUID leaves 1 and 0Bh, MSR 802h and the MADT that the builder
 * makes. */
#define BH_VCPU_APIC_ID(vcpu) (vcpu)

enum bh_control_cmd {
    BH_CTL_SYSINFO = 1,   /* u.sysinfo OUT */
    BH_CTL_CREATE = 2,    /* u.create; domid OUT */
    BH_CTL_POPULATE = 3,  /* u.populate: give RAM; before sealing */
    BH_CTL_WRITE = 4,     /* u.write: copy into guest RAM; before sealing */
    BH_CTL_SET_ENTRY = 5, /* u.entry: PVH entry state of vcpu 0; before sealing */
    BH_CTL_SET_PARAM = 6, /* u.param: HVM_PARAM_*; before sealing */
    BH_CTL_GET_PARAM = 7, /* u.param OUT */
    BH_CTL_SEED_GRANT =
        8, /* u.grant: a grant entry as the guest itself would write it; before sealing */
    BH_CTL_PAUSE = 9,     /* returns when no vcpu of it runs; counted, at most 255 deep */
    BH_CTL_UNPAUSE = 10,  /* first one seals the domain. A new domain has pause count 1 */
    BH_CTL_SHUTDOWN = 11, /* u.shutdown: as SCHEDOP_shutdown by the guest */
    BH_CTL_DESTROY =
        12, /* end it and scrub; -EAGAIN while work remains, -EBUSY while pages of it are
               mapped by another domain (unmap, call again); the domid is free after 0 */
    BH_CTL_GETINFO = 13, /* u.info OUT */
    BH_CTL_SCHED = 14,   /* u.sched: weight and cap */
    BH_CTL_POWER = 15,   /* u.power: does not return on success */
    BH_CTL_PCI_ASSIGN =
        16,                /* u.pci: give the function to domid; mgmt may then no longer touch it */
    BH_CTL_PCI_CFG = 17,   /* u.pcicfg: configuration read of any function (enumeration) */
    BH_CTL_SCAN_FREE = 18, /* u.scan: count free frames that hold a 64-bit pattern; only with the
                              boot option "selftest=1", else -EPERM */
    BH_CTL_EXITS = 19,     /* u.exits OUT: exits of a domain by reason */
    BH_CTL_LIST = 20,      /* u.list OUT: next domid after the given one */
};

struct bh_ctl_sysinfo {
    uint64_t total_frames; /* 4 KB frames hv manages */
    uint64_t free_frames;  /* right now; exact when no domain runs */
    uint64_t hv_frames;    /* image, page tables, frame table, per-CPU data, pools */
    uint64_t tsc_khz;
    uint64_t tsc_at_entry;  /* from the handoff: start of "host ready" timing */
    uint64_t wallclock_sec; /* at tsc_at_entry */
    uint32_t nr_cpus;
    uint32_t vendor; /* 1: VT-x, 2: AMD-V */
    uint32_t iommu;  /* 1: DMA of driver domains is confined */
    uint32_t nr_domains;
};

struct bh_ctl_create {
    uint64_t max_frames; /* guest RAM, grant and p2m frames are accounted apart */
    uint32_t nr_vcpus;   /* 1..BH_MAX_VCPUS */
    uint32_t flags;      /* reserved, 0 */
};

struct bh_ctl_populate {
    uint64_t first_gfn; /* both move on with -EAGAIN: OUT is what is still missing */
    uint64_t nr_frames;
};

struct bh_ctl_write {
    uint64_t gpa;    /* destination */
    uint64_t buffer; /* source, mgmt-virtual; 0: fill with zero */
    uint64_t length;
};

struct bh_ctl_entry {
    uint32_t eip; /* XEN_ELFNOTE_PHYS32_ENTRY */
    uint32_t ebx; /* gpa of hvm_start_info */
};

struct bh_ctl_param {
    uint32_t index; /* HVM_PARAM_* of public/hvm/params.h */
    uint32_t pad;
    uint64_t value;
};

struct bh_ctl_grant {
    uint32_t ref;
    uint16_t to;    /* domid that may map */
    uint16_t flags; /* GTF_permit_access [| GTF_readonly] */
    uint64_t gfn;
};

struct bh_ctl_shutdown {
    uint32_t reason; /* SHUTDOWN_* of public/sched.h */
    uint32_t pad;
};

enum bh_domain_state {
    BH_STATE_BUILDING = 1, /* not yet sealed */
    BH_STATE_RUNNING = 2,  /* may be paused */
    BH_STATE_SHUTDOWN = 3, /* ended: see reason */
    BH_STATE_DYING = 4,    /* DESTROY has begun */
};

#define BH_REASON_TRIPLE_FAULT 0x100U /* beyond Xen's SHUTDOWN_*: hv ended it */
#define BH_REASON_BAD_STATE 0x101U    /* the CPU refused its state, or an exit nobody handles */
#define BH_REASON_HALTED 0x102U /* all vcpus in HLT with interrupts off: power-off without ACPI */

struct bh_ctl_info {
    uint32_t state;  /* enum bh_domain_state */
    uint32_t reason; /* SHUTDOWN_* or BH_REASON_*, valid in BH_STATE_SHUTDOWN */
    uint32_t nr_vcpus;
    uint32_t pause_count;
    uint64_t ram_frames;
    uint64_t table_frames;  /* p2m tables */
    uint64_t struct_frames; /* vcpus, grant and shared-info frames, the rest */
    uint64_t cpu_ns;        /* run time of all vcpus */
    uint64_t first_run_tsc;
};

struct bh_ctl_sched {
    uint32_t weight;  /* 1..65535, default 256 */
    uint32_t cap_pct; /* percent of one CPU, 0: no cap */
};

struct bh_ctl_power {
    uint32_t action; /* 0: power off, 1: reboot */
    uint32_t status; /* for test rigs that can return one */
};

struct bh_ctl_pci {
    uint16_t bdf; /* bus << 8 | device << 3 | function, segment 0 */
    uint16_t pad[3];
};

struct bh_ctl_pcicfg {
    uint16_t bdf;
    uint16_t offset; /* aligned to width, below 4096 */
    uint32_t width;  /* 1, 2, 4 */
    uint32_t value;  /* OUT for reads, IN for writes */
    uint32_t write;  /* BH_CTL_PCI_CFG: must be 0 */
};

struct bh_ctl_scan {
    uint64_t pattern;
    uint64_t found; /* OUT: frames with at least one 8-byte aligned match */
    uint64_t next;  /* IN/OUT cursor; start with 0, call again on -EAGAIN */
};

#define BH_NR_EXITS 24U /* enum vmexit_reason, see docs/abi.md */

struct bh_ctl_exits {
    uint64_t count[BH_NR_EXITS];
    uint64_t hypercall[64]; /* by number */
};

struct bh_ctl_list {
    uint32_t next; /* OUT: smallest domid greater than domid, or ~0 */
    uint32_t pad;
};

struct bh_control {
    uint32_t version; /* BH_CONTROL_VERSION */
    uint32_t cmd;     /* enum bh_control_cmd */
    uint32_t domid;
    uint32_t pad;
    union {
        struct bh_ctl_sysinfo sysinfo;
        struct bh_ctl_create create;
        struct bh_ctl_populate populate;
        struct bh_ctl_write write;
        struct bh_ctl_entry entry;
        struct bh_ctl_param param;
        struct bh_ctl_grant grant;
        struct bh_ctl_shutdown shutdown;
        struct bh_ctl_info info;
        struct bh_ctl_sched sched;
        struct bh_ctl_power power;
        struct bh_ctl_pci pci;
        struct bh_ctl_pcicfg pcicfg;
        struct bh_ctl_scan scan;
        struct bh_ctl_exits exits;
        struct bh_ctl_list list;
        uint8_t reserve[768];
    } u;
};

/* Device hypercall: for a domain that was given PCI functions. */
enum bh_device_cmd {
    BH_DEV_GET = 1,      /* u.get: index -> function; -ENOENT past the last */
    BH_DEV_CFG = 2,      /* u.cfg: configuration read, or write of the registers hv allows (command:
                            memory, I/O and bus master enable; capabilities' own control words) */
    BH_DEV_MAP_BAR = 3,  /* u.bar: map a memory BAR uncached at gfn, or open an I/O BAR's ports */
    BH_DEV_DMA_POOL = 4, /* u.pool: physically contiguous zeroed RAM at gfn, with its bus address */
};

struct bh_dev_get {
    uint32_t index;
    uint16_t bdf;    /* OUT */
    uint16_t vendor; /* OUT */
    uint16_t device; /* OUT */
    uint16_t pad;
    uint32_t class_code; /* OUT: class << 16 | subclass << 8 | interface */
};

struct bh_dev_bar {
    uint16_t bdf;
    uint16_t bar;    /* 0..5 */
    uint32_t is_io;  /* OUT: 1: ports */
    uint64_t gfn;    /* IN: unused guest frame for the first page (memory BARs) */
    uint64_t base;   /* OUT: port number, or offset of the BAR in its first page */
    uint64_t length; /* OUT: bytes */
};

struct bh_dev_pool {
    uint64_t gfn;       /* IN: unused guest frame where the pool appears */
    uint32_t nr_frames; /* IN: power of two, at most 2048; counted in hv to the domain */
    uint32_t pad;
    uint64_t bus; /* OUT: bus address of the first byte */
};

struct bh_device {
    uint32_t version; /* BH_DEVICE_VERSION */
    uint32_t cmd;
    union {
        struct bh_dev_get get;
        struct bh_ctl_pcicfg cfg;
        struct bh_dev_bar bar;
        struct bh_dev_pool pool;
        uint8_t reserve[64];
    } u;
};

_Static_assert(sizeof(struct bh_control) == 16 + 768, "control ABI");
_Static_assert(sizeof(struct bh_device) == 8 + 64, "device ABI");

#endif
