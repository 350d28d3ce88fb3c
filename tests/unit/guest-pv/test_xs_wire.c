/* SPDX-License-Identifier: MIT */
/* Xenstore client: what a store may send that it should not, and ring indices that are wrong. */
#include "xs_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

TEST(header)
{
    struct xsd_sockmsg h = {.type = XS_READ, .len = 10};

    CHECK_EQ(xs_check_header(&h), 0);
    h.len = XENSTORE_PAYLOAD_MAX;
    CHECK_EQ(xs_check_header(&h), 0);
    h.len = XENSTORE_PAYLOAD_MAX + 1;
    CHECK_EQ(xs_check_header(&h), -EPROTO);
    h.len = UINT32_MAX;
    CHECK_EQ(xs_check_header(&h), -EPROTO);
    h.len = 0;
    h.type = XS_TYPE_COUNT;
    CHECK_EQ(xs_check_header(&h), -EPROTO);
    h.type = UINT32_MAX;
    CHECK_EQ(xs_check_header(&h), -EPROTO);
}

TEST(errors)
{
    CHECK_EQ(xs_parse_error("ENOENT", 7), -ENOENT);
    CHECK_EQ(xs_parse_error("EAGAIN", 6), -EAGAIN);
    CHECK_EQ(xs_parse_error("ENOEN", 6), -EIO);
    CHECK_EQ(xs_parse_error("", 0), -EIO);
    CHECK_EQ(xs_parse_error("EVERYTHING", 11), -EIO);
}

/* Payloads in memory of exactly their size, so that a read past the end is seen. */
static char *exact(const char *data, size_t len)
{
    char *p = malloc(len > 0 ? len : 1);

    memcpy(p, data, len);
    return p;
}

TEST(list)
{
    char **names, *payload = exact("a\0bc\0\0d", 8);
    size_t n;

    CHECK_EQ(xs_parse_list(payload, 8, &names, &n), 0);
    CHECK_EQ(n, 4);
    CHECK(strcmp(names[0], "a") == 0 && strcmp(names[1], "bc") == 0);
    CHECK(strcmp(names[2], "") == 0 && strcmp(names[3], "d") == 0);
    CHECK(names[4] == NULL);
    free(names);
    CHECK_EQ(xs_parse_list(payload, 7, &names, &n), -EPROTO); /* last NUL missing */
    CHECK_EQ(xs_parse_list(payload, 0, &names, &n), 0);
    CHECK_EQ(n, 0);
    free(names);
    free(payload);
}

TEST(list_of_nothing_but_nuls)
{
    char *payload = calloc(1, XENSTORE_PAYLOAD_MAX), **names;
    size_t n;

    CHECK_EQ(xs_parse_list(payload, XENSTORE_PAYLOAD_MAX, &names, &n), 0);
    CHECK_EQ(n, XENSTORE_PAYLOAD_MAX);
    free(names);
    free(payload);
}

TEST(watch)
{
    char *payload = exact("path\0token", 11);
    const char *path, *token;

    CHECK_EQ(xs_parse_watch(payload, 11, &path, &token), 0);
    CHECK(strcmp(path, "path") == 0 && strcmp(token, "token") == 0);
    for (size_t len = 0; len < 11; len++) {
        char *cut = exact(payload, len);

        CHECK_EQ(xs_parse_watch(cut, len, &path, &token), -EPROTO);
        free(cut);
    }
    free(payload);
}

TEST(number)
{
    uint64_t v = 1;

    CHECK_EQ(xs_parse_u64("0", 1, &v), 0);
    CHECK_EQ(v, 0);
    CHECK_EQ(xs_parse_u64("18446744073709551615", 20, &v), 0);
    CHECK_EQ(v, UINT64_MAX);
    CHECK_EQ(xs_parse_u64("18446744073709551616", 20, &v), -EINVAL);
    CHECK_EQ(xs_parse_u64("", 0, &v), -EINVAL);
    CHECK_EQ(xs_parse_u64("1 ", 2, &v), -EINVAL);
    CHECK_EQ(xs_parse_u64("1\0", 2, &v), -EINVAL);
    CHECK_EQ(xs_parse_u64("000000000000000000001", 21, &v), -EINVAL);
}

TEST(ring_moves_bytes_in_order)
{
    struct xenstore_domain_interface *ring = calloc(1, sizeof(*ring));
    uint32_t start = UINT32_MAX - 500; /* the indices wrap on the way */
    uint8_t sent = 0, expected = 0, chunk[300];
    size_t moved;

    ring->req_cons = ring->req_prod = start;
    for (int turn = 0; turn < 200; turn++) {
        size_t n = (size_t)(turn * 37 % 300) + 1;

        for (size_t i = 0; i < n; i++)
            chunk[i] = (uint8_t)(sent + i);
        CHECK_EQ(xs_ring_write(ring, chunk, n, &moved), 0);
        CHECK(moved <= n);
        sent = (uint8_t)(sent + moved);
        /* The store's side, byte by byte, leaving some behind. */
        while (ring->req_prod - ring->req_cons > (uint32_t)(turn % 5) * 200) {
            CHECK_EQ((uint8_t)ring->req[MASK_XENSTORE_IDX(ring->req_cons)], expected++);
            ring->req_cons++;
        }
    }
    free(ring);
}

TEST(ring_full_and_empty)
{
    struct xenstore_domain_interface *ring = calloc(1, sizeof(*ring));
    char data[XENSTORE_RING_SIZE + 10] = {0};
    size_t moved;

    CHECK_EQ(xs_ring_read(ring, data, 10, &moved), 0);
    CHECK_EQ(moved, 0);
    CHECK_EQ(xs_ring_write(ring, data, sizeof(data), &moved), 0);
    CHECK_EQ(moved, XENSTORE_RING_SIZE);
    CHECK_EQ(xs_ring_write(ring, data, 1, &moved), 0);
    CHECK_EQ(moved, 0);
    ring->rsp_prod = XENSTORE_RING_SIZE;
    CHECK_EQ(xs_ring_read(ring, data, sizeof(data), &moved), 0);
    CHECK_EQ(moved, XENSTORE_RING_SIZE);
    free(ring);
}

TEST(ring_with_impossible_indices)
{
    struct xenstore_domain_interface *ring = calloc(1, sizeof(*ring));
    char data[8];
    size_t moved;

    ring->rsp_prod = XENSTORE_RING_SIZE + 1;
    CHECK_EQ(xs_ring_read(ring, data, 1, &moved), -EPROTO);
    ring->rsp_prod = UINT32_MAX;
    CHECK_EQ(xs_ring_read(ring, data, 1, &moved), -EPROTO);
    ring->req_cons = 1;
    CHECK_EQ(xs_ring_write(ring, data, 1, &moved), -EPROTO);
    ring->req_cons = 0x80000000;
    CHECK_EQ(xs_ring_write(ring, data, 1, &moved), -EPROTO);
    free(ring);
}
