/* SPDX-License-Identifier: MIT */
/*
 * A session layer for host tests of the API: a session is a folder, its commands run on the host in
 * it. Names that begin with "fail-" make session_create() fail in the way they say.
 */
#define _GNU_SOURCE
#include "session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rt/rt.h>

#include "fake.h"
#include "host.h"

static struct fake_session *sessions; /* in creation order */

struct fake_session *fake_find(const char *id)
{
    for (struct fake_session *s = sessions; s != NULL; s = s->next) {
        if (strcmp(s->info.id, id) == 0)
            return s;
    }
    return NULL;
}

int session_init(void)
{
    return 0;
}

static int planned_failure(const char *name, const char **why)
{
    if (strcmp(name, "fail-timeout") == 0)
        return -ETIMEDOUT;
    if (strcmp(name, "fail-io") == 0)
        return -EIO;
    if (strcmp(name, "fail-space") == 0)
        return -ENOSPC;
    if (strcmp(name, "fail-field") == 0) {
        *why = "memory_mb: more than the machine has";
        return -EINVAL;
    }
    return 0;
}

int session_create(const struct session_spec *spec, bool wait, struct session_info *out,
                   const char **why)
{
    struct fake_session *s, **link = &sessions;
    uint8_t random[8];
    int rc = planned_failure(spec->name, why);

    if (rc != 0)
        return rc;
    s = calloc(1, sizeof *s);
    rt_random(random, sizeof random);
    snprintf(s->info.id, sizeof s->info.id, "s-%02x%02x%02x%02x%02x%02x%02x%02x", random[0],
             random[1], random[2], random[3], random[4], random[5], random[6], random[7]);
    snprintf(s->info.name, sizeof s->info.name, "%s", spec->name);
    snprintf(s->dir, sizeof s->dir, "/tmp/bulkhead-host-XXXXXX");
    if (mkdtemp(s->dir) == NULL)
        abort();
    s->info.state = wait ? SESSION_READY : SESSION_STARTING;
    s->info.memory_mb = spec->memory_mb ? spec->memory_mb : SESSION_DEFAULT_MEMORY_MB;
    s->info.vcpus = spec->vcpus ? spec->vcpus : 1;
    s->info.created_ms = rt_wallclock() / 1000000;
    s->info.ready_ns = wait ? 1234567 : 0;
    if (spec->timeout_s != 0)
        s->info.expires_ms = s->info.created_ms + spec->timeout_s * 1000;
    while (*link != NULL)
        link = &(*link)->next;
    *link = s;
    *out = s->info;
    return 0;
}

int session_get(const char *id, struct session_info *out)
{
    struct fake_session *s = fake_find(id);

    if (s == NULL)
        return -ENOENT;
    *out = s->info;
    return 0;
}

size_t session_list(size_t first, struct session_info *out, size_t n)
{
    size_t at = 0, count = 0;

    for (struct fake_session *s = sessions; s != NULL && count < n; s = s->next) {
        if (at++ >= first)
            out[count++] = s->info;
    }
    return count;
}

int session_delete(const char *id)
{
    struct fake_session *s = fake_find(id), **link = &sessions;
    char command[96];

    if (s == NULL)
        return -ENOENT;
    fake_end_execs(s);
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    snprintf(command, sizeof command, "rm -rf %s", s->dir);
    if (system(command) != 0)
        rt_log("host: %s failed\n", command);
    free(s);
    return 0;
}

void fake_delete_all(void)
{
    while (sessions != NULL)
        session_delete(sessions->info.id);
}

long session_console(const char *id, char *buf, size_t len)
{
    static const char text[] = "[    0.000000] Linux version 6.1\n";
    size_t n = sizeof text - 1 < len ? sizeof text - 1 : len;

    if (fake_find(id) == NULL)
        return -ENOENT;
    memcpy(buf, text, n);
    return (long)n;
}

int session_scan_free(uint64_t pattern, uint64_t *found)
{
    *found = 0;
    return pattern == 1 ? 0 : -EPERM;
}

