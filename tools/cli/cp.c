/* SPDX-License-Identifier: MIT */
/* cp: one file up or down, streamed. ID:/path names the sandbox's side, "-" is stdin or stdout. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct transfer {
    CURL *h;
    FILE *file;
    struct buffer problem;
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    long status = 0;

    curl_easy_getinfo(t->h, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 || !t->file)
        return buffer_append(data, size, n, &t->problem);
    return fwrite(data, size, n, t->file) * size;
}

static int finish(struct cli *cli, struct transfer *t, struct curl_slist *headers, long want)
{
    CURLcode rc = curl_easy_perform(t->h);
    long status = 0;
    int failed = 1;

    curl_easy_getinfo(t->h, CURLINFO_RESPONSE_CODE, &status);
    if (rc != CURLE_OK && status < 400)
        fprintf(stderr, "bulkhead: %s: %s\n", cli->conf.url, curl_easy_strerror(rc));
    else if (status != want)
        http_problem(status, &t->problem);
    else
        failed = 0;
    curl_easy_cleanup(t->h);
    curl_slist_free_all(headers);
    free(t->problem.data);
    return failed;
}

static const char *files_path(const char *id, const char *remote, const char *more)
{
    static char path[16384];
    char *safe = curl_easy_escape(NULL, remote, 0);
    char rest[13000];

    snprintf(rest, sizeof(rest), "/files?path=%s%s", safe ? safe : "", more);
    curl_free(safe);
    snprintf(path, sizeof(path), "%s", session_path(id, rest));
    return path;
}

static int download(struct cli *cli, const char *id, const char *remote, const char *local)
{
    struct transfer t = {0};
    struct curl_slist *headers = NULL;
    bool to_stdout = strcmp(local, "-") == 0;
    char temp[4200];
    int failed;

    snprintf(temp, sizeof(temp), "%s.part", local);
    t.file = to_stdout ? stdout : fopen(temp, "wbe");
    if (!t.file)
        return fprintf(stderr, "bulkhead: %s: %s\n", temp, strerror(errno)), 1;
    t.h = http_open(cli, "GET", files_path(id, remote, ""), &headers);
    curl_easy_setopt(t.h, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t.h, CURLOPT_WRITEDATA, &t);
    failed = finish(cli, &t, headers, 200);
    if (to_stdout)
        return failed | (fflush(stdout) != 0);
    if (fclose(t.file) != 0 || failed || rename(temp, local) != 0) {
        if (!failed)
            fprintf(stderr, "bulkhead: %s: %s\n", local, strerror(errno));
        unlink(temp);
        return 1;
    }
    return 0;
}

static int upload(struct cli *cli, const char *local, const char *id, const char *remote)
{
    struct transfer t = {0};
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");
    bool from_stdin = strcmp(local, "-") == 0;
    FILE *f = from_stdin ? stdin : fopen(local, "rbe");
    char more[64] = "&mode=0644";
    struct stat st;
    int failed;

    if (!f || fstat(fileno(f), &st) != 0 || S_ISDIR(st.st_mode)) {
        fprintf(stderr, "bulkhead: %s: %s\n", local, f ? "not a file" : strerror(errno));
        curl_slist_free_all(headers);
        return 1;
    }
    if (S_ISREG(st.st_mode))
        snprintf(more, sizeof(more), "&mode=%04o", (unsigned int)(st.st_mode & 07777));
    t.h = http_open(cli, "PUT", files_path(id, remote, more), &headers);
    curl_easy_setopt(t.h, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(t.h, CURLOPT_READDATA, f);
    if (S_ISREG(st.st_mode))
        curl_easy_setopt(t.h, CURLOPT_INFILESIZE_LARGE, (curl_off_t)st.st_size);
    curl_easy_setopt(t.h, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t.h, CURLOPT_WRITEDATA, &t);
    failed = finish(cli, &t, headers, 204);
    if (!from_stdin)
        fclose(f);
    return failed;
}

/* "ID:/path": the colon before any slash, as scp has it. Splits in place. */
static char *remote_part(char *arg)
{
    char *colon = strchr(arg, ':'), *slash = strchr(arg, '/');

    if (!colon || (slash && slash < colon))
        return NULL;
    *colon = 0;
    return colon + 1;
}

int cmd_cp(struct cli *cli, int argc, char **argv)
{
    char *from = argc == 3 ? remote_part(argv[1]) : NULL;
    char *to = argc == 3 ? remote_part(argv[2]) : NULL;

    if (!from == !to)
        return fputs("usage: bulkhead cp LOCAL ID:/PATH\n       bulkhead cp ID:/PATH LOCAL\n",
                     stderr),
               2;
    return from ? download(cli, argv[1], from, argv[2]) : upload(cli, argv[1], argv[2], to);
}
