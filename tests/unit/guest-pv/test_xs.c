/* SPDX-License-Identifier: MIT */
/* Xenstore client over a transport that answers what the test wants, hostile answers included. */
#include "rt/xs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "rt/rt.h"
#include "rt/thread.h"
#include "test.h"

/* The runtime below: nothing waits in these tests. */
int waitq_wait(struct waitq *wq, uint64_t deadline)
{
    (void)wq;
    (void)deadline;
    return -ETIMEDOUT;
}

void waitq_wake_all(struct waitq *wq)
{
    (void)wq;
}

void rt_panic(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    abort();
}

/* The store. */
static struct {
    uint32_t type, tx;
    char in[2048];
    size_t in_len;
    int result;
    const char *out;
    size_t out_len;
    bool event; /* deliver a watch event before the answer */
} io;

static int transport(void *ctx, uint32_t type, uint32_t tx, const void *in, size_t in_len,
                     void **out, size_t *out_len)
{
    (void)ctx;
    CHECK(in_len <= sizeof(io.in));
    io.type = type;
    io.tx = tx;
    memcpy(io.in, in, in_len);
    io.in_len = in_len;
    if (io.event)
        xs_deliver_watch(io.in, io.in + strlen(io.in) + 1);
    if (io.out != NULL) {
        *out = malloc(io.out_len > 0 ? io.out_len : 1); /* exactly: reads past it are seen */
        memcpy(*out, io.out, io.out_len);
        *out_len = io.out_len;
    }
    return io.result;
}

static void answer(int result, const char *out, size_t out_len)
{
    memset(&io, 0, sizeof(io));
    io.result = result;
    io.out = out;
    io.out_len = out_len;
    xs_init_local(transport, NULL);
}

static bool sent(uint32_t type, const char *payload, size_t len)
{
    return io.type == type && io.in_len == len && memcmp(io.in, payload, len) == 0;
}

TEST(read_and_write)
{
    char *value;
    size_t len;

    answer(0, "a\0b", 3);
    CHECK_EQ(xs_read(5, "path", &value, &len), 0);
    CHECK(sent(XS_READ, "path", 5) && io.tx == 5);
    CHECK(len == 3 && memcmp(value, "a\0b", 4) == 0);
    free(value);
    answer(0, NULL, 0);
    CHECK_EQ(xs_read(0, "path", &value, NULL), 0);
    CHECK(strcmp(value, "") == 0);
    free(value);
    CHECK_EQ(xs_printf(0, "p/q", "%d-%s", 7, "x"), 0);
    CHECK(sent(XS_WRITE, "p/q\0007-x", 7));
    CHECK_EQ(xs_write(0, "p", ""), 0);
    CHECK(sent(XS_WRITE, "p", 2));
    answer(-EACCES, NULL, 0);
    CHECK_EQ(xs_write(0, "p", "v"), -EACCES);
    CHECK_EQ(xs_read(0, "p", &value, &len), -EACCES);
}

TEST(error_with_payload_is_freed)
{
    char *value;
    size_t len;

    answer(-ENOENT, "left over", 9);
    CHECK_EQ(xs_read(0, "p", &value, &len), -ENOENT);
}

TEST(numbers)
{
    uint64_t v = 3;

    answer(0, "4294967296", 10);
    CHECK_EQ(xs_read_u64(0, "p", &v), 0);
    CHECK_EQ(v, 4294967296);
    answer(0, "4x", 2);
    CHECK_EQ(xs_read_u64(0, "p", &v), -EINVAL);
    answer(0, NULL, 0);
    CHECK_EQ(xs_read_u64(0, "p", &v), -EINVAL);
    CHECK_EQ(v, 4294967296);
}

TEST(printf_too_long)
{
    char text[1100];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    answer(0, NULL, 0);
    CHECK_EQ(xs_printf(0, "p", "%s", text), -E2BIG);
}

TEST(directory)
{
    char **names;
    size_t n;

    answer(0, "a\0b", 4);
    CHECK_EQ(xs_directory(0, "p", &names, &n), 0);
    CHECK(n == 2 && strcmp(names[1], "b") == 0);
    free(names);
    answer(0, NULL, 0);
    CHECK_EQ(xs_directory(0, "p", &names, &n), 0);
    CHECK_EQ(n, 0);
    free(names);
    answer(0, "ab", 2);
    CHECK_EQ(xs_directory(0, "p", &names, &n), -EPROTO);
}

