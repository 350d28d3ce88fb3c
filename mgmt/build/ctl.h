/* SPDX-License-Identifier: MIT */
/*
 * mgmt's calls into the hypervisor's control interface (hv/include/public/bulkhead.h): one function
 * for each command, plain arguments, 0 or -errno (Linux numbering). Used by the builder, the
 * session table and mgmt's start; the only place that issues the control hypercall.
 */
#ifndef BH_CTL_H
#define BH_CTL_H

#include <stdint.h>

#include "bulkhead.h"

int ctl_sysinfo(struct bh_ctl_sysinfo *out);
int ctl_create(uint64_t max_frames, uint32_t nr_vcpus, uint16_t *domid);
/* Gives RAM; repeats the call while the hypervisor asks for it, yielding to other threads. */
int ctl_populate(uint16_t domid, uint64_t first_gfn, uint64_t nr_frames);
int ctl_write(uint16_t domid, uint64_t gpa, const void *data, uint64_t length);
int ctl_zero(uint16_t domid, uint64_t gpa, uint64_t length);
int ctl_set_entry(uint16_t domid, uint32_t eip, uint32_t ebx);
int ctl_set_param(uint16_t domid, uint32_t index, uint64_t value);
int ctl_get_param(uint16_t domid, uint32_t index, uint64_t *value);
int ctl_seed_grant(uint16_t domid, uint32_t ref, uint16_t to, uint64_t gfn);
int ctl_pause(uint16_t domid);
int ctl_unpause(uint16_t domid);
int ctl_shutdown(uint16_t domid, uint32_t reason);
/* One step: 0 gone, -EAGAIN call again, -EBUSY pages still mapped by another domain. */
int ctl_destroy_step(uint16_t domid);
int ctl_getinfo(uint16_t domid, struct bh_ctl_info *out);
int ctl_pci_assign(uint16_t domid, uint16_t bdf);
int ctl_pci_read(uint16_t bdf, uint16_t offset, uint32_t width, uint32_t *value);
/* Powers off (0) or reboots (1); returns only on failure. */
int ctl_power(uint32_t action, uint32_t status);
/* Counts free frames that hold the pattern (hypervisor option selftest=1, else -EPERM). */
int ctl_scan_free(uint64_t pattern, uint64_t *found);
int ctl_exits(uint16_t domid, struct bh_ctl_exits *out);

#endif
