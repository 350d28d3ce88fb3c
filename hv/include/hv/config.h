/* SPDX-License-Identifier: MIT */
/*
 * Every limit of the hypervisor, in one place (docs/limits.md repeats them for people).
 */
#ifndef HV_CONFIG_H
#define HV_CONFIG_H

#include <public/bulkhead.h>

#define MAX_CPUS 64U
#define MAX_DOMAINS 1024U      /* domids 0..MAX_DOMAINS-1 */
#define MAX_VCPUS BH_MAX_VCPUS /* of one domain */
#define MAX_PHYS_BITS 40U      /* 1 TB: struct frame packs 28-bit frame numbers */
#define MAX_EVTCHNS 4096U      /* 2-level ABI, 64-bit guests */
#define MAX_GPA_BITS 40U       /* guest-physical addresses hv accepts and CPUID shows */

#define PCPU_STACK_SIZE 16384UL
#define SLICE_NS 10000000ULL /* scheduler slice */
#define WEIGHT_DEFAULT 256U
#define PREEMPT_BATCH 64U /* loop iterations between two hypercall_preempt_check() */

/* Virtual layout (half of PML4). Everything but hv's own text is mapped no-execute. */
#define HV_VIRT_BASE 0xffffffff80000000ULL    /* the hv image */
#define DIRECT_MAP_BASE 0xffff800000000000ULL /* every RAM range at base + physical address */
#define MMIO_MAP_BASE 0xffffc00000000000ULL   /* uncached windows: local APIC, MMCFG, IOMMU */

#endif
