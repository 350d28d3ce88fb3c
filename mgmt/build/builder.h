/* SPDX-License-Identifier: MIT */
/*
 * Makes a sandbox's domain, up to but not including its first run, and takes domains down again.
 * Called in threads: several may be under way at once, each waits only at yields between slices.
 */
#ifndef BH_BUILDER_H
#define BH_BUILDER_H

#include <stddef.h>
#include <stdint.h>

struct build_spec {
    const uint8_t *kernel, *initrd;
    size_t kernel_size, initrd_size;
    const char *cmdline;
    uint32_t memory_mb;
    uint32_t nr_vcpus;
};

struct built_domain {
    uint16_t domid;
    uint32_t console_port; /* the domain's; mgmt binds to them. Grant reference 0 and 1 are their
                              pages */
    uint32_t store_port;
};

#define BUILD_CONSOLE_REF 0U
#define BUILD_STORE_REF 1U

/* Paused and not yet sealed. On failure (-errno) nothing is left. */
int builder_create(const struct build_spec *spec, struct built_domain *out);
/*
 * Ends the domain and waits until its memory is back. Whoever maps its pages must let go of them
 * first or meanwhile: -EBUSY if somebody has not at the deadline (rt_now() scale).
 */
int builder_destroy(uint16_t domid, uint64_t deadline);

#endif
