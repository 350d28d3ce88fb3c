/* SPDX-License-Identifier: MIT */
/*
 * Files of the agent. A written file appears under its name whole, by a rename, or not at all. A
 * read sends exactly the size it announced. Called by the agent's loop only.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLURP_MAX                                                                                  \
    (1U << 20) /* a file that has content but no size (/proc): read whole, up to this */

/* The payload's path as a string; absolute, no NUL inside. */
static int take_path(const uint8_t *p, uint32_t len, char path[PATH_MAX], const char **text)
{
    *text = "bad path";
    if (len == 0 || len >= PATH_MAX || p[0] != '/' || memchr(p, 0, len))
        return -EINVAL;
    memcpy(path, p, len);
    path[len] = 0;
    *text = NULL;
    return 0;
}

/* ---- reading ---- */

static int slurp(struct file_state *f)
{
    size_t have = 0;
    ssize_t n;

    f->slurp = malloc(SLURP_MAX);
    if (!f->slurp)
        return -ENOMEM;
    while (have < SLURP_MAX && (n = read(f->fd, f->slurp + have, SLURP_MAX - have)) != 0) {
        if (n < 0)
            return -errno;
        have += (size_t)n;
    }
    f->left = have;
    return 0;
}

int file_read_open(struct agent *a, struct stream *s, const uint8_t *req, uint32_t len,
                   const char **text)
{
    char path[PATH_MAX];
    struct stat st;
    int rc = take_path(req, len, path, text);

    if (rc)
        return rc;
    s->f = (struct file_state){.dir = -1};
    s->f.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (s->f.fd < 0)
        return -errno;
    if (fstat(s->f.fd, &st) != 0)
        rc = -errno;
    else if (!S_ISREG(st.st_mode))
        rc = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    else if (st.st_size == 0)
        rc = slurp(&s->f);
    else
        s->f.left = (uint64_t)st.st_size;
    if (rc) {
        file_close(s);
        return rc;
    }

    struct bh_stat out = {.size = s->f.left,
                          .mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000ULL +
                                      (uint64_t)st.st_mtim.tv_nsec,
                          .mode = st.st_mode};

    agent_send(a, s->id, BH_MSG_STAT, 0, &out, sizeof(out));
    s->kind = STREAM_READ;
    return 0;
}

static ssize_t next_bytes(struct file_state *f, uint8_t *buf, uint32_t want)
{
    if (!f->slurp)
        return read(f->fd, buf, want);
    memcpy(buf, f->slurp + f->slurp_at, want);
    f->slurp_at += want;
    return (ssize_t)want;
}

bool file_pump(struct agent *a, struct stream *s)
{
    uint8_t buf[BH_MSG_MAX_PAYLOAD];
    uint32_t room = agent_room(a);
    ssize_t n;

    if (room == 0)
        return false;
    if (s->f.left == 0) {
        if (!s->f.eof_sent)
            agent_send(a, s->id, BH_MSG_EOF, 0, NULL, 0);
        s->f.eof_sent = true;
        return agent_done(a, s, BH_DONE_OK, 0, 0, NULL);
    }
    if (room > s->credit)
        room = s->credit;
    if (room > s->f.left)
        room = (uint32_t)s->f.left;
    if (room == 0)
        return false;
    n = next_bytes(&s->f, buf, room);
    if (n <= 0)
        return agent_done(a, s, BH_DONE_ERROR, n < 0 ? (uint32_t)errno : EIO, 0,
                          n < 0 ? NULL : "the file shrank while it was read");
    s->credit -= (uint32_t)n;
    s->f.left -= (uint64_t)n;
    agent_send(a, s->id, BH_MSG_DATA, 0, buf, (uint32_t)n);
    return true;
}

/* ---- writing ---- */

static int make_parents(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = 0;
        int rc = mkdir(path, 0755) != 0 && errno != EEXIST ? -errno : 0;

        *p = '/';
        if (rc)
            return rc;
    }
    return 0;
}

static int open_parent(char *path, struct file_state *f)
{
    char *slash = strrchr(path, '/');

    if (slash[1] == 0 || strlen(slash + 1) >= sizeof(f->name))
        return slash[1] ? -ENAMETOOLONG : -EISDIR;
    strcpy(f->name, slash + 1);
    *slash = 0;
    f->dir = open(path[0] ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return f->dir < 0 ? -errno : 0;
}

int file_write_open(struct stream *s, const uint8_t *req, uint32_t len, const char **text)
{
    static unsigned int serial;
    struct bh_write_req head;
    char path[PATH_MAX];
    int rc;

    s->f = (struct file_state){.fd = -1, .dir = -1};
    *text = "malformed request";
    if (len < sizeof(head))
        return -EINVAL;
    memcpy(&head, req, sizeof(head));
    if (head.flags & ~BH_WRITE_MKDIRS)
        return -EINVAL;
    rc = take_path(req + sizeof(head), len - (uint32_t)sizeof(head), path, text);
    if (rc == 0 && (head.flags & BH_WRITE_MKDIRS))
        rc = make_parents(path);
    if (rc == 0)
        rc = open_parent(path, &s->f);
    if (rc == 0) {
        struct stat st;

        if (fstatat(s->f.dir, s->f.name, &st, 0) == 0 && !S_ISREG(st.st_mode))
            rc = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    }
    if (rc == 0) {
        snprintf(s->f.temp, sizeof(s->f.temp), ".bulkhead-%u.tmp", serial++);
        s->f.mode = head.mode ? head.mode & 07777 : 0644;
        s->f.fd = openat(s->f.dir, s->f.temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                         0600);
        if (s->f.fd < 0) {
            rc = -errno;
            s->f.temp[0] = 0;
        }
    }
    if (rc)
        file_close(s);
    else
        s->kind = STREAM_WRITE;
    return rc;
}

int file_data(struct stream *s, const uint8_t *data, uint32_t len)
{
    while (len) {
        ssize_t n = write(s->f.fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        len -= (uint32_t)n;
    }
    return 0;
}

int file_commit(struct stream *s)
{
    if (fchmod(s->f.fd, s->f.mode) != 0 || renameat(s->f.dir, s->f.temp, s->f.dir, s->f.name) != 0)
        return -errno;
    s->f.temp[0] = 0;
    return 0;
}

void file_close(struct stream *s)
{
    if (s->f.temp[0])
        unlinkat(s->f.dir, s->f.temp, 0);
    if (s->f.fd >= 0)
        close(s->f.fd);
    if (s->f.dir >= 0)
        close(s->f.dir);
    free(s->f.slurp);
    s->f = (struct file_state){.fd = -1, .dir = -1};
}
