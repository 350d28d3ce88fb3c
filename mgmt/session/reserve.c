/* SPDX-License-Identifier: MIT */
/*
 * Has the hypervisor grow mgmt's own tables (event channels, grant mappings, page tables of the map
 * window) to what the sandboxes that fit into memory will need. They only ever grow, so without
 * this the first sessions would leave less free memory behind than they found.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

#include <xen/xen.h>

#include <rt/event.h>
#include <rt/grant.h>
#include <rt/rt.h>

#include "build/ctl.h"

#define MAPS_PER_SESSION 37U /* console, store, disk, channel: 1 + 1 + 1 + 1, and two rings of 16  \
                              */
#define PORTS_PER_SESSION 4U

static void reserve_ports(unsigned int n)
{
    evtchn_port *ports = calloc(n, sizeof(*ports));
    unsigned int have = 0;

    while (ports != NULL && have < n && evtchn_alloc_unbound(DOMID_SELF, 0, &ports[have]) == 0)
        have++;
    while (have > 0)
        (void)evtchn_close(ports[--have]);
    free(ports);
}

/* One page of ours, mapped as often as all sessions together will map theirs. */
static void reserve_maps(unsigned int sessions)
{
    struct gnt_mapping *maps = calloc(sessions, sizeof(*maps));
    void *page = rt_pages_alloc(1);
    grant_ref refs[MAPS_PER_SESSION], ref;
    unsigned int have = 0;

    if (maps == NULL || page == NULL || gnt_grant(BH_DOMID_MGMT, page, false, &ref) != 0)
        goto out;
    for (unsigned int i = 0; i < MAPS_PER_SESSION; i++)
        refs[i] = ref;
    while (have < sessions &&
           gnt_map(BH_DOMID_MGMT, refs, MAPS_PER_SESSION, false, &maps[have]) == 0)
        have++;
    if (have < sessions)
        rt_log("mgmt: tables for %u of %u sessions reserved\n", have, sessions);
    while (have > 0)
        gnt_unmap(&maps[--have]);
    if (gnt_end(ref) != 0)
        page = NULL; /* still mapped somewhere: cannot be, and must not be reused then */
out:
    if (page != NULL)
        rt_pages_free(page, 1);
    free(maps);
}

void reserve_tables(void)
{
    struct bh_ctl_sysinfo sys;
    uint64_t sessions;

    if (ctl_sysinfo(&sys) != 0)
        return;
    sessions = sys.free_frames / (SESSION_MIN_MEMORY_MB * 256U);
    if (sessions > SESSION_MAX)
        sessions = SESSION_MAX;
    if (sessions == 0)
        return;
    reserve_ports((unsigned int)sessions * PORTS_PER_SESSION);
    reserve_maps((unsigned int)sessions);
}