TEST(transactions)
{
    static const struct {
        const char *text;
        size_t len;
    } bad[] = {{"", 0}, {"\0", 1}, {"0", 1}, {"4294967296", 10}, {"-1", 2}, {"x", 1}, {"1\0\0", 3}};
    uint32_t tx = 9;

    answer(0, "42", 3);
    CHECK_EQ(xs_tx_begin(&tx), 0);
    CHECK(sent(XS_TRANSACTION_START, "", 1));
    CHECK_EQ(tx, 42);
    CHECK_EQ(xs_tx_end(42, 0), 0);
    CHECK(sent(XS_TRANSACTION_END, "T", 2) && io.tx == 42);
    CHECK_EQ(xs_tx_end(42, 1), 0);
    CHECK(sent(XS_TRANSACTION_END, "F", 2));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        answer(0, bad[i].text, bad[i].len);
        CHECK_EQ(xs_tx_begin(&tx), -EPROTO);
    }
    CHECK_EQ(tx, 42);
}

static struct xs_watch *add_watch(const char *path, bool event)
{
    struct xs_watch *w;

    answer(0, NULL, 0);
    io.event = event;
    CHECK_EQ(xs_watch_add(path, &w), 0);
    CHECK_EQ(io.type, XS_WATCH);
    return w;
}

static void token_of_last(char token[32])
{
    strcpy(token, io.in + strlen(io.in) + 1);
}

TEST(watch_event_before_the_answer)
{
    struct xs_watch *w = add_watch("dir", true);
    char *path;

    CHECK_EQ(xs_watch_wait(w, 0, &path), 0);
    CHECK(strcmp(path, "dir") == 0);
    free(path);
    CHECK_EQ(xs_watch_wait(w, 0, &path), -ETIMEDOUT);
    io.event = false;
    xs_watch_del(w);
    CHECK_EQ(io.type, XS_UNWATCH);
}

TEST(watch_that_is_refused)
{
    struct xs_watch *w = NULL;

    answer(-EACCES, NULL, 0);
    io.event = true;
    CHECK_EQ(xs_watch_add("dir", &w), -EACCES);
    CHECK(w == NULL);
}

TEST(events_go_to_their_watch)
{
    struct xs_watch *a, *b;
    char token_a[32], token_b[32], *path;

    a = add_watch("a", false);
    token_of_last(token_a);
    b = add_watch("b", false);
    token_of_last(token_b);
    CHECK(strcmp(token_a, token_b) != 0);
    xs_deliver_watch("b/1", token_b);
    xs_deliver_watch("b/2", token_b);
    xs_deliver_watch("b/1", token_b); /* already queued */
    xs_deliver_watch("x", "no such token");
    xs_deliver_watch("x", "");
    CHECK_EQ(xs_watch_wait(a, 0, &path), -ETIMEDOUT);
    CHECK_EQ(xs_watch_wait(b, 0, &path), 0);
    CHECK(strcmp(path, "b/1") == 0);
    free(path);
    CHECK_EQ(xs_watch_wait(b, 0, &path), 0);
    CHECK(strcmp(path, "b/2") == 0);
    free(path);
    CHECK_EQ(xs_watch_wait(b, 0, &path), -ETIMEDOUT);
    xs_deliver_watch("b/1", token_b);
    xs_watch_del(a);
    xs_watch_del(b);
    xs_deliver_watch("b/1", token_b); /* too late: nobody */
}

TEST(flood_of_events_is_bounded)
{
    struct xs_watch *w = add_watch("root", false);
    char token[32], name[32], *path;
    bool root_reported = false;
    unsigned int n = 0;

    token_of_last(token);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "root/%d", i);
        xs_deliver_watch(name, token);
    }
    while (xs_watch_wait(w, 0, &path) == 0) {
        root_reported |= strcmp(path, "root") == 0;
        free(path);
        n++;
    }
    CHECK(n <= 300);
    CHECK(root_reported);
    xs_watch_del(w);
}
