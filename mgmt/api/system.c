/* SPDX-License-Identifier: MIT */
/* /v1/health, /v1/system, /v1/system/power and /v1/audit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>
#include <rt/thread.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/start.h"

#define POWER_DELAY_NS 500000000ULL /* for the answer to reach the client */
#define AUDIT_PAGE_MAX 1000U
#define AUDIT_BATCH 16U

void api_health(struct http_exchange *x, const struct route_match *m)
{
    struct json_out j;

    (void)m;
    http_json(x, 200, &j);
    json_begin_object(&j);
    json_field_string(&j, "status", "ok");
    json_end_object(&j);
}

void api_system(struct http_exchange *x, const struct route_match *m)
{
    struct sys_info s;
    struct json_out j;

    (void)m;
    if (!api_query(x, NULL, 0))
        return;
    session_sysinfo(&s);
    http_json(x, 200, &j);
    json_begin_object(&j);
    json_field_string(&j, "version", BULKHEAD_VERSION);
    json_field_unsigned(&j, "cpus", s.cpus);
    json_field_string(&j, "cpu_vendor", s.cpu_vendor);
    json_field_bool(&j, "iommu", s.iommu);
    json_field_unsigned(&j, "total_frames", s.total_frames);
    json_field_unsigned(&j, "free_frames", s.free_frames);
    json_field_unsigned(&j, "hv_frames", s.hv_frames);
    json_field_unsigned(&j, "sessions", s.sessions);
    json_field_unsigned(&j, "uptime_ms", s.uptime_ns / 1000000U);
    json_field_unsigned(&j, "ready_ns", s.boot_ns + api_ready_at);
    json_field_unsigned(&j, "mgmt_frames", s.mgmt_frames);
    json_field_unsigned(&j, "net_frames", s.net_frames);
    json_field_unsigned(&j, "mgmt_heap_bytes", s.mgmt_heap_used);
    json_field_unsigned(&j, "mgmt_pages_free", s.mgmt_pages_free);
    json_end_object(&j);
}

static void power(void *arg)
{
    thread_sleep(POWER_DELAY_NS);
    if (platform_power(arg != NULL ? 1 : 0) != 0)
        rt_log("mgmt: the hypervisor refused the power action\n");
}

void api_power(struct http_exchange *x, const struct route_match *m)
{
    static char reboot_mark;
    const char *action = NULL;
    const struct json_field fields[] = {{"action", JSON_STRING, 1, 16, &action}};
    struct json_out j;
    size_t charged;
    cJSON *body;
    bool reboot;

    (void)m;
    if (!api_query(x, NULL, 0) || (body = api_json_read(x, false, &charged)) == NULL)
        return;
    if (!api_fields(x, body, fields, 1))
        goto out;
    reboot = action != NULL && strcmp(action, "reboot") == 0;
    if (action == NULL || (!reboot && strcmp(action, "off") != 0)) {
        http_problem(x, 400, "invalid-body", "action", "action: \"off\" or \"reboot\" is expected");
        goto out;
    }
    if (thread_create(power, reboot ? &reboot_mark : NULL, "power", 0) != 0) {
        api_out_of_memory(x);
        goto out;
    }
    api_audit_add(x, "system.power", "", "ok", action);
    http_json(x, 202, &j);
    json_begin_object(&j);
    json_field_string(&j, "status", "accepted");
    json_end_object(&j);
out:
    api_json_free(body, charged);
}

/* A test's question: is anything of the dead left? Only machines booted with selftest=1 answer. */
void api_scan(struct http_exchange *x, const struct route_match *m)
{
    const char *text = NULL;
    const struct json_field fields[] = {{"pattern", JSON_STRING, 16, 16, &text}};
    uint64_t pattern = 0, found = 0;
    struct json_out j;
    size_t charged;
    cJSON *body;
    char *end;
    int rc;

    (void)m;
    if (!api_query(x, NULL, 0) || (body = api_json_read(x, false, &charged)) == NULL)
        return;
    if (!api_fields(x, body, fields, 1))
        goto out;
    if (text != NULL)
        pattern = strtoull(text, &end, 16);
    if (text == NULL || *end != '\0') {
        http_problem(x, 400, "invalid-body", "pattern",
                     "pattern: 16 hexadecimal digits are expected");
        goto out;
    }
    rc = session_scan_free(pattern, &found);
    if (rc != 0) {
        http_problem(x, rc == -EPERM ? 403 : 500, "scan", NULL,
                     "free memory is scanned only on a machine booted with selftest=1");
        goto out;
    }
    http_json(x, 200, &j);
    json_begin_object(&j);
    json_field_unsigned(&j, "found", found);
    json_end_object(&j);
out:
    api_json_free(body, charged);
}

static void write_entry(struct json_out *j, const struct audit_entry *e)
{
    json_begin_object(j);
    json_field_unsigned(j, "seq", e->seq);
    json_field_unsigned(j, "time_ms", e->time_ms);
    json_field_string(j, "actor", e->actor);
    json_field_string(j, "peer", e->peer);
    json_field_string(j, "action", e->action);
    json_field_string(j, "session", e->session);
    json_field_string(j, "outcome", e->outcome);
    json_field_string(j, "detail", e->detail);
    json_end_object(j);
}

void api_audit(struct http_exchange *x, const struct route_match *m)
{
    char after_text[24], limit_text[8];
    struct url_param params[] = {{"after", after_text, sizeof after_text, false},
                                 {"limit", limit_text, sizeof limit_text, false}};
    uint64_t after = 0, limit = 100;
    struct audit_entry *batch;
    struct json_out j;

    (void)m;
    if (!api_query(x, params, 2) || !api_query_number(x, &params[0], 0, 1ULL << 53, &after) ||
        !api_query_number(x, &params[1], 1, AUDIT_PAGE_MAX, &limit))
        return;
    batch = malloc(AUDIT_BATCH * sizeof *batch);
    if (batch == NULL) {
        api_out_of_memory(x);
        return;
    }
    http_json(x, 200, &j);
    json_begin_object(&j);
    json_name(&j, "entries");
    json_begin_array(&j);
    while (limit > 0) {
        size_t n = audit_read(after, batch, limit < AUDIT_BATCH ? (size_t)limit : AUDIT_BATCH);

        for (size_t i = 0; i < n; i++)
            write_entry(&j, &batch[i]);
        if (n == 0)
            break;
        after = batch[n - 1].seq;
        limit -= n;
    }
    json_end_array(&j);
    json_field_unsigned(&j, "next", after);
    json_end_object(&j);
    free(batch);
}
