/* SPDX-License-Identifier: MIT */
/*
 * Devices given to driver domains: core/device.c.
 */
#ifndef HV_DEVICE_H
#define HV_DEVICE_H

#include <hv/types.h>

struct bh_ctl_pcicfg; /* public/bulkhead.h */
struct domain;

/* Give a PCI function to mgmt or net. -ENODEV, -EBUSY: has an owner, -EPERM: not a driver domain,
   -EOPNOTSUPP: a bridge. */
int device_assign(struct domain *d, uint16_t bdf) MUST_CHECK;
/* Configuration read of any function; cfg->value gets it. -EINVAL. */
int device_config_read(struct bh_ctl_pcicfg *cfg) MUST_CHECK;

/* Take devices back (bus mastering off, BARs unmapped). -EAGAIN: call again. */
int device_destroy(struct domain *d) MUST_CHECK;

/* Let d use ports [first, first + count) directly; needs DOMAIN_IO: -EOPNOTSUPP. x86/ioport.c */
int ioport_allow(struct domain *d, uint16_t first, uint32_t count) MUST_CHECK;
void ioport_deny_all(struct domain *d);
/* Port I/O of hv itself. */
uint32_t port_in(uint16_t port, unsigned int width);
void port_out(uint16_t port, unsigned int width, uint32_t value);

/* An uncached window on [pa, pa + len) of machine addresses, for good; NULL: no room. x86/paging.c
 */
void *mmio_map(uint64_t pa, uint64_t len);

#endif
