/* SPDX-License-Identifier: MIT */
/*
 * What the loader hands to the hypervisor. Served by boot/, read once by hv/ at start.
 *
 * State at entry (hv's ELF entry point, 64-bit mode, SysV convention):
 *   - RDI = physical address of struct bh_handoff; RFLAGS.IF = 0; boot services have ended.
 *   - CR3 maps all of [0, max(4 GB, end of RAM)) onto itself, and every PT_LOAD segment of hv.elf
 * at its link address (top 2 GB); all of it writable and executable. hv installs its own tables.
 *   - The stack is the loader's and lies in BH_RANGE_LOADER memory.
 *   - Other processors rest in the firmware's loop; hv starts them by INIT/SIPI.
 * All addresses are physical, all sizes in bytes unless said otherwise.
 */
#ifndef BH_HANDOFF_H
#define BH_HANDOFF_H

#include <stdint.h>

#define BH_HANDOFF_MAGIC 0x46464f444e414842ULL /* "BHANDOFF" */
#define BH_HANDOFF_VERSION 1U

#define BH_MAX_RANGES 512U
#define BH_MAX_CPUS 64U
#define BH_MAX_MODULES 16U
#define BH_MAX_OPTIONS 2048U
#define BH_SEED_BYTES 64U

enum bh_range_type {
    BH_RANGE_RAM = 1,      /* free RAM, content unknown: scrub when first handed out */
    BH_RANGE_LOADER = 2,   /* handoff, loader's page tables and stack, hv image: hv decides */
    BH_RANGE_MODULE = 3,   /* the memory of a module */
    BH_RANGE_ACPI = 4,     /* ACPI tables */
    BH_RANGE_RUNTIME = 5,  /* UEFI runtime services code and data: keep for reset */
    BH_RANGE_RESERVED = 6, /* never RAM for us */
    BH_RANGE_MMIO = 7,     /* memory-mapped I/O the firmware told of */
};

/* Sorted by base, not overlapping, page-aligned. */
struct bh_range {
    uint64_t base;
    uint64_t size;
    uint32_t type; /* enum bh_range_type */
    uint32_t pad;
};

#define BH_CPU_BSP 1U

struct bh_cpu {
    uint32_t apic_id; /* as MP Services or the MADT report it */
    uint32_t flags;   /* BH_CPU_* */
};

/*
 * A module is page-aligned; the rest of its last page is zero. Names in use: "hv" (the loaded
 * image), "mgmt", "net", "kernel" (sandbox vmlinux), "initrd", "config" (defaults followed by the
 * ESP's \bulkhead\bulkhead.cfg), "basehash" (32 bytes: root of the base image's hash tree), "base"
 * (the base image file), "basetree" (its hash tree file), "guest" (run-guest only).
 */
struct bh_module {
    char name[16]; /* NUL-terminated */
    uint64_t base;
    uint64_t size;
};

struct bh_handoff {
    uint64_t magic;
    uint32_t version;
    uint32_t size;    /* sizeof(struct bh_handoff) */
    uint64_t hv_phys; /* first byte of the hv image; contiguous, 2 MB aligned */
    uint64_t hv_size;
    uint64_t rsdp;          /* 0: the firmware offers no ACPI */
    uint64_t wallclock_sec; /* UTC, seconds since 1970 */
    uint32_t wallclock_nsec;
    uint32_t seed_len;     /* bytes of seed that came from EFI_RNG_PROTOCOL or RDSEED; 0: none */
    uint64_t tsc_at_entry; /* TSC read right after ExitBootServices: start of "host ready" timing */
    uint64_t trampoline;   /* a page below 1 MB for starting application processors */
    uint64_t efi_cr3;      /* the loader's tables: identity map in which runtime services run */
    uint64_t efi_reset_system; /* EFI_RUNTIME_SERVICES.ResetSystem (MS ABI); 0: none */
    uint32_t nr_ranges;
    uint32_t nr_cpus;
    uint32_t nr_modules;
    uint32_t pad;
    uint8_t seed[BH_SEED_BYTES];
    char
        options[BH_MAX_OPTIONS]; /* NUL-terminated text of the "config" module: lines "key=value" */
    struct bh_range ranges[BH_MAX_RANGES];
    struct bh_cpu cpus[BH_MAX_CPUS];
    struct bh_module modules[BH_MAX_MODULES];
};

_Static_assert(sizeof(struct bh_range) == 24, "handoff ABI");
_Static_assert(sizeof(struct bh_module) == 32, "handoff ABI");

#endif
