/* SPDX-License-Identifier: MIT */
/*
 * The bulkhead command line: a client of the /v1 API (docs/api.md) on libcurl. The server is known
 * by the pin of its public key, kept with the key in the configuration file.
 */
#ifndef BH_CLI_H
#define BH_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <curl/curl.h>
#include "cJSON.h"

#define EXIT_BULKHEAD 125 /* exec: Bulkhead itself failed; other verbs exit with 1 */

struct config {
    char url[512];
    char key[256];
    char pin[128]; /* sha256//BASE64 */
};

struct cli {
    struct config conf;
    bool json; /* print the API's own JSON */
};

/* config.c: 0 or -errno. The file is $BULKHEAD_CONFIG, else ~/.config/bulkhead/config; mode 0600.
 */
int config_load(struct config *c);
int config_save(const struct config *c);

/* http.c */
struct buffer {
    char *data; /* NUL-terminated */
    size_t len;
};

/* A handle set up for METHOD PATH with pin, key and time-outs; caller cleans up. */
CURL *http_open(const struct cli *cli, const char *method, const char *path,
                struct curl_slist **headers);
/* Runs one request with an optional JSON body. Returns the HTTP status, or -1 with a message
 * printed. */
long http_call(const struct cli *cli, const char *method, const char *path, const cJSON *body,
               struct buffer *answer);
/* Prints the problem document of a failed request. */
void http_problem(long status, const struct buffer *answer);
size_t buffer_append(char *data, size_t size, size_t n, void *buffer);
/* "/v1/sessions/ID" + rest with ID escaped; static storage, overwritten by the next call. */
const char *session_path(const char *id, const char *rest);

/* One call that must answer `want`; returns the parsed answer (empty object if no body) or NULL,
 * reported. */
cJSON *api(const struct cli *cli, const char *method, const char *path, const cJSON *body,
           long want);

const char *json_text(const cJSON *o, const char *key); /* "" when absent */
double json_number(const cJSON *o, const char *key);

/* verbs: argv[0] is the verb; the return value is the exit code */
int cmd_login(struct cli *cli, int argc, char **argv);
int cmd_status(struct cli *cli, int argc, char **argv);
int cmd_session(struct cli *cli, int argc, char **argv);
int cmd_exec(struct cli *cli, int argc, char **argv);
int cmd_cp(struct cli *cli, int argc, char **argv);
int cmd_audit(struct cli *cli, int argc, char **argv);
int cmd_power(struct cli *cli, int argc, char **argv);

#endif
