/* SPDX-License-Identifier: MIT */
/*
 * Boot of hv: what main.c, boot_domain.c, guest_load.c, guest_acpi.c, power.c and options.c share.
 */
#ifndef HV_CORE_BOOT_H
#define HV_CORE_BOOT_H

#include <hv/domain.h>
#include <public/handoff.h>

extern struct bh_handoff boot_handoff; /* hv's own copy */

void options_init(const char *options);

/* A module by name, or NULL. */
const struct bh_module *boot_module(const char *name);

/* Build and start mgmt and net, or the one guest of run-guest mode. Panics when it cannot. */
void boot_domains_start(void);

/* guest_load.c: load a trusted PVH ELF64 into the RAM of d; -ENOEXEC, -EFAULT. */
int guest_load_elf(struct domain *d, const void *image, uint64_t size, uint32_t *entry) MUST_CHECK;

/* guest_acpi.c: the tables a PVH guest needs, in at most 4096 bytes to lie at gpa; buf is zeroed by
   the caller; the RSDP comes first. */
#define GUEST_ACPI_BYTES 4096U
void guest_acpi_build(uint8_t *buf, uint64_t gpa, uint32_t nr_vcpus);

/* guest_console.c: the PV console ring of a run-guest guest. */
int guest_console_init(struct domain *d, gfn_t ring) MUST_CHECK;
void guest_console_drain(void);

#endif
