/* SPDX-License-Identifier: MIT */
/*
 * A linear buffer that moves its content to the front when it has to grow. Each run starts with a
 * header that fifo_get() shortens as it takes from it.
 */
#include "fifo.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct run {
    uint16_t type;
    uint16_t pad;
    uint32_t len;
};

#define KEEP 4096U /* an empty buffer of this size is kept */

static int make_room(struct fifo *f, size_t len)
{
    size_t used = f->tail - f->head, cap = f->cap;
    uint8_t *buf;

    if (f->cap - f->tail >= len)
        return 0;
    if (f->head > 0) {
        memmove(f->buf, f->buf + f->head, used);
        f->last -= f->head;
        f->head = 0;
        f->tail = used;
        if (f->cap - used >= len && used <= f->cap / 2)
            return 0;
    }
    /* More than half full: twice the size, or every put would soon move everything. */
    cap = cap == 0 ? 1024 : used > cap / 2 ? cap * 2 : cap;
    while (cap - used < len)
        cap *= 2;
    buf = realloc(f->buf, cap);
    if (buf == NULL)
        return -ENOMEM;
    f->buf = buf;
    f->cap = cap;
    return 0;
}

int fifo_put(struct fifo *f, uint16_t type, const void *data, size_t len)
{
    struct run r;
    bool join;
    int rc;

    if (len == 0)
        return 0;
    rc = make_room(f, len + sizeof(r));
    if (rc != 0)
        return rc;
    join = f->tail > f->head;
    if (join) {
        memcpy(&r, f->buf + f->last, sizeof(r));
        join = r.type == type && r.len <= UINT32_MAX - len;
    }
    if (join) {
        r.len += (uint32_t)len;
    } else {
        f->last = f->tail;
        f->tail += sizeof(r);
        f->runs++;
        r = (struct run){.type = type, .len = (uint32_t)len};
    }
    memcpy(f->buf + f->last, &r, sizeof(r));
    memcpy(f->buf + f->tail, data, len);
    f->tail += len;
    return 0;
}

static void reset(struct fifo *f)
{
    f->head = f->tail = f->last = 0;
    if (f->cap > KEEP)
        fifo_free(f);
}

size_t fifo_get(struct fifo *f, uint16_t *type, void *buf, size_t max)
{
    struct run r;
    size_t n;

    if (f->head == f->tail)
        return 0;
    memcpy(&r, f->buf + f->head, sizeof(r));
    n = r.len < max ? r.len : max;
    memcpy(buf, f->buf + f->head + sizeof(r), n);
    *type = r.type;
    f->head += n;
    r.len -= (uint32_t)n;
    if (r.len > 0) { /* the header moves up to the rest */
        if (f->last == f->head - n)
            f->last = f->head;
        memcpy(f->buf + f->head, &r, sizeof(r));
    } else {
        f->head += sizeof(r);
        f->runs--;
        if (f->head == f->tail)
            reset(f);
    }
    return n;
}

void fifo_free(struct fifo *f)
{
    free(f->buf);
    *f = (struct fifo){0};
}
