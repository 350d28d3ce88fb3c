/* SPDX-License-Identifier: MIT */
/* status, session create|list|show|rm|console, audit, power. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int print_json(cJSON *o)
{
    char *text = cJSON_Print(o);

    puts(text ? text : "{}");
    free(text);
    cJSON_Delete(o);
    return 0;
}

static double mib(const cJSON *o, const char *key)
{
    return json_number(o, key) * 4096 / (1 << 20);
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
    cJSON *s;

    (void)argv;
    if (argc != 1)
        return fputs("usage: bulkhead status\n", stderr), 2;
    s = api(cli, "GET", "/v1/system", NULL, 200);
    if (!s)
        return 1;
    if (cli->json)
        return print_json(s);
    printf("Bulkhead %s on %.0f CPUs (%s), up %.0f s\n", json_text(s, "version"),
           json_number(s, "cpus"), json_text(s, "cpu_vendor"), json_number(s, "uptime_ms") / 1000);
    printf("memory    %.0f MB free of %.0f MB, hypervisor %.1f MB\n", mib(s, "free_frames"),
           mib(s, "total_frames"), mib(s, "hv_frames"));
    printf("sessions  %.0f\n", json_number(s, "sessions"));
    printf("DMA       %s\n", cJSON_IsTrue(cJSON_GetObjectItem(s, "iommu")) ? "confined by the IOMMU"
                                                                           : "not confined");
    cJSON_Delete(s);
    return 0;
}

static void session_usage(void)
{
    fputs("usage: bulkhead session create [--name N] [--memory MB] [--vcpus N] [--timeout S] "
          "[--no-wait]\n"
          "       bulkhead session list\n"
          "       bulkhead session show|console ID\n"
          "       bulkhead session rm ID...\n",
          stderr);
}

static bool add_number(cJSON *body, const char *key, const char *text)
{
    char *end;
    double v = strtod(text, &end);

    return *text && !*end && cJSON_AddNumberToObject(body, key, v);
}

static cJSON *create_body(int argc, char **argv)
{
    cJSON *body = cJSON_CreateObject();
    bool ok = true;

    for (int i = 1; i < argc && ok; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--no-wait") == 0) {
            cJSON_AddFalseToObject(body, "wait");
            continue;
        }
        i++;
        if (!value)
            ok = false;
        else if (strcmp(argv[i - 1], "--name") == 0)
            cJSON_AddStringToObject(body, "name", value);
        else if (strcmp(argv[i - 1], "--memory") == 0)
            ok = add_number(body, "memory_mb", value);
        else if (strcmp(argv[i - 1], "--vcpus") == 0)
            ok = add_number(body, "vcpus", value);
        else if (strcmp(argv[i - 1], "--timeout") == 0)
            ok = add_number(body, "timeout_s", value);
        else
            ok = false;
    }
    if (!ok) {
        cJSON_Delete(body);
        return NULL;
    }
    return body;
}

static int session_create(struct cli *cli, int argc, char **argv)
{
    cJSON *body = create_body(argc, argv), *s;

    if (!body)
        return session_usage(), 2;
    s = api(cli, "POST", "/v1/sessions", body, 201);
    cJSON_Delete(body);
    if (!s)
        return 1;
    if (cli->json)
        return print_json(s);
    puts(json_text(s, "id"));
    cJSON_Delete(s);
    return 0;
}

static void print_session(const cJSON *s)
{
    printf("%-20s  %-9s  %6.0f MB  %2.0f vcpu  %-15s  %8.2f s  %s %s\n", json_text(s, "id"),
           json_text(s, "state"), json_number(s, "memory_mb"), json_number(s, "vcpus"),
           json_text(s, "address"), json_number(s, "cpu_ms") / 1000, json_text(s, "name"),
           json_text(s, "reason"));
}

static int session_list(struct cli *cli)
{
    char path[128] = "/v1/sessions?limit=100", next[64];
    cJSON *page, *s, *all = cJSON_CreateArray();

    do {
        page = api(cli, "GET", path, NULL, 200);
        if (!page) {
            cJSON_Delete(all);
            return 1;
        }
        cJSON *list = cJSON_DetachItemFromObject(page, "sessions");

        while (list && list->child)
            cJSON_AddItemToArray(all, cJSON_DetachItemFromArray(list, 0));
        cJSON_Delete(list);
        snprintf(next, sizeof(next), "%s", json_text(page, "next"));
        snprintf(path, sizeof(path), "/v1/sessions?limit=100&after=%s", next);
        cJSON_Delete(page);
    } while (next[0]);
    if (cli->json)
        return print_json(all);
    if (all->child)
        puts("ID                    STATE          MEMORY  VCPUS   ADDRESS             CPU TIME  "
             "NAME");
    cJSON_ArrayForEach(s, all) print_session(s);
    cJSON_Delete(all);
    return 0;
}

static int session_show(struct cli *cli, const char *id)
{
    cJSON *s = api(cli, "GET", session_path(id, ""), NULL, 200);

    return s ? print_json(s) : 1;
}

static int session_console(struct cli *cli, const char *id)
{
    struct buffer text = {0};
    long status = http_call(cli, "GET", session_path(id, "/console"), NULL, &text);

    if (status == 200)
        fwrite(text.data ? text.data : "", 1, text.len, stdout);
    else if (status >= 0)
        http_problem(status, &text);
    free(text.data);
    return status == 200 ? 0 : 1;
}

static int session_rm(struct cli *cli, int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        cJSON *s = api(cli, "DELETE", session_path(argv[i], ""), NULL, 204);

        failed |= !s;
        cJSON_Delete(s);
    }
    return failed;
}

int cmd_session(struct cli *cli, int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (strcmp(verb, "create") == 0)
        return session_create(cli, argc - 1, argv + 1);
    if (strcmp(verb, "list") == 0 && argc == 2)
        return session_list(cli);
    if (strcmp(verb, "show") == 0 && argc == 3)
        return session_show(cli, argv[2]);
    if (strcmp(verb, "console") == 0 && argc == 3)
        return session_console(cli, argv[2]);
    if (strcmp(verb, "rm") == 0 && argc >= 3)
        return session_rm(cli, argc - 1, argv + 1);
    session_usage();
    return 2;
}

static void print_entry(const cJSON *e)
{
    double ms = json_number(e, "time_ms");
    time_t when = (time_t)(ms / 1000);
    char stamp[32];
    struct tm tm;

    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", gmtime_r(&when, &tm));
    printf("%5.0f  %s.%03dZ  %-8s  %-16s  %-20s  %-6s  %s\n", json_number(e, "seq"), stamp,
           (int)((long long)ms % 1000), json_text(e, "actor"), json_text(e, "action"),
           json_text(e, "session"), json_text(e, "outcome"), json_text(e, "detail"));
}

int cmd_audit(struct cli *cli, int argc, char **argv)
{
    double after = 0, n = 0;
    char path[96];

    if (argc == 3 && strcmp(argv[1], "--after") == 0)
        after = strtod(argv[2], NULL);
    else if (argc != 1)
        return fputs("usage: bulkhead audit [--after SEQ]\n", stderr), 2;
    do {
        snprintf(path, sizeof(path), "/v1/audit?after=%.0f&limit=100", after);
        cJSON *page = api(cli, "GET", path, NULL, 200), *list, *e;

        if (!page)
            return 1;
        list = cJSON_GetObjectItem(page, "entries");
        n = cJSON_GetArraySize(list);
        cJSON_ArrayForEach(e, list)
        {
            char *line = cli->json ? cJSON_PrintUnformatted(e) : NULL;

            after = json_number(e, "seq");
            if (line)
                puts(line);
            else
                print_entry(e);
            free(line);
        }
        cJSON_Delete(page);
    } while (n > 0);
    return 0;
}

int cmd_power(struct cli *cli, int argc, char **argv)
{
    cJSON *body, *done;

    if (argc != 2 || (strcmp(argv[1], "off") != 0 && strcmp(argv[1], "reboot") != 0))
        return fputs("usage: bulkhead power off|reboot\n", stderr), 2;
    body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "action", argv[1]);
    done = api(cli, "POST", "/v1/system/power", body, 202);
    cJSON_Delete(body);
    cJSON_Delete(done);
    return done ? 0 : 1;
}
