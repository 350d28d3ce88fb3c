/* SPDX-License-Identifier: MIT */
/*
 * The table of sessions in order of creation, and the calls of session.h that only look.
 */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>

#include "build/ctl.h"
#include "home.h"

static struct session *first, **last = &first;
static unsigned int count;
static uint64_t pages_at_start; /* free when sessions began: what is missing is in use */

void table_init(void)
{
    pages_at_start = rt_pages_available();
}

struct session *session_first(void)
{
    return first;
}

unsigned int session_count(void)
{
    return count;
}

struct session *session_find(const char *id)
{
    struct session *s = first;

    while (s != NULL && strcmp(s->id, id) != 0)
        s = s->next;
    return s;
}

static void make_id(char id[SESSION_ID_LEN])
{
    uint64_t n;

    do {
        rt_random(&n, sizeof(n));
        snprintf(id, SESSION_ID_LEN, "s-%016llx", (unsigned long long)n);
    } while (session_find(id) != NULL);
}

struct session *session_new(const struct session_spec *spec)
{
    struct session *s = calloc(1, sizeof(*s));
    uint64_t now = rt_now();

    if (s == NULL)
        return NULL;
    make_id(s->id);
    snprintf(s->name, sizeof(s->name), "%s", spec->name);
    s->refs = 2; /* the table's and the caller's */
    s->listed = true;
    s->state = SESSION_STARTING;
    s->memory_mb = spec->memory_mb;
    s->vcpus = spec->vcpus;
    s->domid = SESSION_NO_DOMAIN;
    s->frames_due = (uint64_t)spec->memory_mb * 256;
    s->created_ns = now;
    s->created_ms = rt_wallclock() / 1000000;
    if (spec->timeout_s > 0) {
        s->expires_ns = now + spec->timeout_s * 1000000000ULL;
        s->expires_ms = s->created_ms + spec->timeout_s * 1000;
    }
    *last = s;
    last = &s->next;
    count++;
    return s;
}

void session_hold(struct session *s)
{
    s->refs++;
}

void session_put(struct session *s)
{
    if (--s->refs == 0)
        free(s);
}

void session_unlist(struct session *s)
{
    struct session **link = &first;

    if (!s->listed)
        return;
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    if (last == &s->next)
        last = link;
    s->next = NULL;
    s->listed = false;
    count--;
    waitq_wake_all(&s->changed);
    session_put(s);
}

void session_set_state(struct session *s, enum session_state state, const char *fmt, ...)
{
    va_list args;

    s->state = state;
    va_start(args, fmt);
    vsnprintf(s->reason, sizeof(s->reason), fmt, args);
    va_end(args);
    waitq_wake_all(&s->changed);
}

uint64_t session_frames_due(void)
{
    uint64_t sum = 0;

    for (const struct session *s = first; s != NULL; s = s->next)
        sum += s->frames_due;
    return sum;
}

int session_ready(const char *id, struct session **out)
{
    struct session *s = session_find(id);

    if (s == NULL)
        return -ENOENT;
    if (s->state != SESSION_READY || s->channel == NULL)
        return -EAGAIN;
    *out = s;
    return 0;
}

static void fill_info(const struct session *s, struct session_info *out)
{
    struct bh_ctl_info info;

    memset(out, 0, sizeof(*out));
    memcpy(out->id, s->id, sizeof(out->id));
    memcpy(out->name, s->name, sizeof(out->name));
    memcpy(out->reason, s->reason, sizeof(out->reason));
    out->state = s->state;
    out->memory_mb = s->memory_mb;
    out->vcpus = s->vcpus;
    out->created_ms = s->created_ms;
    out->ready_ns = s->ready_ns;
    out->expires_ms = s->expires_ms;
    if (s->address != 0)
        home_format_address(s->address, out->address);
    if (s->domid != SESSION_NO_DOMAIN && ctl_getinfo(s->domid, &info) == 0) {
        out->memory_frames = info.ram_frames;
        out->overhead_frames = info.table_frames + info.struct_frames;
        out->cpu_ns = info.cpu_ns;
    }
}

int session_get(const char *id, struct session_info *out)
{
    const struct session *s = session_find(id);

    if (s == NULL)
        return -ENOENT;
    fill_info(s, out);
    return 0;
}

size_t session_list(size_t from, struct session_info *out, size_t n)
{
    size_t done = 0;

    for (const struct session *s = first; s != NULL && done < n; s = s->next) {
        if (from > 0)
            from--;
        else
            fill_info(s, &out[done++]);
    }
    return done;
}

long session_console(const char *id, char *buf, size_t len)
{
    const struct session *s = session_find(id);

    return s == NULL ? -ENOENT : (long)console_log_tail(&s->log, buf, len);
}

static uint64_t domain_frames(uint16_t domid, struct bh_ctl_info *info)
{
    if (ctl_getinfo(domid, info) != 0)
        return 0;
    return info->ram_frames + info->table_frames + info->struct_frames;
}

int session_scan_free(uint64_t pattern, uint64_t *found)
{
    return ctl_scan_free(pattern, found);
}

void session_sysinfo(struct sys_info *out)
{
    struct bh_ctl_sysinfo sys;
    struct bh_ctl_info info;

    memset(out, 0, sizeof(*out));
    out->cpu_vendor = "unknown";
    out->sessions = count;
    out->uptime_ns = rt_now();
    out->mgmt_pages_free = rt_pages_available();
    if (pages_at_start > out->mgmt_pages_free)
        out->mgmt_heap_used = (pages_at_start - out->mgmt_pages_free) * 4096;
    if (ctl_sysinfo(&sys) != 0)
        return;
    out->total_frames = sys.total_frames;
    out->free_frames = sys.free_frames;
    out->hv_frames = sys.hv_frames;
    out->cpus = sys.nr_cpus;
    out->cpu_vendor = sys.vendor == 1 ? "vt-x" : "amd-v";
    out->iommu = sys.iommu != 0;
    out->net_frames = domain_frames(BH_DOMID_NET, &info);
    out->mgmt_frames = domain_frames(BH_DOMID_MGMT, &info);
    if (out->mgmt_frames != 0 && sys.tsc_khz != 0)
        out->boot_ns = (info.first_run_tsc - sys.tsc_at_entry) * 1000 / sys.tsc_khz * 1000;
}
