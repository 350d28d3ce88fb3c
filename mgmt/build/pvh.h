/* SPDX-License-Identifier: MIT */
/*
 * What a PVH guest finds in its low memory: start information with memory map and module list, and
 * ACPI tables that say "no legacy hardware, these processors". Pure: makes bytes for given
 * addresses.
 *
 * Layout. RAM is populated from 0, the first megabyte included: Linux keeps that for itself, so the
 * pages below cost the guest nothing. Above 3 GB there is a hole up to 4 GB where PCs have devices.
 */
#ifndef BH_PVH_H
#define BH_PVH_H

#include <stddef.h>
#include <stdint.h>

#define PVH_INFO_GPA 0x90000U /* start information; reserved up to 1 MB from here */
#define PVH_INFO_SIZE 0x3000U
#define PVH_CONSOLE_GPA 0x9e000U
#define PVH_STORE_GPA 0x9f000U
#define PVH_ACPI_GPA 0xe0000U
#define PVH_ACPI_SIZE 0x2000U
#define PVH_LOW_END 0x100000U /* kernels load above */
#define PVH_HOLE_START 0xc0000000ULL
#define PVH_HOLE_END 0x100000000ULL
#define PVH_MAX_CMDLINE 2048U

struct pvh_request {
    uint64_t ram_bytes;               /* page-aligned, at least 16 MB */
    uint64_t initrd_gpa, initrd_size; /* size 0: none */
    const char *cmdline;
};

/* Fills info, which belongs at PVH_INFO_GPA where the hvm_start_info begins. -EINVAL, -E2BIG. */
int pvh_make_info(const struct pvh_request *r, uint8_t info[PVH_INFO_SIZE]);
/* Fills acpi, which belongs at PVH_ACPI_GPA; the RSDP is its first byte. */
void pvh_make_acpi(uint32_t nr_vcpus, uint8_t acpi[PVH_ACPI_SIZE]);
/* Bytes of RAM below the hole and above it. */
uint64_t pvh_ram_low(uint64_t ram_bytes);
uint64_t pvh_ram_high(uint64_t ram_bytes);

#endif
