/* SPDX-License-Identifier: MIT */
/*
 * exec: runs a command in a session. Output comes as server-sent events and goes to the like-named
 * stream as it arrives; stdin goes up in a second request while the first runs; the exit code is
 * passed on.
 */
#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run {
    struct cli *cli;
    const char *session;
    CURL *out, *in; /* the event stream; the stdin upload, NULL before its start */
    CURLM *multi;
    struct curl_slist *in_headers;
    struct buffer line;    /* bytes of the event stream not yet parsed */
    struct buffer problem; /* body of an answer that is not 200 */
    char event[32];
    char exec_id[64];
    bool interactive, stdin_ready, stdin_paused, stdin_over;
    int code; /* exit code, -1 until known */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
    (void)sig;
    interrupted++;
}

/* ---- events ---- */

static int base64_value(char c)
{
    const char *set = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(set, c) : NULL;

    return at ? (int)(at - set) : -1;
}

static void write_base64(FILE *f, const char *text)
{
    unsigned int bits = 0, have = 0;

    for (; *text && *text != '='; text++) {
        int v = base64_value(*text);

        if (v < 0)
            return;
        bits = bits << 6 | (unsigned int)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            fputc((int)(bits >> have & 0xff), f);
        }
    }
}

static void show_output(FILE *f, const cJSON *e)
{
    const cJSON *plain = cJSON_GetObjectItemCaseSensitive(e, "data");

    if (cJSON_IsString(plain))
        fputs(plain->valuestring, f);
    else
        write_base64(f, json_text(e, "base64"));
    fflush(f);
}

static void take_exit(struct run *r, const cJSON *e)
{
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(e, "exit_code");
    const cJSON *sig = cJSON_GetObjectItemCaseSensitive(e, "signal");

    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(e, "timed_out"))) {
        fprintf(stderr, "bulkhead: timed out\n");
        r->code = 124;
    } else if (cJSON_IsNumber(code)) {
        r->code = code->valueint;
    } else if (cJSON_IsNumber(sig)) {
        r->code = 128 + sig->valueint;
    } else {
        fprintf(stderr, "bulkhead: %s\n",
                json_text(e, "error")[0] ? json_text(e, "error") : "the command could not be run");
        r->code = EXIT_BULKHEAD;
    }
}

static void take_event(struct run *r, const char *data)
{
    cJSON *e = cJSON_Parse(data);

    if (r->cli->json && e)
        printf("{\"event\":\"%s\",\"data\":%s}\n", r->event, data);
    if (strcmp(r->event, "start") == 0)
        snprintf(r->exec_id, sizeof(r->exec_id), "%s", json_text(e, "exec_id"));
    else if (strcmp(r->event, "exit") == 0)
        take_exit(r, e);
    else if (!r->cli->json && strcmp(r->event, "stdout") == 0)
        show_output(stdout, e);
    else if (!r->cli->json && strcmp(r->event, "stderr") == 0)
        show_output(stderr, e);
    cJSON_Delete(e);
}

static void take_line(struct run *r, char *line)
{
    if (strncmp(line, "event: ", 7) == 0)
        snprintf(r->event, sizeof(r->event), "%s", line + 7);
    else if (strncmp(line, "data: ", 6) == 0)
        take_event(r, line + 6);
}

