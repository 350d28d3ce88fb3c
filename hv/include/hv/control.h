/* SPDX-License-Identifier: MIT */
/*
 * What the control hypercall (core/control.c) uses from the rest of hv, and the lock around it.
 */
#ifndef HV_CONTROL_H
#define HV_CONTROL_H

#include <hv/domain.h>
#include <hv/types.h>

extern struct spinlock control_lock;

/* End the machine (core/power.c): UEFI ResetSystem in the loader's address space, on top of that
   the emulators' exit port with the option debug_exit=1. */
NORETURN void power_off(uint32_t status);
NORETURN void power_reboot(void);

/* Populate [gfn, gfn + count) with RAM of d, large mappings where aligned; preemptible: *done says
   how many frames are there when it returns -EAGAIN. -ENOMEM, -EEXIST, -EINVAL. core/domain.c. */
int domain_populate(struct domain *d, gfn_t gfn, uint64_t count, uint64_t *done) MUST_CHECK;

/* Boot options "key=value" lines of the handoff: NULL, or the value copied to buf. core/options.c
 */
const char *option_get(const char *key, char *buf, size_t size);
uint64_t option_get_number(const char *key, uint64_t fallback);

/* Figures for BH_CTL_SYSINFO. core/main.c. */
extern uint64_t boot_tsc_at_entry, boot_wallclock_sec, boot_hv_frames;
extern uint32_t boot_wallclock_nsec;
extern uint64_t boot_rsdp;

#endif
