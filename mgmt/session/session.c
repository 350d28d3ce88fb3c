/* SPDX-License-Identifier: MIT */
/*
 * Creating and deleting sessions: limits, admission, and waiting for the outcome.
 */
#include "internal.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <rt/rt.h>

#include "audit/audit.h"
#include "build/ctl.h"

#define MAX_VCPUS 4U
#define START_TIMEOUT_S 300U
/* Frames the hypervisor needs beside a sandbox's RAM: 4 KB tables at worst, vcpus, event channels,
 * grants; and what stays free whatever comes. */
#define OVERHEAD_FRAMES 512U
#define RESERVE_FRAMES 1024U

static bool valid_name(const char *name)
{
    for (size_t i = 0; i < SESSION_NAME_MAX; i++) {
        if (name[i] == '\0')
            return true;
        if (!isalnum((unsigned char)name[i]) && strchr("-_.", name[i]) == NULL)
            return false;
    }
    return false;
}

static int validate(struct session_spec *spec, const char **why)
{
    if (spec->memory_mb == 0)
        spec->memory_mb = SESSION_DEFAULT_MEMORY_MB;
    if (spec->vcpus == 0)
        spec->vcpus = 1;
    *why = NULL;
    if (!valid_name(spec->name))
        *why = "name: letters, digits, '-', '_' and '.', at most 63";
    else if (spec->memory_mb < SESSION_MIN_MEMORY_MB || spec->memory_mb > SESSION_MAX_MEMORY_MB)
        *why = "memory_mb: 96 to 65536";
    else if (spec->vcpus > MAX_VCPUS)
        *why = "vcpus: 1 to 4";
    else if (spec->timeout_s > 366ULL * 86400)
        *why = "timeout_s: at most a year";
    return *why == NULL ? 0 : -EINVAL;
}

static int admit(const struct session_spec *spec, const char **why)
{
    uint64_t ram = (uint64_t)spec->memory_mb * 256;
    uint64_t need = ram + ram / 512 + OVERHEAD_FRAMES + RESERVE_FRAMES + session_frames_due();
    struct bh_ctl_sysinfo sys;
    int rc;

    if (session_count() >= SESSION_MAX) {
        *why = "no room for another session";
        return -ENOSPC;
    }
    rc = ctl_sysinfo(&sys);
    if (rc != 0)
        return -EIO;
    if (sys.free_frames < need) {
        *why = "not enough free memory";
        return -ENOSPC;
    }
    return 0;
}

/* Waits until it is up or has failed; a failed one is removed. The caller holds a reference. */
static int wait_until_ready(struct session *s)
{
    int rc;

    while (s->state == SESSION_STARTING)
        (void)waitq_wait(&s->changed, WAIT_FOREVER);
    if (s->state == SESSION_READY)
        return 0;
    rc = strstr(s->reason, "in time") != NULL ? -ETIMEDOUT : -EIO;
    keeper_end(s, true);
    while (s->listed)
        (void)waitq_wait(&s->changed, WAIT_FOREVER);
    return rc;
}

int session_create(const struct session_spec *wanted, bool wait, struct session_info *out,
                   const char **why)
{
    struct session_spec spec = *wanted;
    struct session *s;
    int rc = validate(&spec, why);

    if (rc == 0)
        rc = admit(&spec, why);
    if (rc != 0)
        return rc;
    s = session_new(&spec);
    if (s == NULL)
        return -ENOSPC;
    rc = life_start(s);
    if (rc != 0) {
        rt_log("session %s: cannot be built: %d\n", s->id, rc);
        *why = rc == -ENOMEM || rc == -ENOSPC ? "not enough free memory" : "cannot be built";
        rc = rc == -ENOMEM || rc == -ENOSPC ? -ENOSPC : -EIO;
        if (!s->ending)
            session_unlist(s);
        session_put(s);
        return rc;
    }
    s->ready_deadline =
        rt_now() + rt_option_u64("session.start_timeout_s", START_TIMEOUT_S) * 1000000000ULL;
    if (wait)
        rc = wait_until_ready(s);
    if (rc == 0)
        rc = session_get(s->id, out);
    if (rc != 0)
        *why = "the sandbox did not come up";
    session_put(s);
    return rc == -ENOENT ? -EIO : rc;
}

int session_delete(const char *id)
{
    struct session *s = session_find(id);

    if (s == NULL)
        return -ENOENT;
    session_hold(s);
    keeper_end(s, true);
    while (s->listed)
        (void)waitq_wait(&s->changed, WAIT_FOREVER);
    session_put(s);
    return 0;
}

int session_init(void)
{
    int rc = images_open(&images);

    if (rc != 0)
        return rc;
    reserve_tables();
    table_init();
    /* At most half of the memory that is left may end up in streams' buffers. */
    channel_set_limit((unsigned int)(rt_pages_available() * 4096 / 2 / CHANNEL_STREAM_BYTES));
    return keeper_start();
}
