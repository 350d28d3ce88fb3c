/* SPDX-License-Identifier: MIT */
/*
 * The runtime as mgmt's sandbox half sees it, on the host: cooperative threads over ucontext with
 * virtual time (it jumps to the next deadline when nobody can run), event channels, grants and the
 * control hypercall over domains that are a few pages each.
 */
#ifndef FAKE_RT_H
#define FAKE_RT_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_DOMAINS 64U
#define FAKE_REFS 96U
#define FAKE_FRAMES 1000000U /* the machine */

struct fake_domain {
    bool exists, sealed, dying;
    uint32_t state, reason;
    uint64_t max_frames, frames, entry;
    uint64_t params[40];
    unsigned int mapped, serial; /* serial: differs for each domain that had the slot */
    uint64_t written;            /* bytes by BH_CTL_WRITE */
    uint8_t *page[FAKE_REFS];    /* what grant reference i shows; made on demand by fake_page() */
};

extern struct fake_domain fake_domains[FAKE_DOMAINS];
extern uint64_t fake_free_frames;
extern unsigned int fake_fail_after; /* the n-th control call fails with -ENOMEM; 0: none */

/* Called when a domain runs for the first time. */
extern void (*fake_on_start)(uint16_t domid);
uint8_t *fake_page(uint16_t domid, uint32_t ref);
/* The guest's side of its port number `remote` sends: mgmt's handler for what is bound to it runs.
 */
void fake_guest_notify(uint16_t domid, uint32_t remote);
/* How often mgmt has sent to it. */
unsigned int fake_sent(uint16_t domid, uint32_t remote);
void fake_domain_ends(uint16_t domid, uint32_t reason);
unsigned int fake_open_ports(void);
unsigned int fake_audits(const char *action);
void fake_run(void); /* until nobody can run without time passing */

#endif
