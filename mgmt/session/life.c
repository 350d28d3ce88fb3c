/* SPDX-License-Identifier: MIT */
/*
 * Bringing a session's sandbox up and taking it down. Down works from every stage of up.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>

#include <rt/rt.h>

#include "audit/audit.h"
#include "build/builder.h"
#include "build/ctl.h"
#include "home.h"

/* How long others may keep pages of a domain that ends; after that it is left to a later try. */
#define END_NS 30000000000ULL

static int add_devices(struct session *s, const struct built_domain *d)
{
    struct vif_spec vif = {.domid = d->domid, .kind = "sandbox", .sandbox = true};
    int rc = home_create(d->domid, true);

    if (rc == 0)
        rc = home_take_address(&s->address);
    if (rc != 0)
        return rc;
    vif.address = s->address;
    home_mac_of(s->address, vif.mac);
    rc = home_add_vif(&vif);
    if (rc == 0)
        rc = blkback_create(d->domid, &images.base, s->id, &s->disk);
    return rc;
}

static void on_channel(void *ctx)
{
    (void)ctx;
    keeper_kick();
}

static int connect(struct session *s, const struct built_domain *d)
{
    int rc = guest_console_create(d->domid, d->console_port, &s->log, &s->console);

    if (rc == 0)
        rc = xenstore_introduce(d->domid, d->store_port, true, &s->store);
    if (rc == 0)
        rc = channel_create(d->domid, s->id, on_channel, NULL, &s->channel);
    return rc;
}

/*
 * Domains are built one at a time. Building is all hypercalls, so this costs nothing, and a
 * half-built domain's RAM counts twice at admission: as taken from the hypervisor and as still due.
 */
static int build(struct session *s, const struct build_spec *spec, struct built_domain *d)
{
    static struct waitq turn;
    static bool busy;
    int rc;

    while (busy)
        (void)waitq_wait(&turn, WAIT_FOREVER);
    busy = true;
    rc = builder_create(spec, d);
    s->frames_due = 0;
    busy = false;
    waitq_wake_one(&turn);
    return rc;
}

int life_start(struct session *s)
{
    struct build_spec spec = {.kernel = images.kernel,
                              .kernel_size = images.kernel_size,
                              .initrd = images.initrd,
                              .initrd_size = images.initrd_size,
                              .cmdline = images.cmdline,
                              .memory_mb = s->memory_mb,
                              .nr_vcpus = s->vcpus};
    struct built_domain d;
    int rc;

    s->building = true;
    rc = build(s, &spec, &d);
    if (rc == 0) {
        s->domid = d.domid;
        rc = add_devices(s, &d);
        if (rc == 0)
            rc = connect(s, &d);
        if (rc == 0)
            rc = s->delete_wanted ? -ECANCELED : ctl_unpause(d.domid);
        if (rc != 0)
            life_end(s);
    }
    s->building = false;
    waitq_wake_all(&s->changed);
    return rc;
}

void life_end(struct session *s)
{
    uint16_t domid = s->domid;
    struct channel *channel = s->channel;
    int rc;

    if (domid == SESSION_NO_DOMAIN)
        return;
    (void)ctl_destroy_step(domid); /* stops it; the rest goes once nobody maps its pages */
    s->channel = NULL;
    channel_destroy(channel);
    home_remove_vif(domid);
    blkback_destroy(s->disk);
    s->disk = NULL;
    guest_console_destroy(s->console);
    s->console = NULL;
    xenstore_release(s->store);
    s->store = NULL;
    home_remove(domid);
    do {
        rc = builder_destroy(domid, rt_now() + END_NS);
        if (rc == -EBUSY)
            audit_add("system", "", "session.end", s->id, "busy",
                      "pages of domain %u are still mapped by another domain", domid);
    } while (rc == -EBUSY);
    if (rc != 0 && rc != -ESRCH)
        rt_log("session %s: domain %u cannot be destroyed: %d\n", s->id, domid, rc);
    s->domid = SESSION_NO_DOMAIN;
    if (s->address != 0)
        home_return_address(s->address);
    s->address = 0;
}
