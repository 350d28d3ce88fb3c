/* SPDX-License-Identifier: MIT */
/*
 * The domains that hv itself builds: mgmt and net, or the one guest of run-guest mode. The PVH
 * start information (xen/arch-x86/hvm/start_info.h) lies at 0x90000, ACPI tables and rings behind
 * it; modules that stay as they are appear above 4 GB.
 */
#include <hv/control.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/grant.h>
#include <hv/guest_access.h>
#include <hv/hvm.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/time.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/sched.h>
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/params.h>

#include "boot.h"

#define GPA_INFO 0x90000ULL /* start info, lists, texts: three pages */
#define GPA_ACPI 0x93000ULL
#define GPA_CONSOLE 0x94000ULL
#define GPA_XENSTORE 0x95000ULL
#define GPA_INFO_END 0xa0000ULL
#define GPA_MODULES (4ULL << 30)
#define WEIGHT_BOOT 1024U /* mgmt and net against 256 of a sandbox */
#define MB (1ULL << 20)

struct boot_info {
    struct hvm_start_info start;
    struct hvm_modlist_entry modules[BH_MAX_MODULES];
    struct hvm_memmap_table_entry memmap[3];
    char names[BH_MAX_MODULES][16];
    char cmdline[2048];
};

_Static_assert(sizeof(struct boot_info) <= GPA_ACPI - GPA_INFO, "room for the start information");
#define GPA_OF(field) (GPA_INFO + offsetof(struct boot_info, field))

static struct boot_info info;
static uint8_t acpi[GUEST_ACPI_BYTES];
static bool run_guest;

static const char *const mgmt_modules[] = {"kernel",   "initrd", "config",
                                           "basehash", "base",   "basetree"};

static void must(int r, const char *what)
{
    if (r)
        panic("cannot build the first domains: %s: error %d", what, -r);
}

static void map_module(struct domain *d, const struct bh_module *m, uint64_t gpa)
{
    uint64_t count = ALIGN_UP(m->size, PAGE_SIZE) >> PAGE_SHIFT, n = 0;
    mfn_t first = MFN(m->base >> PAGE_SHIFT);

    frame_claim(first, count, d->id);
    d->ram_frames += count;
    d->max_frames += count;
    spin_lock(&d->p2m.lock);
    while (n < count) {
        bool large = !(first.n % LARGE_FRAMES) && !(n % LARGE_FRAMES) && count - n >= LARGE_FRAMES;
        unsigned int order = large ? LARGE_ORDER : 0;

        must(p2m_set(&d->p2m, GFN((gpa >> PAGE_SHIFT) + n), mfn_add(first, n), order, P2M_RAM),
             m->name);
        n += 1ULL << order;
    }
    spin_unlock(&d->p2m.lock);
}

static void add_module(const char *name, uint64_t gpa, uint64_t size)
{
    uint32_t i = info.start.nr_modules++;

    memcpy(info.names[i], name, MIN(strlen(name) + 1, sizeof(info.names[i]) - 1));
    info.modules[i].paddr = gpa;
    info.modules[i].size = size;
    info.modules[i].cmdline_paddr = GPA_OF(names[0]) + i * sizeof(info.names[0]);
}

static void add_modules(struct domain *d, const char *const *names, size_t count)
{
    uint64_t gpa = GPA_MODULES;

    for (size_t i = 0; i < count; i++) {
        const struct bh_module *m = boot_module(names[i]);

        if (!m || !m->size)
            continue;
        map_module(d, m, gpa);
        add_module(m->name, gpa, m->size);
        gpa = ALIGN_UP(gpa + m->size, 2 * MB);
    }
}

static void add_memory(uint64_t base, uint64_t size, uint32_t type)
{
    info.memmap[info.start.memmap_entries++] =
        (struct hvm_memmap_table_entry){.addr = base, .size = size, .type = type};
}

static struct domain *begin(uint32_t domid, uint32_t vcpus, uint64_t mb, uint32_t flags)
{
    struct domain *d = NULL;
    uint64_t done = 0, frames = mb * MB >> PAGE_SHIFT;
    int r;

    memset(&info, 0, sizeof(info));
    must(domain_create(domid, vcpus, frames, flags | DOMAIN_BOOT, &d), "create");
    do {
        uint64_t step = 0;

        r = domain_populate(d, GFN(done), frames - done, &step);
        done += step;
    } while (r == -EAGAIN);
    must(r, "memory");
    add_memory(0, GPA_INFO, XEN_HVM_MEMMAP_TYPE_RAM);
    add_memory(GPA_INFO, GPA_INFO_END - GPA_INFO, XEN_HVM_MEMMAP_TYPE_RESERVED);
    add_memory(MB, mb * MB - MB, XEN_HVM_MEMMAP_TYPE_RAM);
    return d;
}

static void finish(struct domain *d, const struct bh_module *elf, uint32_t flags)
{
    uint32_t entry = 0;

    must(guest_load_elf(d, arch_phys_to_virt(elf->base), elf->size, &entry), elf->name);
    info.start.magic = XEN_HVM_START_MAGIC_VALUE;
    info.start.version = 1;
    info.start.flags = flags;
    info.start.modlist_paddr = info.start.nr_modules ? GPA_OF(modules) : 0;
    info.start.cmdline_paddr = GPA_OF(cmdline);
    info.start.rsdp_paddr = GPA_ACPI;
    info.start.memmap_paddr = GPA_OF(memmap);
    must(guest_copy_to_gpa(d, GPA_INFO, &info, sizeof(info)), "start info");
    memset(acpi, 0, sizeof(acpi));
    guest_acpi_build(acpi, GPA_ACPI, d->nr_vcpus);
    must(guest_copy_to_gpa(d, GPA_ACPI, acpi, sizeof(acpi)), "ACPI");
    hvm->set_entry_pvh(d->vcpus[0], entry, (uint32_t)GPA_INFO);
    must(vcpu_up(d->vcpus[0]), "vcpu 0");
    must(domain_unpause(d), "start");
    printk("domain %u (%s): %lu MB, %u vcpus", d->id, elf->name, d->max_frames >> 8, d->nr_vcpus);
}

