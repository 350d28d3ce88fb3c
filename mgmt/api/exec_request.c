/* SPDX-License-Identifier: MIT */
/* Turns the JSON of an exec request into the session layer's exec_spec. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/exec.h"
#include "http/text.h"

struct parsed {
    const cJSON *argv, *env;
    const char *shell, *stdin_text, *stdin_base64, *cwd, *user;
    uint64_t timeout_ms;
    bool stream, stream_given, interactive;
};

static bool parse(struct http_exchange *x, const cJSON *body, struct parsed *p)
{
    const struct json_field fields[] = {
        {"argv", JSON_STRINGS, 1, EXEC_MAX_ARGS, &p->argv},
        {"shell", JSON_STRING, 1, EXEC_MAX_BYTES, &p->shell},
        {"stdin", JSON_STRING, 0, API_JSON_MAX, &p->stdin_text},
        {"stdin_base64", JSON_STRING, 0, API_JSON_MAX, &p->stdin_base64},
        {"env", JSON_MAP, 0, EXEC_MAX_ARGS, &p->env},
        {"cwd", JSON_STRING, 1, FILE_PATH_MAX - 1, &p->cwd},
        {"user", JSON_STRING, 1, 32, &p->user},
        {"timeout_ms", JSON_COUNT, 1, UINT32_MAX, &p->timeout_ms},
        {"stream", JSON_FLAG, 0, 0, &p->stream},
        {"interactive", JSON_FLAG, 0, 0, &p->interactive},
    };
    const char *field = NULL, *detail = NULL;

    if (!api_fields(x, body, fields, sizeof fields / sizeof fields[0]))
        return false;
    p->stream_given = cJSON_GetObjectItemCaseSensitive(body, "stream") != NULL;
    if ((p->argv == NULL) == (p->shell == NULL)) {
        field = "argv";
        detail = "either argv or shell is needed";
    } else if (p->stdin_text != NULL && p->stdin_base64 != NULL) {
        field = "stdin_base64";
        detail = "stdin is given already";
    } else if (p->interactive && (p->stdin_text != NULL || p->stdin_base64 != NULL)) {
        field = "interactive";
        detail = "an interactive command gets its stdin by …/stdin";
    } else if (p->cwd != NULL && p->cwd[0] != '/') {
        field = "cwd";
        detail = "the path must be absolute";
    } else if (p->argv != NULL && p->argv->child->valuestring[0] == '\0') {
        field = "argv";
        detail = "the program's name is empty";
    }
    if (field != NULL)
        http_problem(x, 400, "invalid-body", field, "%s: %s", field, detail);
    return field == NULL;
}

static bool make_argv(struct exec_request *r, const struct parsed *p)
{
    size_t n = p->shell != NULL ? 3 : (size_t)cJSON_GetArraySize(p->argv), i = 0;
    const cJSON *item;

    r->argv = malloc(n * sizeof *r->argv);
    if (r->argv == NULL)
        return false;
    if (p->shell != NULL) {
        r->argv[i++] = "/bin/sh";
        r->argv[i++] = "-c";
        r->argv[i++] = p->shell;
        snprintf(r->summary, sizeof r->summary, "%s", p->shell);
    } else {
        size_t used = 0;

        cJSON_ArrayForEach(item, p->argv)
        {
            r->argv[i++] = item->valuestring;
            if (used < sizeof r->summary)
                used += (size_t)snprintf(r->summary + used, sizeof r->summary - used, "%s%s",
                                         used > 0 ? " " : "", item->valuestring);
        }
    }
    r->spec.argv = r->argv;
    r->spec.argc = n;
    return true;
}

static bool make_env(struct exec_request *r, const cJSON *env)
{
    size_t n = env != NULL ? (size_t)cJSON_GetArraySize(env) : 0, bytes = 0, i = 0;
    const cJSON *item;
    char *at;

    if (n == 0)
        return true;
    cJSON_ArrayForEach(item, env) bytes += strlen(item->string) + strlen(item->valuestring) + 2;
    r->env = malloc(n * sizeof *r->env);
    r->env_text = at = malloc(bytes);
    if (r->env == NULL || at == NULL)
        return false;
    cJSON_ArrayForEach(item, env)
    {
        r->env[i++] = at;
        at += sprintf(at, "%s=%s", item->string, item->valuestring) + 1;
    }
    r->spec.env = r->env;
    r->spec.envc = n;
    return true;
}

/* 0, -ENOMEM, -EINVAL (not base64). */
static int make_stdin(struct exec_request *r, const struct parsed *p)
{
    const char *text = p->stdin_text != NULL ? p->stdin_text : p->stdin_base64;
    size_t len = text != NULL ? strlen(text) : 0;
    long n = (long)len;

    if (text == NULL)
        return 0;
    r->spec.with_stdin = true;
    r->stdin_data = malloc(len + 1);
    if (r->stdin_data == NULL)
        return -ENOMEM;
    if (p->stdin_text != NULL)
        memcpy(r->stdin_data, text, len);
    else
        n = base64_decode(text, len, r->stdin_data);
    if (n < 0)
        return -EINVAL;
    r->stdin_len = (size_t)n;
    return 0;
}

static bool build(struct http_exchange *x, struct exec_request *r, const struct parsed *p)
{
    int rc = make_stdin(r, p);

    if (rc == -EINVAL) {
        http_problem(x, 400, "invalid-body", "stdin_base64", "stdin_base64: not base64");
        return false;
    }
    if (rc != 0 || !make_argv(r, p) || !make_env(r, p->env)) {
        api_out_of_memory(x);
        return false;
    }
    r->spec.cwd = p->cwd;
    r->spec.user = p->user;
    r->spec.timeout_ms = (uint32_t)p->timeout_ms;
    r->interactive = p->interactive;
    if (p->interactive)
        r->spec.with_stdin = true;
    r->stream = p->stream;
    if (!p->stream_given)
        r->stream = p->interactive ||
                    http_list_has(http_request_header(&x->request, "accept"), "text/event-stream");
    if (p->interactive && !r->stream) {
        http_problem(x, 400, "invalid-body", "interactive",
                     "interactive: the output of an interactive command is a stream");
        return false;
    }
    return true;
}

bool exec_request_read(struct http_exchange *x, struct exec_request *r)
{
    struct parsed p = {0};

    *r = (struct exec_request){.stream = false};
    r->body = api_json_read(x, false, &r->charged);
    if (r->body == NULL)
        return false;
    if (parse(x, r->body, &p) && build(x, r, &p))
        return true;
    exec_request_free(r);
    return false;
}

void exec_request_free(struct exec_request *r)
{
    if (r->body != NULL)
        api_json_free(r->body, r->charged);
    free(r->argv);
    free(r->env);
    free(r->env_text);
    free(r->stdin_data);
    *r = (struct exec_request){.stream = false};
}
