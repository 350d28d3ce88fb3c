/* SPDX-License-Identifier: MIT */
/*
 * Files of a session: a file that is read or written is a stream of the agent channel.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>

#define OPEN_NS 60000000000ULL

struct file {
    struct session *session;
    struct lane *stream;
};

/* The guest's word on how it ended, as our error. Its numbers are Linux's; nonsense becomes -EIO.
 */
static int outcome(const struct lane *stream)
{
    const struct bh_done *done = lane_done(stream, NULL);

    if (done->kind == BH_DONE_OK)
        return 0;
    if (done->kind != BH_DONE_ERROR || done->code == 0 || done->code > 133)
        return -EIO;
    return done->code == ENOENT ? -BH_EFILE_NOENT : -(int)done->code;
}

static bool valid_path(const char *path)
{
    return path[0] == '/' && strnlen(path, FILE_PATH_MAX) < FILE_PATH_MAX;
}

static int open_stream(const char *id, enum bh_msg_type type, const void *payload, size_t len,
                       struct file **out)
{
    struct session *s;
    struct file *f;
    int rc = session_ready(id, &s);

    if (rc != 0)
        return rc;
    f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -EMFILE;
    session_hold(s);
    f->session = s;
    rc = lane_open(s->channel, type, payload, len, rt_now() + OPEN_NS, &f->stream);
    if (rc != 0) {
        session_put(s);
        free(f);
        return rc;
    }
    *out = f;
    return 0;
}

int session_file_read(const char *id, const char *path, struct file_stat *st, struct file **out)
{
    struct bh_stat guest;
    struct file *f;
    int rc;

    if (!valid_path(path))
        return -EINVAL;
    rc = open_stream(id, BH_MSG_READ, path, strlen(path), &f);
    if (rc != 0)
        return rc;
    rc = lane_wait_stat(f->stream, &guest, rt_now() + OPEN_NS);
    if (rc > 0) {
        rc = outcome(f->stream);
        rc = rc == 0 ? -EIO : rc; /* done without a word on the file */
    }
    if (rc != 0) {
        file_close(f);
        return rc;
    }
    st->size = guest.size;
    st->mtime_ns = guest.mtime_ns;
    st->mode = guest.mode;
    *out = f;
    return 0;
}

long file_read(struct file *f, uint8_t *buf, size_t len, uint64_t deadline)
{
    uint16_t type;
    long n;

    if (len == 0)
        return 0;
    n = lane_receive(f->stream, &type, buf, len, deadline);
    return n == 0 ? outcome(f->stream) : n;
}

int session_file_write(const char *id, const char *path, uint32_t mode, bool mkdirs,
                       struct file **out)
{
    struct bh_write_req req = {.mode = mode & 07777U, .flags = mkdirs ? BH_WRITE_MKDIRS : 0};
    uint8_t payload[sizeof(req) + FILE_PATH_MAX];
    size_t len;

    if (!valid_path(path))
        return -EINVAL;
    len = strlen(path);
    memcpy(payload, &req, sizeof(req));
    memcpy(payload + sizeof(req), path, len);
    return open_stream(id, BH_MSG_WRITE, payload, sizeof(req) + len, out);
}

/* A stream that ended early: the guest says why. */
static int ended(const struct file *f)
{
    int rc = outcome(f->stream);

    return rc == 0 ? -EIO : rc;
}

int file_write(struct file *f, const uint8_t *data, size_t len, uint64_t deadline)
{
    int rc = lane_send(f->stream, BH_MSG_DATA, data, len, deadline);

    return rc == -EPIPE ? ended(f) : rc;
}

int file_commit(struct file *f, uint64_t deadline)
{
    int rc = lane_control(f->stream, BH_MSG_EOF, 0, deadline);

    if (rc == -EPIPE)
        return ended(f);
    if (rc == 0)
        rc = lane_wait_done(f->stream, deadline);
    return rc == 0 ? outcome(f->stream) : rc;
}

void file_close(struct file *f)
{
    lane_close(f->stream);
    session_put(f->session);
    free(f);
}
