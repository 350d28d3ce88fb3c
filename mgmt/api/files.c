/* SPDX-License-Identifier: MIT */
/*
 * Files of a session, streamed both ways through one buffer of a fixed size: a slow client holds
 * back the sandbox and the other way round, and mgmt's memory does not depend on the file's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>

#include "api/handlers.h"
#include "http/date.h"

#define PIECE 16384U
#define FILE_NS (60ULL * 1000000000ULL) /* for the sandbox, each piece */

struct file_query {
    char path[FILE_PATH_MAX];
    char mode_text[8], mkdirs_text[4];
    uint32_t mode;
    bool mkdirs;
};

static bool parse_mode(const char *text, uint32_t *mode)
{
    size_t len = strlen(text);
    uint32_t v = 0;

    if (len < 1 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '7')
            return false;
        v = v * 8 + (uint32_t)(text[i] - '0');
    }
    *mode = v;
    return v <= 07777;
}

/* Reads the query; false: the problem is answered. A download takes the path only. */
static bool read_query(struct http_exchange *x, struct file_query *q, bool upload)
{
    struct url_param params[] = {{"path", q->path, sizeof q->path, false},
                                 {"mode", q->mode_text, sizeof q->mode_text, false},
                                 {"mkdirs", q->mkdirs_text, sizeof q->mkdirs_text, false}};
    uint64_t mkdirs = 0;

    q->mode = 0644;
    if (!api_query(x, params, upload ? 3 : 1) || !api_query_number(x, &params[2], 0, 1, &mkdirs))
        return false;
    q->mkdirs = mkdirs != 0;
    if (!params[0].found || q->path[0] != '/') {
        http_problem(x, 400, "invalid-query", "path", "path: an absolute path is needed");
        return false;
    }
    if (params[1].found && !parse_mode(q->mode_text, &q->mode)) {
        http_problem(x, 400, "invalid-query", "mode", "mode: octal digits up to 7777 are expected");
        return false;
    }
    return true;
}

/* Errors of the sandbox's kernel about the file, apart from those of the session. */
static void file_problem(struct http_exchange *x, int error)
{
    switch (error) {
    case -BH_EFILE_NOENT:
        http_problem(x, 404, "file-not-found", "path", "there is no such file in the sandbox");
        break;
    case -EACCES:
    case -EPERM:
    case -EROFS:
        http_problem(x, 403, "file-forbidden", "path", "the sandbox does not allow it");
        break;
    case -EISDIR:
    case -ENOTDIR:
    case -ELOOP:
    case -ENAMETOOLONG:
    case -EINVAL:
    case -ENXIO:
    case -ENOTEMPTY:
    case -EBUSY:
    case -ETXTBSY:
        http_problem(x, 409, "not-a-file", "path", "the path does not lead to a regular file (%d)",
                     -error);
        break;
    case -ENOSPC:
    case -EDQUOT:
    case -EFBIG:
        http_problem(x, 507, "sandbox-full", NULL, "the sandbox has no room for the file");
        break;
    default:
        api_session_problem(x, error);
        break;
    }
}

static void audit_file(const struct http_exchange *x, const char *action, const char *session,
                       const char *path, uint64_t bytes, int error)
{
    char detail[160];

    snprintf(detail, sizeof detail, "%llu bytes %.120s", (unsigned long long)bytes, path);
    api_audit_add(x, action, session,
                  error == 0                 ? "ok"
                  : error == -BH_EFILE_NOENT ? "no-file"
                                             : api_error_word(error),
                  detail);
}

/* ---- download ---- */

static void stat_headers(struct http_exchange *x, const struct file_stat *st)
{
    char date[DATE_HTTP_LEN];

    date_format_http(st->mtime_ns / 1000000000U, date);
    http_header(x, "Last-Modified", "%s", date);
    http_header(x, "X-File-Mode", "%04o", st->mode & 07777U);
}

/* Sends exactly st->size bytes, or breaks the connection: the length was promised. */
static int send_file(struct http_exchange *x, struct file *f, uint64_t size, uint64_t *sent)
{
    uint8_t *buf = malloc(PIECE);
    int rc = buf != NULL ? 0 : -ENOMEM;

    while (rc == 0 && *sent < size) {
        uint64_t left = size - *sent;
        long n = file_read(f, buf, left < PIECE ? (size_t)left : PIECE, rt_now() + FILE_NS);

        if (n <= 0)
            rc = n < 0 ? (int)n : -EIO; /* the file shrank */
        else
            rc = http_write(x, buf, (size_t)n) != 0 ? -EPIPE : 0;
        *sent += n > 0 ? (uint64_t)n : 0;
    }
    free(buf);
    return rc;
}

void api_file_get(struct http_exchange *x, const struct route_match *m)
{
    struct file_query *q = malloc(sizeof *q);
    struct file_stat st;
    struct file *f;
    uint64_t sent = 0;
    int rc;

    if (q == NULL) {
        api_out_of_memory(x);
        return;
    }
    if (!read_query(x, q, false))
        goto out;
    rc = session_file_read(m->param[0], q->path, &st, &f);
    if (rc != 0) {
        file_problem(x, rc);
        goto out;
    }
    /* The size is the sandbox's word: one that no file has would look like "unknown" below. */
    if (st.size > INT64_MAX) {
        file_close(f);
        api_session_problem(x, -EIO);
        goto out;
    }
    stat_headers(x, &st);
    http_begin(x, 200, "application/octet-stream", st.size);
    if (x->request.method != HTTP_HEAD) {
        rc = send_file(x, f, st.size, &sent);
        if (rc != 0)
            http_break(x);
        audit_file(x, "file.read", m->param[0], q->path, sent, rc);
    }
    file_close(f);
out:
    free(q);
}

/* ---- upload ---- */

/* 0, an error of the sandbox, or 1 when the client's side failed and is dealt with. */
static int receive_file(struct http_exchange *x, struct file *f, uint64_t *received)
{
    uint8_t *buf = malloc(PIECE);
    int rc = buf != NULL ? 0 : -ENOMEM;

    while (rc == 0) {
        long n = http_body_read(x, buf, PIECE);

        if (n == 0)
            break;
        if (n == -ETIMEDOUT)
            http_problem(x, 408, "timeout", NULL, "the file did not arrive in time");
        else if (n == -EBADMSG)
            http_problem(x, 400, "bad-request", NULL, "the body's chunks are malformed");
        else if (n < 0)
            http_break(x);
        if (n < 0) {
            rc = 1;
            break;
        }
        rc = file_write(f, buf, (size_t)n, rt_now() + FILE_NS);
        *received += (uint64_t)n;
    }
    free(buf);
    return rc != 0 ? rc : file_commit(f, rt_now() + FILE_NS);
}

void api_file_put(struct http_exchange *x, const struct route_match *m)
{
    struct file_query *q = malloc(sizeof *q);
    uint64_t received = 0;
    struct file *f;
    int rc;

    if (q == NULL) {
        api_out_of_memory(x);
        return;
    }
    if (!read_query(x, q, true))
        goto out;
    rc = session_file_write(m->param[0], q->path, q->mode, q->mkdirs, &f);
    if (rc != 0) {
        file_problem(x, rc);
        goto out;
    }
    rc = receive_file(x, f, &received);
    file_close(f);
    audit_file(x, "file.write", m->param[0], q->path, received, rc == 1 ? -ECONNRESET : rc);
    if (rc == 0)
        http_empty(x, 204);
    else if (rc != 1)
        file_problem(x, rc);
out:
    free(q);
}
