/* SPDX-License-Identifier: MIT */
/* bulkhead: finds the verb. */
#include "cli.h"

#include <string.h>

static const struct {
    const char *name;
    int (*run)(struct cli *cli, int argc, char **argv);
    const char *help;
} verbs[] = {
    {"login", cmd_login, "URL [--pin P] [--key K]     remember an appliance"},
    {"status", cmd_status, "                            the appliance at a glance"},
    {"session", cmd_session, "create|list|show|console|rm  sessions"},
    {"exec", cmd_exec, "[-i] [options] ID -- CMD…   run a command, streams live"},
    {"cp", cmd_cp, "SRC DST                     copy a file; ID:/path names the sandbox's side"},
    {"audit", cmd_audit, "[--after SEQ]               what happened"},
    {"power", cmd_power, "off|reboot                  the appliance itself"},
};

#define NR_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int usage(void)
{
    fputs("usage: bulkhead [--json] VERB …\n\n", stderr);
    for (size_t i = 0; i < NR_VERBS; i++)
        fprintf(stderr, "  %-8s %s\n", verbs[i].name, verbs[i].help);
    return 2;
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    int at = 1;

    if (at < argc && strcmp(argv[at], "--json") == 0) {
        cli.json = true;
        at++;
    }
    if (at >= argc)
        return usage();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (size_t i = 0; i < NR_VERBS; i++) {
        if (strcmp(argv[at], verbs[i].name) != 0)
            continue;
        if (verbs[i].run != cmd_login && (config_load(&cli.conf) != 0 || !cli.conf.pin[0]))
            return fputs("bulkhead: log in first: bulkhead login https://HOST\n", stderr), 2;
        return verbs[i].run(&cli, argc - at, argv + at);
    }
    return usage();
}
