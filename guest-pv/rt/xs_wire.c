/* SPDX-License-Identifier: MIT */
/* Xenstore wire format: see xs_wire.h. */
#include "xs_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int error;
} errors[] = {
    {"EINVAL", EINVAL},       {"EACCES", EACCES},   {"EEXIST", EEXIST}, {"EISDIR", EISDIR},
    {"ENOENT", ENOENT},       {"ENOMEM", ENOMEM},   {"ENOSPC", ENOSPC}, {"EIO", EIO},
    {"ENOTEMPTY", ENOTEMPTY}, {"ENOSYS", ENOSYS},   {"EROFS", EROFS},   {"EBUSY", EBUSY},
    {"EAGAIN", EAGAIN},       {"EISCONN", EISCONN}, {"E2BIG", E2BIG},   {"EPERM", EPERM},
};

int xs_check_header(const struct xsd_sockmsg *header)
{
    if (header->len > XENSTORE_PAYLOAD_MAX || header->type >= XS_TYPE_COUNT)
        return -EPROTO;
    return 0;
}

int xs_parse_error(const char *payload, size_t len)
{
    len = strnlen(payload, len);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (strlen(errors[i].name) == len && memcmp(errors[i].name, payload, len) == 0)
            return -errors[i].error;
    }
    return -EIO;
}

int xs_parse_list(const char *payload, size_t len, char ***names, size_t *n)
{
    size_t count = 0, i = 0;
    char **list, *strings;

    if (len > 0 && payload[len - 1] != '\0')
        return -EPROTO;
    for (size_t at = 0; at < len; at++)
        count += payload[at] == '\0';
    /* One pointer more, so that an empty list is something to free. */
    list = malloc((count + 1) * sizeof(*list) + len);
    if (list == NULL)
        return -ENOMEM;
    strings = (char *)(list + count + 1);
    if (len > 0)
        memcpy(strings, payload, len);
    for (size_t at = 0; at < len; at += strlen(strings + at) + 1)
        list[i++] = strings + at;
    list[count] = NULL;
    *names = list;
    *n = count;
    return 0;
}

int xs_parse_watch(const char *payload, size_t len, const char **path, const char **token)
{
    size_t path_len = strnlen(payload, len);

    if (path_len == len ||
        strnlen(payload + path_len + 1, len - path_len - 1) == len - path_len - 1)
        return -EPROTO;
    *path = payload;
    *token = payload + path_len + 1;
    return 0;
}

int xs_parse_u64(const char *text, size_t len, uint64_t *value)
{
    uint64_t v = 0;

    if (len == 0 || len > 20)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(v, UINT64_C(10), &v) ||
            __builtin_add_overflow(v, (uint64_t)(text[i] - '0'), &v))
            return -EINVAL;
    }
    *value = v;
    return 0;
}

/* Two pieces at most: up to the end of the ring and from its start. */
static void copy_out(char *to, const char *ring, uint32_t index, size_t n)
{
    size_t at = MASK_XENSTORE_IDX(index), first = XENSTORE_RING_SIZE - at;

    if (first > n)
        first = n;
    memcpy(to, ring + at, first);
    memcpy(to + first, ring, n - first);
}

static void copy_in(char *ring, uint32_t index, const char *from, size_t n)
{
    size_t at = MASK_XENSTORE_IDX(index), first = XENSTORE_RING_SIZE - at;

    if (first > n)
        first = n;
    memcpy(ring + at, from, first);
    memcpy(ring, from + first, n - first);
}

int xs_ring_read(struct xenstore_domain_interface *ring, void *data, size_t len, size_t *moved)
{
    uint32_t cons = __atomic_load_n(&ring->rsp_cons, __ATOMIC_RELAXED);
    uint32_t prod = __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE);
    uint32_t filled = prod - cons;

    if (filled > XENSTORE_RING_SIZE)
        return -EPROTO;
    if (len > filled)
        len = filled;
    copy_out(data, ring->rsp, cons, len);
    __atomic_store_n(&ring->rsp_cons, cons + (uint32_t)len, __ATOMIC_RELEASE);
    *moved = len;
    return 0;
}

int xs_ring_write(struct xenstore_domain_interface *ring, const void *data, size_t len,
                  size_t *moved)
{
    uint32_t prod = __atomic_load_n(&ring->req_prod, __ATOMIC_RELAXED);
    uint32_t cons = __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE);
    uint32_t filled = prod - cons;

    if (filled > XENSTORE_RING_SIZE)
        return -EPROTO;
    if (len > XENSTORE_RING_SIZE - filled)
        len = XENSTORE_RING_SIZE - filled;
    copy_in(ring->req, prod, data, len);
    __atomic_store_n(&ring->req_prod, prod + (uint32_t)len, __ATOMIC_RELEASE);
    *moved = len;
    return 0;
}