/* The program has been copied: its pages become ordinary free memory. */
static void free_module(const struct bh_module *m)
{
    frame_add_range(MFN(m->base >> PAGE_SHIFT), ALIGN_UP(m->size, PAGE_SIZE) >> PAGE_SHIFT);
}

static void start_mgmt(const struct bh_module *elf)
{
    struct domain *d =
        begin(BH_DOMID_MGMT, 1, option_get_number("mgmt.mem", 32), DOMAIN_PRIVILEGED | DOMAIN_IO);

    d->weight = WEIGHT_BOOT;
    option_get("mgmt.cmdline", info.cmdline, sizeof(info.cmdline));
    add_modules(d, mgmt_modules, ARRAY_SIZE(mgmt_modules));
    finish(d, elf, SIF_PRIVILEGED | SIF_INITDOMAIN);
    free_module(elf);
}

static void connect_xenstore(struct domain *d)
{
    uint32_t port = 0;

    must(evtchn_alloc_unbound(d, BH_DOMID_MGMT, &port), "xenstore port");
    must(hvm_param_set(d, HVM_PARAM_STORE_PFN, GPA_XENSTORE >> PAGE_SHIFT, false), "xenstore");
    must(hvm_param_set(d, HVM_PARAM_STORE_EVTCHN, port, false), "xenstore");
    must(grant_seed(d, GNTTAB_RESERVED_XENSTORE, BH_DOMID_MGMT, GTF_permit_access,
                    GFN(GPA_XENSTORE >> PAGE_SHIFT)),
         "xenstore grant");
}

static void start_net(const struct bh_module *elf)
{
    const struct bh_module *config = boot_module("config");
    uint64_t mb = option_get_number("net.mem", 16);
    struct domain *d = begin(BH_DOMID_NET, 1, mb, DOMAIN_IO);

    d->weight = WEIGHT_BOOT;
    option_get("net.cmdline", info.cmdline, sizeof(info.cmdline));
    if (config && config->size <= mb * MB / 8) { /* mgmt owns the module's frames: a copy */
        uint64_t gpa = ALIGN_DOWN(mb * MB - config->size, PAGE_SIZE);

        must(guest_copy_to_gpa(d, gpa, arch_phys_to_virt(config->base), config->size), "config");
        add_module(config->name, gpa, config->size);
        info.memmap[2].size = gpa - MB;
    }
    connect_xenstore(d);
    finish(d, elf, 0);
    free_module(elf);
}

static void start_guest(const struct bh_module *elf)
{
    const struct bh_module *initrd = boot_module("initrd");
    uint64_t mb = option_get_number("guest.mem", 128);
    uint32_t vcpus = (uint32_t)MIN(option_get_number("guest.vcpus", 1), (uint64_t)MAX_VCPUS);
    struct domain *d = begin(BH_DOMID_FIRST_SANDBOX, MAX(vcpus, 1U), mb, 0);

    run_guest = true;
    option_get("guest.cmdline", info.cmdline, sizeof(info.cmdline));
    if (initrd && initrd->size) {
        uint64_t gpa = ALIGN_DOWN(mb * MB - initrd->size, PAGE_SIZE);

        if (initrd->size >= mb * MB)
            panic("the initrd is larger than the guest");
        must(guest_copy_to_gpa(d, gpa, arch_phys_to_virt(initrd->base), initrd->size), "initrd");
        add_module("initrd", gpa, initrd->size);
    }
    must(guest_console_init(d, GFN(GPA_CONSOLE >> PAGE_SHIFT)), "console");
    finish(d, elf, 0);
}

void boot_domains_start(void)
{
    const struct bh_module *guest = boot_module("guest"), *mgmt = boot_module("mgmt");
    const struct bh_module *net = boot_module("net");

    if (guest && guest->size) {
        start_guest(guest);
        return;
    }
    if (!mgmt)
        panic("no mgmt in the image");
    if (net)
        start_net(net); /* first: mgmt expects it there, and may run as soon as it exists */
    start_mgmt(mgmt);
}

static const char *reason_name(uint32_t reason)
{
    static const char *const names[] = {"power-off", "reboot",   "suspend",
                                        "crash",     "watchdog", "soft reset"};

    switch (reason) {
    case BH_REASON_TRIPLE_FAULT:
        return "triple fault";
    case BH_REASON_BAD_STATE:
        return "bad state";
    case BH_REASON_HALTED:
        return "halted with interrupts off";
    }
    return reason < ARRAY_SIZE(names) ? names[reason] : "unknown";
}

void boot_domain_ended(struct domain *d, uint32_t reason)
{
    if (run_guest) {
        guest_console_drain();
        printk("guest: shutdown reason %u (%s)", reason, reason_name(reason));
        power_off(reason);
    }
    printk("domain %u has ended: reason %u (%s)", d->id, reason, reason_name(reason));
    if (d->id != BH_DOMID_MGMT)
        return;
    if (reason == SHUTDOWN_poweroff || reason == BH_REASON_HALTED)
        power_off(0);
    power_reboot();
}
