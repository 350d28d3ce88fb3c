/* SPDX-License-Identifier: MIT */
/*
 * A simulated machine under the real sources of the hypercall ABI: real frame allocator, p2m,
 * domains, guest access and calls; made-up CPUs, scheduler, timers and PCI bus. Guests are what a
 * test writes into their memory. Paging is off in a guest (gva = gpa) until a test sets sim_paging.
 */
#ifndef ABI_MACHINE_H
#define ABI_MACHINE_H

#include <hv/domain.h>
#include <hv/hvm.h>
#include <hv/hypercall.h>
#include <hv/mm.h>
#include <hv/vcpu.h>
#include <public/bulkhead.h>
#include <xen/xen.h>

#define SIM_FRAMES 8192U /* 32 MB of machine memory */
#define SIM_CPUS 4U

extern struct guest_paging sim_paging; /* cr0 without PG: paging off */
extern unsigned int sim_preempt_every; /* every how many checks say yes; 0: never */
extern unsigned int sim_hv_notified;
extern uint64_t sim_selftest; /* the boot option */

/* A machine with all frames free and no domain. Ends what an earlier case has left. */
void sim_start(void);
/* Destroy all domains; true if every frame came back. */
bool sim_end(void);
/* Leave only n free frames (for injection); sim_end() gives the others back. */
void sim_keep_free(uint64_t n);
void sim_unkeep(void);

/* A running domain with RAM at [0, frames). domid ~0: a new sandbox. */
struct domain *sim_domain(uint32_t domid, uint32_t nr_vcpus, uint64_t frames);
/* The same, not yet unpaused. */
struct domain *sim_new_domain(uint32_t domid, uint32_t nr_vcpus, uint64_t frames);
/* Destroy steps until the answer is not -EAGAIN. */
int sim_destroy(struct domain *d);

/* A hypercall of vcpu 0 of d until it is through. */
long sim_call(struct domain *d, uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3);
long sim_call_vcpu(struct vcpu *v, uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3);

/* With an argument structure: put at a fixed guest address, copied back afterwards. */
#define SIM_ARG 0x3000U
long sim_call_arg(struct domain *d, uint64_t number, uint64_t cmd, void *arg, size_t size);
long sim_control(struct domain *d, struct bh_control *c);
long sim_device(struct domain *d, struct bh_device *c);

void sim_put(struct domain *d, uint64_t gpa, const void *src, size_t len);
void sim_get(struct domain *d, uint64_t gpa, void *dst, size_t len);
uint8_t *sim_page(struct domain *d, uint64_t gfn); /* NULL: not mapped */

/* A PCI function with registers of its own; BARs answer sizing. */
struct sim_pci {
    uint16_t bdf;
    uint32_t reg[64];
    uint32_t bar_mask[6];
};
extern struct sim_pci sim_pci[4];

#endif
