/* SPDX-License-Identifier: MIT */
/*
 * Start of the hypervisor on the boot CPU, from the loader's jump to the scheduler. Reads top to
 * bottom: memory, CPU, time, virtualization, other CPUs, first domains.
 */
#include <hv/control.h>
#include <hv/hvm.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/percpu.h>
#include <hv/printk.h>
#include <hv/sched.h>
#include <hv/time.h>
#include <hv/x86.h>

#include "boot.h"

NORETURN void hv_start(const struct bh_handoff *handoff);

struct bh_handoff boot_handoff;
uint64_t boot_tsc_at_entry, boot_wallclock_sec, boot_hv_frames, boot_rsdp;
uint32_t boot_wallclock_nsec;
const struct hvm_ops *hvm;

extern const struct hvm_ops vmx_ops __attribute__((weak)); /* builds with one backend are allowed */

static struct pcpu boot_pcpu;

static void take_handoff(const struct bh_handoff *h)
{
    if (h->magic != BH_HANDOFF_MAGIC || h->version != BH_HANDOFF_VERSION || h->size != sizeof(*h) ||
        h->nr_ranges > BH_MAX_RANGES || h->nr_cpus > BH_MAX_CPUS || h->nr_modules > BH_MAX_MODULES)
        panic("the loader speaks another language");
    memcpy(&boot_handoff, h, sizeof(boot_handoff));
    boot_handoff.options[BH_MAX_OPTIONS - 1] = '\0';
    boot_tsc_at_entry = h->tsc_at_entry;
    boot_wallclock_sec = h->wallclock_sec;
    boot_wallclock_nsec = h->wallclock_nsec;
    boot_rsdp = h->rsdp;
    options_init(boot_handoff.options);
}

const struct bh_module *boot_module(const char *name)
{
    for (uint32_t i = 0; i < boot_handoff.nr_modules; i++)
        if (!strncmp(boot_handoff.modules[i].name, name, sizeof(boot_handoff.modules[i].name)))
            return &boot_handoff.modules[i];
    return NULL;
}

static void choose_backend(void)
{
    const struct hvm_ops *const all[] = {&svm_ops, &vmx_ops};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i] && !all[i]->init()) {
            hvm = all[i];
            return;
        }
    panic("this CPU offers neither VT-x with EPT nor AMD-V with nested paging");
}

NORETURN void hv_start(const struct bh_handoff *handoff)
{
    serial_init();
    take_handoff(handoff);
    paging_init(&boot_handoff);
    pcpus[0] = &boot_pcpu;
    nr_pcpus = 1;
    cpu_init(&boot_pcpu);
    printk("Bulkhead hypervisor on %u CPUs", boot_handoff.nr_cpus);
    fpu_init();
    clock_init(boot_tsc_at_entry);
    ioport_init();
    choose_backend();
    cpuid_init();
    paging_done(&boot_handoff);
    sched_init();
    if (hvm->cpu_enable(&boot_pcpu))
        panic("virtualization cannot be turned on");
    boot_pcpu.online = true;
    smp_start(&boot_handoff);
    boot_hv_frames = frames_total() - frames_free();
    printk("%s, %u CPUs, %lu MB free, hv takes %lu KB", hvm->name, nr_pcpus, frames_free() >> 8,
           boot_hv_frames * 4 + (boot_handoff.hv_size >> 10));
    boot_domains_start();
    printk("started %lu ms after the firmware", time_now_ns() / 1000000);
    sched_loop();
}