static size_t on_stream(char *data, size_t size, size_t n, void *arg)
{
    struct run *r = arg;
    long status = 0;
    char *start, *end;

    curl_easy_getinfo(r->out, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return buffer_append(data, size, n, &r->problem);
    if (buffer_append(data, size, n, &r->line) != size * n)
        return 0;
    start = r->line.data;
    while ((end = memchr(start, '\n', r->line.len - (size_t)(start - r->line.data)))) {
        *end = 0;
        take_line(r, start);
        start = end + 1;
    }
    r->line.len -= (size_t)(start - r->line.data);
    memmove(r->line.data, start, r->line.len);
    return size * n;
}

/* ---- stdin ---- */

static size_t on_stdin_wanted(char *buf, size_t size, size_t n, void *arg)
{
    struct run *r = arg;
    ssize_t got;

    if (!r->stdin_ready) {
        r->stdin_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    r->stdin_ready = false;
    got = read(0, buf, size * n);
    return got > 0 ? (size_t)got : 0;
}

static size_t discard(char *data, size_t size, size_t n, void *arg)
{
    (void)data;
    (void)arg;
    return size * n;
}

static void start_stdin(struct run *r)
{
    char rest[128];

    snprintf(rest, sizeof(rest), "/execs/%s/stdin?eof=1", r->exec_id);
    r->in_headers = curl_slist_append(NULL, "Transfer-Encoding: chunked");
    r->in_headers = curl_slist_append(r->in_headers, "Content-Type: application/octet-stream");
    r->in = http_open(r->cli, "POST", session_path(r->session, rest), &r->in_headers);
    if (!r->in)
        return;
    curl_easy_setopt(r->in, CURLOPT_POST, 1L);
    curl_easy_setopt(r->in, CURLOPT_CUSTOMREQUEST, "POST");
    curl_easy_setopt(r->in, CURLOPT_READFUNCTION, on_stdin_wanted);
    curl_easy_setopt(r->in, CURLOPT_READDATA, r);
    curl_easy_setopt(r->in, CURLOPT_WRITEFUNCTION, discard);
    curl_multi_add_handle(r->multi, r->in);
}

static void send_signal(struct run *r, const char *name)
{
    char rest[128];
    cJSON *body = cJSON_CreateObject();
    struct buffer answer = {0};

    cJSON_AddStringToObject(body, "signal", name);
    snprintf(rest, sizeof(rest), "/execs/%s/signal", r->exec_id);
    http_call(r->cli, "POST", session_path(r->session, rest), body, &answer);
    free(answer.data);
    cJSON_Delete(body);
}

/* ---- the run ---- */

static void one_round(struct run *r)
{
    struct curl_waitfd extra = {.fd = 0, .events = CURL_WAIT_POLLIN};
    bool watch = r->in && r->stdin_paused;
    struct pollfd p = {.fd = 0, .events = POLLIN};

    curl_multi_poll(r->multi, &extra, watch ? 1 : 0, 1000, NULL);
    if (watch && poll(&p, 1, 0) > 0) {
        r->stdin_paused = false;
        r->stdin_ready = true;
        curl_easy_pause(r->in, CURLPAUSE_CONT);
    }
    if (interrupted == 1 && r->exec_id[0]) {
        interrupted = 2;
        send_signal(r, "INT");
    }
    if (r->interactive && !r->in && r->exec_id[0])
        start_stdin(r);
}

static CURLcode run_streams(struct run *r)
{
    CURLcode result = CURLE_OK;
    bool over = false;
    int running;

    while (!over && interrupted < 3) {
        CURLMsg *m;
        int left;

        curl_multi_perform(r->multi, &running);
        while ((m = curl_multi_info_read(r->multi, &left))) {
            if (m->msg == CURLMSG_DONE && m->easy_handle == r->out) {
                result = m->data.result;
                over = true;
            }
        }
        if (!over)
            one_round(r);
    }
    return result;
}

static int run_exec(struct cli *cli, const char *session, const cJSON *body, bool interactive)
{
    struct run r = {.cli = cli, .session = session, .code = -1, .interactive = interactive};
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    struct sigaction sa = {.sa_handler = on_interrupt};
    char *text = cJSON_PrintUnformatted(body);
    long status = 0;
    CURLcode rc;

    sigaction(SIGINT, &sa, NULL);
    headers = curl_slist_append(headers, "Accept: text/event-stream");
    r.out = http_open(cli, "POST", session_path(session, "/exec"), &headers);
    r.multi = curl_multi_init();
    curl_easy_setopt(r.out, CURLOPT_POSTFIELDS, text);
    curl_easy_setopt(r.out, CURLOPT_WRITEFUNCTION, on_stream);
    curl_easy_setopt(r.out, CURLOPT_WRITEDATA, &r);
    curl_multi_add_handle(r.multi, r.out);
    rc = run_streams(&r);
    curl_easy_getinfo(r.out, CURLINFO_RESPONSE_CODE, &status);
    if (rc == CURLE_OK && status != 200)
        http_problem(status, &r.problem);
    else if (rc != CURLE_OK || r.code < 0)
        fprintf(stderr, "bulkhead: the stream broke: %s\n", curl_easy_strerror(rc));
    curl_multi_remove_handle(r.multi, r.out);
    if (r.in)
        curl_multi_remove_handle(r.multi, r.in);
    curl_easy_cleanup(r.in);
    curl_easy_cleanup(r.out);
    curl_multi_cleanup(r.multi);
    curl_slist_free_all(headers);
    curl_slist_free_all(r.in_headers);
    free(r.line.data);
    free(r.problem.data);
    free(text);
    return r.code < 0 ? EXIT_BULKHEAD : r.code;
}

static int usage(void)
{
    fputs(
        "usage: bulkhead exec [-i] [--env K=V]... [--cwd DIR] [--user NAME] [--timeout S] ID -- "
        "CMD ARG...\n"
        "       bulkhead exec [options] ID -c 'SHELL LINE'\n"
        "-i sends this program's stdin. The exit code is the command's; 128+N after signal N, 124\n"
        "after a time-out, 125 when Bulkhead could not run it.\n",
        stderr);
    return 2;
}

static bool option(cJSON *body, const char *name, char *value)
{
    char *eq = strchr(value, '=');

    if (strcmp(name, "--cwd") == 0)
        return cJSON_AddStringToObject(body, "cwd", value);
    if (strcmp(name, "--user") == 0)
        return cJSON_AddStringToObject(body, "user", value);
    if (strcmp(name, "--timeout") == 0)
        return cJSON_AddNumberToObject(body, "timeout_ms", strtod(value, NULL) * 1000);
    if (strcmp(name, "--env") == 0 && eq) {
        cJSON *env = cJSON_GetObjectItem(body, "env");

        if (!env)
            env = cJSON_AddObjectToObject(body, "env");
        *eq = 0;
        cJSON_DeleteItemFromObjectCaseSensitive(env, value);
        return cJSON_AddStringToObject(env, value, eq + 1);
    }
    return false;
}

int cmd_exec(struct cli *cli, int argc, char **argv)
{
    cJSON *body = cJSON_CreateObject(), *list;
    bool interactive = false;
    int i = 1, rc = 2;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "-i") == 0)
            interactive = true;
        else if (i + 1 >= argc || !option(body, argv[i], argv[i + 1]))
            goto bad;
        else
            i++;
    }
    if (i + 2 >= argc)
        goto bad;
    cJSON_AddTrueToObject(body, "stream");
    if (interactive)
        cJSON_AddTrueToObject(body, "interactive");
    if (strcmp(argv[i + 1], "-c") == 0 && i + 3 == argc) {
        cJSON_AddStringToObject(body, "shell", argv[i + 2]);
    } else if (strcmp(argv[i + 1], "--") == 0) {
        list = cJSON_AddArrayToObject(body, "argv");
        for (int a = i + 2; a < argc; a++)
            cJSON_AddItemToArray(list, cJSON_CreateString(argv[a]));
    } else {
        goto bad;
    }
    rc = run_exec(cli, argv[i], body, interactive);
    cJSON_Delete(body);
    return rc;
bad:
    cJSON_Delete(body);
    return usage();
}