void session_sysinfo(struct sys_info *out)
{
    *out = (struct sys_info){.total_frames = 1048576,
                             .free_frames = 1000000,
                             .hv_frames = 2048,
                             .cpus = 2,
                             .cpu_vendor = "amd-v",
                             .uptime_ns = rt_now()};
    for (struct fake_session *s = sessions; s != NULL; s = s->next)
        out->sessions++;
}

/* ---- files ---- */

struct file {
    int fd;
    char temp[FILE_PATH_MAX + 64], path[FILE_PATH_MAX + 64];
};

/* ".." is resolved here and does not leave the session's folder. */
static int host_path(const char *id, const char *path, char *out, size_t size)
{
    struct fake_session *s = fake_find(id);
    size_t base, n;

    if (s == NULL)
        return -ENOENT;
    base = n = (size_t)snprintf(out, size, "%s", s->dir);
    while (*path != '\0') {
        size_t len = strcspn(path, "/");

        if (len == 2 && memcmp(path, "..", 2) == 0) {
            while (n > base && out[--n] != '/')
                continue;
        } else if (len > 0 && !(len == 1 && path[0] == '.')) {
            if (n + len + 2 > size)
                return -ENAMETOOLONG;
            out[n++] = '/';
            memcpy(out + n, path, len);
            n += len;
        }
        path += len + (path[len] == '/' ? 1 : 0);
    }
    out[n] = '\0';
    return 0;
}

static int file_errno(void)
{
    return errno == ENOENT ? -BH_EFILE_NOENT : -errno;
}

int session_file_read(const char *id, const char *path, struct file_stat *st, struct file **out)
{
    struct file *f = calloc(1, sizeof *f);
    struct stat s;
    int rc = host_path(id, path, f->path, sizeof f->path);

    if (rc == 0 && (f->fd = open(f->path, O_RDONLY | O_CLOEXEC)) < 0)
        rc = file_errno();
    if (rc == 0 && (fstat(f->fd, &s) != 0 || S_ISDIR(s.st_mode))) {
        close(f->fd);
        rc = -EISDIR;
    }
    if (rc != 0) {
        free(f);
        return rc;
    }
    *st = (struct file_stat){.size = (uint64_t)s.st_size,
                             .mtime_ns = (uint64_t)s.st_mtime * 1000000000U,
                             .mode = s.st_mode};
    *out = f;
    return 0;
}

long file_read(struct file *f, uint8_t *buf, size_t len, uint64_t deadline)
{
    ssize_t n;

    (void)deadline;
    host_block();
    n = read(f->fd, buf, len);
    host_unblock();
    return n < 0 ? -errno : n;
}

static void make_parents(char *path)
{
    for (char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(path, 0755);
        *p = '/';
    }
}

int session_file_write(const char *id, const char *path, uint32_t mode, bool mkdirs,
                       struct file **out)
{
    struct file *f = calloc(1, sizeof *f);
    int rc = host_path(id, path, f->path, sizeof f->path);
    struct stat st;

    if (rc == 0 && mkdirs)
        make_parents(f->path);
    if (rc == 0 && stat(f->path, &st) == 0 && S_ISDIR(st.st_mode))
        rc = -EISDIR;
    if (rc == 0) {
        snprintf(f->temp, sizeof f->temp, "%.4000s.partXXXXXX", f->path);
        f->fd = mkostemp(f->temp, O_CLOEXEC);
        if (f->fd < 0)
            rc = file_errno();
        else
            fchmod(f->fd, mode);
    }
    if (rc != 0) {
        free(f);
        return rc;
    }
    *out = f;
    return 0;
}

int file_write(struct file *f, const uint8_t *data, size_t len, uint64_t deadline)
{
    ssize_t n;

    (void)deadline;
    host_block();
    n = write(f->fd, data, len);
    host_unblock();
    return n == (ssize_t)len ? 0 : -EIO;
}

int file_commit(struct file *f, uint64_t deadline)
{
    (void)deadline;
    if (rename(f->temp, f->path) != 0)
        return file_errno();
    f->temp[0] = '\0';
    return 0;
}

void file_close(struct file *f)
{
    if (f->temp[0] != '\0')
        unlink(f->temp);
    close(f->fd);
    free(f);
}
