/* SPDX-License-Identifier: MIT */
/*
 * Requests of the command line. The certificate is self-signed by the appliance, so chain and name
 * say nothing: the pinned public key is what identifies it, and nothing is sent to a server without
 * it.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_S 30L

size_t buffer_append(char *data, size_t size, size_t n, void *buffer)
{
    struct buffer *b = buffer;
    char *grown = realloc(b->data, b->len + size * n + 1);

    if (!grown)
        return 0;
    b->data = grown;
    memcpy(b->data + b->len, data, size * n);
    b->len += size * n;
    b->data[b->len] = 0;
    return size * n;
}

CURL *http_open(const struct cli *cli, const char *method, const char *path,
                struct curl_slist **headers)
{
    char url[20000], auth[300];
    CURL *h = curl_easy_init();

    if (!h)
        return NULL;
    snprintf(url, sizeof(url), "%s%s", cli->conf.url, path);
    snprintf(auth, sizeof(auth), "Authorization: Bearer %s", cli->conf.key);
    *headers = curl_slist_append(*headers, auth);
    *headers = curl_slist_append(*headers, "Expect:");
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, *headers);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(h, CURLOPT_PINNEDPUBLICKEY, cli->conf.pin);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return h;
}

long http_call(const struct cli *cli, const char *method, const char *path, const cJSON *body,
               struct buffer *answer)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    char *text = body ? cJSON_PrintUnformatted(body) : NULL;
    CURL *h = http_open(cli, method, path, &headers);
    CURLcode rc = CURLE_OUT_OF_MEMORY;
    long status = -1;

    if (h) {
        if (text)
            curl_easy_setopt(h, CURLOPT_POSTFIELDS, text);
        curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, buffer_append);
        curl_easy_setopt(h, CURLOPT_WRITEDATA, answer);
        rc = curl_easy_perform(h);
        if (rc == CURLE_OK)
            curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    }
    if (rc == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
        fprintf(stderr, "bulkhead: this is not the appliance you logged in to: its public key "
                        "does not match the pin\n");
    else if (rc != CURLE_OK)
        fprintf(stderr, "bulkhead: %s: %s\n", cli->conf.url, curl_easy_strerror(rc));
    curl_easy_cleanup(h);
    curl_slist_free_all(headers);
    free(text);
    return status;
}

void http_problem(long status, const struct buffer *answer)
{
    cJSON *p = answer->data ? cJSON_Parse(answer->data) : NULL;
    const char *title = json_text(p, "title"), *detail = json_text(p, "detail");

    if (title[0])
        fprintf(stderr, "bulkhead: %s%s%s (%ld)\n", title, detail[0] ? ": " : "", detail, status);
    else
        fprintf(stderr, "bulkhead: the server answered %ld\n", status);
    cJSON_Delete(p);
}

const char *session_path(const char *id, const char *rest)
{
    static char path[16384];
    char *safe = curl_easy_escape(NULL, id, 0);

    snprintf(path, sizeof(path), "/v1/sessions/%s%s", safe ? safe : "", rest);
    curl_free(safe);
    return path;
}

cJSON *api(const struct cli *cli, const char *method, const char *path, const cJSON *body,
           long want)
{
    struct buffer answer = {0};
    long status = http_call(cli, method, path, body, &answer);
    cJSON *result = NULL;

    if (status == want)
        result = answer.len ? cJSON_Parse(answer.data) : cJSON_CreateObject();
    if (status >= 0 && status != want)
        http_problem(status, &answer);
    else if (status == want && !result)
        fprintf(stderr, "bulkhead: the server's answer is not JSON\n");
    free(answer.data);
    return result;
}

const char *json_text(const cJSON *o, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

    return cJSON_IsString(v) ? v->valuestring : "";
}

double json_number(const cJSON *o, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

    return cJSON_IsNumber(v) ? v->valuedouble : 0;
}
