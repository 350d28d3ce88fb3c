/* SPDX-License-Identifier: MIT */
/*
 * The xenstore behind a sandbox's ring, driven as a guest would: through the shared page, byte by
 * byte where it matters, and with hostile indices and lengths.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/wire.h"

static struct store store;
static struct xenstore_domain_interface page;
static struct xs_ring ring;
static struct xs_conn mgmt;
static char mgmt_events[8][XS_PATH_SPACE];
static unsigned int nr_mgmt_events;

static void mgmt_event(struct xs_conn *c, const char *path, const char *token)
{
    (void)c;
    (void)token;
    if (nr_mgmt_events < 8)
        snprintf(mgmt_events[nr_mgmt_events++], XS_PATH_SPACE, "%s", path);
}

/* A request of mgmt; args are separated by '|', which becomes NUL. A final NUL is added unless raw.
 */
static char answer[XS_REPLY_MAX + 1];
static size_t answer_len;

static size_t pack(const char *args, char *out)
{
    size_t len = strlen(args);

    for (size_t i = 0; i <= len; i++)
        out[i] = args[i] == '|' ? '\0' : args[i];
    return len;
}

static int as_mgmt(uint32_t type, uint32_t tx, const char *args, bool nul)
{
    char in[4096];
    size_t len = pack(args, in);
    int rc = store_request(&mgmt, type, tx, in, len + (nul ? 1 : 0), answer, &answer_len);

    answer[rc == 0 ? answer_len : 0] = '\0';
    if (rc == 0 && type == XS_WATCH)
        store_fire_new_watch(&mgmt);
    return rc;
}

static void set_up(void)
{
    memset(&page, 0, sizeof(page));
    nr_mgmt_events = 0;
    CHECK(store_init(&store) == 0);
    store_open(&store, &mgmt, 0, false, &xs_quota_mgmt, mgmt_event, NULL);
    wire_open(&ring, &store, 7, true, &xs_quota_sandbox, &page, NULL);
    CHECK(as_mgmt(XS_MKDIR, 0, "/local/domain/7", true) == 0);
    CHECK(as_mgmt(XS_SET_PERMS, 0, "/local/domain/7|n0|r7", true) == 0);
    CHECK(as_mgmt(XS_MKDIR, 0, "/local/domain/7/data", true) == 0);
    CHECK(as_mgmt(XS_SET_PERMS, 0, "/local/domain/7/data|n7", true) == 0);
    CHECK(as_mgmt(XS_WRITE, 0, "/local/domain/1/backend/vif/7/0/state|1", false) == 0);
    CHECK(as_mgmt(XS_SET_PERMS, 0, "/local/domain/1/backend/vif/7/0/state|n1|r7", true) == 0);
    CHECK(as_mgmt(XS_SET_PERMS, 0, "/local/domain/1/backend/vif/7/0|n1|r7", true) == 0);
    CHECK(as_mgmt(XS_WRITE, 0, "/local/domain/8/data/secret|x", false) == 0);
}

static void tear_down(void)
{
    wire_close(&ring);
    store_close(&mgmt);
    store_destroy(&store);
}

/* ---- the guest's side of the ring ---- */

static void guest_put(const void *data, size_t len)
{
    const char *from = data;

    for (size_t i = 0; i < len; i++)
        page.req[MASK_XENSTORE_IDX(page.req_prod + i)] = from[i];
    page.req_prod += (uint32_t)len;
}

static size_t guest_get(void *data, size_t len)
{
    char *to = data;
    size_t n = 0;

    while (n < len && page.rsp_cons != page.rsp_prod)
        to[n++] = page.rsp[MASK_XENSTORE_IDX(page.rsp_cons++)];
    return n;
}

static struct xsd_sockmsg reply_hdr;
static char reply_data[4097];

static bool guest_reply(void)
{
    (void)wire_pump(&ring, 8);
    if (guest_get(&reply_hdr, sizeof(reply_hdr)) != sizeof(reply_hdr))
        return false;
    for (size_t got = 0; got < reply_hdr.len;) {
        size_t n = guest_get(reply_data + got, reply_hdr.len - got);

        if (n == 0)
            (void)wire_pump(&ring, 8);
        got += n;
    }
    reply_data[reply_hdr.len] = '\0';
    return true;
}

static uint32_t as_guest(uint32_t type, uint32_t tx, const char *args, bool nul)
{
    static uint32_t req_id;
    char in[4096];
    size_t len = pack(args, in) + (nul ? 1 : 0);
    struct xsd_sockmsg h = {.type = type, .req_id = ++req_id, .tx_id = tx, .len = (uint32_t)len};

    guest_put(&h, sizeof(h));
    for (size_t done = 0, n; done < len; done += n) { /* the ring holds 1 KB */
        n = len - done < 512 ? len - done : 512;
        guest_put(in + done, n);
        if (n == 512)
            (void)wire_pump(&ring, 8);
    }
    do {
        CHECK(guest_reply());
    } while (reply_hdr.type == XS_WATCH_EVENT);
    CHECK_EQ(reply_hdr.req_id, req_id);
    return reply_hdr.type;
}

static bool refused(uint32_t type, const char *args, bool nul, const char *error)
{
    return as_guest(type, 0, args, nul) == XS_ERROR && strcmp(reply_data, error) == 0;
}

TEST(guest_reads_and_writes_its_own)
{
    set_up();
    CHECK_EQ(as_guest(XS_WRITE, 0, "data/a/b|hello", false), XS_WRITE);
    CHECK_EQ(as_guest(XS_READ, 0, "data/a/b", true), XS_READ);
    CHECK(strcmp(reply_data, "hello") == 0 && reply_hdr.len == 5);
    CHECK_EQ(as_guest(XS_DIRECTORY, 0, "data", true), XS_DIRECTORY);
    CHECK(reply_hdr.len == 2 && strcmp(reply_data, "a") == 0);
    CHECK_EQ(as_guest(XS_READ, 0, "/local/domain/2/data/a/b", true), XS_READ);
    CHECK(as_mgmt(XS_READ, 0, "/local/domain/7/data/a/b", true) == 0);
    CHECK(strcmp(answer, "hello") == 0);
    CHECK_EQ(as_guest(XS_RM, 0, "data/a", true), XS_RM);
    CHECK(refused(XS_READ, "data/a/b", true, "ENOENT"));
    CHECK(refused(XS_RM, "data/x/y", true, "ENOENT"));
    CHECK_EQ(as_guest(XS_RM, 0, "data/x", true), XS_RM);
    tear_down();
}

TEST(guest_never_sees_its_number)
{
    set_up();
    CHECK_EQ(as_guest(XS_READ, 0, "/local/domain/1/backend/vif/2/0/state", true), XS_READ);
    CHECK(strcmp(reply_data, "1") == 0);
    CHECK_EQ(as_guest(XS_GET_PERMS, 0, "/local/domain/1/backend/vif/2/0/state", true),
             XS_GET_PERMS);
    CHECK(strcmp(reply_data, "n1") == 0 && strcmp(reply_data + 3, "r2") == 0);
    CHECK_EQ(as_guest(XS_WRITE, 0, "data/p|1", false), XS_WRITE);
    CHECK_EQ(as_guest(XS_SET_PERMS, 0, "data/p|n2|r0", true), XS_SET_PERMS);
    CHECK(as_mgmt(XS_GET_PERMS, 0, "/local/domain/7/data/p", true) == 0);
    CHECK(strcmp(answer, "n7") == 0);
    tear_down();
}

TEST(others_are_out_of_reach)
{
    set_up();
    CHECK(refused(XS_READ, "/local/domain/8/data/secret", true, "EACCES"));
    CHECK(refused(XS_DIRECTORY, "/local/domain", true, "EACCES"));
    CHECK(refused(XS_WRITE, "/local/domain/8/data/secret|y", false, "EACCES"));
    CHECK(refused(XS_WRITE, "new|y", false, "EACCES"));
    CHECK(refused(XS_RM, "/local/domain/7", true, "EACCES"));
    CHECK(refused(XS_RM, "/", true, "EINVAL"));
    CHECK(refused(XS_WRITE, "/local/domain/1/backend/vif/2/0/state|4", false, "EACCES"));
    CHECK(refused(XS_SET_PERMS, "data|n0", true, "EPERM"));
    CHECK(refused(XS_SET_PERMS, "/local/domain/1/backend/vif/2/0|n2", true, "EPERM"));
    CHECK(refused(XS_WATCH, "@releaseDomain|t", true, "EACCES"));
    CHECK(refused(XS_IS_DOMAIN_INTRODUCED, "7", true, "EACCES"));
    CHECK(refused(XS_INTRODUCE, "7|1|1", true, "ENOSYS"));
    CHECK(refused(XS_CONTROL, "check", true, "ENOSYS"));
    tear_down();
}

TEST(bad_requests_get_an_error)
{
    char deep[128] = "data";

    set_up();
    CHECK(refused(XS_READ, "data", false, "EINVAL"));
    CHECK(refused(XS_READ, "", false, "EINVAL"));
    CHECK(refused(XS_READ, "data//x", true, "EINVAL"));
    CHECK(refused(XS_READ, "data/", true, "EINVAL"));
    CHECK(refused(XS_READ, "data/../x", true, "EINVAL"));
    CHECK(refused(XS_READ, "/local/domain/7/da ta", true, "EINVAL"));
    CHECK(refused(XS_TRANSACTION_END, "T", true, "ENOENT"));
    CHECK(refused(XS_WATCH, "data|tok", false, "EINVAL"));
    CHECK(refused(XS_SET_PERMS, "data|x2", true, "EINVAL"));
    CHECK(refused(XS_SET_PERMS, "data|n99999", true, "EINVAL"));
    CHECK(refused(0xffff, "data", true, "ENOSYS"));
    for (int i = 0; i < 30; i++)
        strcat(deep, "/a");
    CHECK(refused(XS_MKDIR, deep, true, "EINVAL"));
    tear_down();
}

static uint32_t tx_begin(void)
{
    CHECK_EQ(as_guest(XS_TRANSACTION_START, 0, "", true), XS_TRANSACTION_START);
    return (uint32_t)atoi(reply_data);
}

TEST(transaction_is_atomic)
{
    uint32_t tx;

    set_up();
    tx = tx_begin();
    CHECK_EQ(as_guest(XS_WRITE, tx, "data/x/one|1", false), XS_WRITE);
    CHECK_EQ(as_guest(XS_WRITE, tx, "data/x/two|2", false), XS_WRITE);
    CHECK_EQ(as_guest(XS_DIRECTORY, tx, "data/x", true), XS_DIRECTORY);
    CHECK_EQ(reply_hdr.len, 8);
    CHECK(refused(XS_READ, "data/x/one", true, "ENOENT"));
    CHECK_EQ(as_guest(XS_RM, tx, "data/x/one", true), XS_RM);
    CHECK_EQ(as_guest(XS_TRANSACTION_END, tx, "T", true), XS_TRANSACTION_END);
    CHECK(refused(XS_READ, "data/x/one", true, "ENOENT"));
    CHECK_EQ(as_guest(XS_READ, 0, "data/x/two", true), XS_READ);
    tx = tx_begin();
    CHECK_EQ(as_guest(XS_RM, tx, "data/x", true), XS_RM);
    CHECK_EQ(as_guest(XS_READ, tx, "data/x/two", true), XS_ERROR);
    CHECK_EQ(as_guest(XS_WRITE, tx, "data/x/three|3", false), XS_WRITE);
    CHECK_EQ(as_guest(XS_DIRECTORY, tx, "data/x", true), XS_DIRECTORY);
    CHECK(reply_hdr.len == 6 && strcmp(reply_data, "three") == 0);
    CHECK_EQ(as_guest(XS_TRANSACTION_END, tx, "T", true), XS_TRANSACTION_END);
    CHECK(refused(XS_READ, "data/x/two", true, "ENOENT"));
    CHECK_EQ(as_guest(XS_READ, 0, "data/x/three", true), XS_READ);
    tx = tx_begin();
    CHECK_EQ(as_guest(XS_WRITE, tx, "data/x/three|no", false), XS_WRITE);
    CHECK_EQ(as_guest(XS_TRANSACTION_END, tx, "F", true), XS_TRANSACTION_END);
    CHECK_EQ(as_guest(XS_READ, 0, "data/x/three", true), XS_READ);
    CHECK(strcmp(reply_data, "3") == 0);
    tear_down();
}

TEST(transaction_conflicts_are_seen)
{
    uint32_t tx;

    set_up();
    CHECK_EQ(as_guest(XS_WRITE, 0, "data/a|1", false), XS_WRITE);
    tx = tx_begin();
    CHECK_EQ(as_guest(XS_READ, tx, "data/a", true), XS_READ);
    CHECK(as_mgmt(XS_WRITE, 0, "/local/domain/7/data/a|2", false) == 0);
    CHECK_EQ(as_guest(XS_WRITE, tx, "data/b|1", false), XS_WRITE);
    CHECK_EQ(as_guest(XS_TRANSACTION_END, tx, "T", true), XS_ERROR);
    CHECK(strcmp(reply_data, "EAGAIN") == 0);
    CHECK(refused(XS_READ, "data/b", true, "ENOENT"));
    tx = tx_begin();
    CHECK_EQ(as_guest(XS_READ, tx, "data/new", true), XS_ERROR);
    CHECK(as_mgmt(XS_WRITE, 0, "/local/domain/7/data/new|2", false) == 0);
    CHECK_EQ(as_guest(XS_TRANSACTION_END, tx, "T", true), XS_ERROR);
    tx = tx_begin(); /* what others do elsewhere does not matter */
    CHECK_EQ(as_guest(XS_WRITE, tx, "data/a|5", false), XS_WRITE);
    CHECK(as_mgmt(XS_WRITE, 0, "/local/domain/8/data/q|2", false) == 0);
    CHECK_EQ(as_guest(XS_TRANSACTION_END, tx, "T", true), XS_TRANSACTION_END);
    tear_down();
}

TEST(watches_fire)
{
    set_up();
    CHECK_EQ(as_guest(XS_WATCH, 0, "data/w|tok", true), XS_WATCH);
    CHECK(guest_reply() && reply_hdr.type == XS_WATCH_EVENT); /* fires once at once */
    CHECK(strcmp(reply_data, "data/w") == 0 && strcmp(reply_data + 7, "tok") == 0);
    CHECK(as_mgmt(XS_WRITE, 0, "/local/domain/7/data/w/sub|1", false) == 0);
    CHECK(guest_reply() && strcmp(reply_data, "data/w/sub") == 0);
    CHECK(!guest_reply());
    CHECK_EQ(as_guest(XS_WATCH, 0, "/local/domain/1/backend/vif/2/0/state|s", true), XS_WATCH);
    CHECK(guest_reply());
    CHECK(as_mgmt(XS_WRITE, 0, "/local/domain/1/backend/vif/7/0/state|4", false) == 0);
    CHECK(guest_reply() && strcmp(reply_data, "/local/domain/1/backend/vif/2/0/state") == 0);
    CHECK(as_mgmt(XS_RM, 0, "/local/domain/7/data", true) == 0);
    CHECK(guest_reply() && strcmp(reply_data, "data/w") == 0);
    CHECK(!guest_reply());
    CHECK_EQ(as_guest(XS_UNWATCH, 0, "data/w|tok", true), XS_UNWATCH);
    CHECK(refused(XS_UNWATCH, "data/w|tok", true, "ENOENT"));
    /* No event tells of what may not be read. */
    CHECK_EQ(as_guest(XS_WATCH, 0, "/local/domain/8/data|x", true), XS_WATCH);
    CHECK(guest_reply());
    CHECK(as_mgmt(XS_WRITE, 0, "/local/domain/8/data/secret|1", false) == 0);
    CHECK(!guest_reply());
    tear_down();
}

TEST(mgmt_watches_and_specials)
{
    set_up();
    CHECK(as_mgmt(XS_WATCH, 0, "@releaseDomain|t", true) == 0);
    CHECK(as_mgmt(XS_WATCH, 0, "/local/domain/7/data|t", true) == 0);
    CHECK_EQ(nr_mgmt_events, 2);
    store_fire_special(&store, "@releaseDomain");
    CHECK_EQ(nr_mgmt_events, 3);
    CHECK_EQ(as_guest(XS_WRITE, 0, "data/a|1", false), XS_WRITE);
    CHECK(strcmp(mgmt_events[3], "/local/domain/7/data/a") == 0);
    tear_down();
}

TEST(quotas_hold)
{
    char text[XS_VALUE_MAX + 64];
    uint32_t type = XS_WRITE;
    int n;

    set_up();
    for (n = 0; n < 1000 && type == XS_WRITE; n++) {
        snprintf(text, sizeof(text), "data/n%d|v", n);
        type = as_guest(XS_WRITE, 0, text, false);
    }
    CHECK(type == XS_ERROR && strcmp(reply_data, "ENOSPC") == 0);
    CHECK_EQ(n, xs_quota_sandbox.nodes); /* "data" is one of them */
    CHECK_EQ(as_guest(XS_RM, 0, "data/n0", true), XS_RM);
    CHECK_EQ(as_guest(XS_WRITE, 0, "data/again|v", false), XS_WRITE);
    for (n = 0, type = XS_WATCH; n < 1000 && type == XS_WATCH; n++) {
        snprintf(text, sizeof(text), "data/n%d|t", n);
        type = as_guest(XS_WATCH, 0, text, true);
    }
    CHECK_EQ(n - 1, xs_quota_sandbox.watches);
    for (n = 0, type = XS_TRANSACTION_START; n < 100 && type == XS_TRANSACTION_START; n++)
        type = as_guest(XS_TRANSACTION_START, 0, "", true);
    CHECK_EQ(n - 1, xs_quota_sandbox.txs);
    memset(text, 'x', sizeof(text));
    memcpy(text, "data/big|", 9);
    text[9 + XS_VALUE_MAX + 1] = '\0';
    CHECK(refused(XS_WRITE, text, false, "E2BIG"));
    CHECK_EQ(as_guest(XS_RESET_WATCHES, 0, "", true), XS_RESET_WATCHES);
    CHECK_EQ(as_guest(XS_TRANSACTION_START, 0, "", true), XS_TRANSACTION_START);
    tear_down();
}

TEST(transaction_touches_a_bounded_number)
{
    char text[64];
    uint32_t tx, type = XS_READ;
    unsigned int n;

    set_up();
    tx = tx_begin();
    for (n = 0; n < 1000; n++) {
        snprintf(text, sizeof(text), "data/n%u|", n);
        type = as_guest(XS_WRITE, tx, text, false);
        if (type == XS_ERROR)
            break;
    }
    CHECK(n < xs_quota_sandbox.tx_entries);
    CHECK(strcmp(reply_data, "ENOSPC") == 0);
    tear_down();
}

TEST(who_does_not_read_events_is_dropped)
{
    set_up();
    CHECK_EQ(as_guest(XS_WATCH, 0, "data|t", true), XS_WATCH);
    for (int i = 0; i < 10000 && !ring.dead; i++)
        CHECK(as_mgmt(XS_WRITE, 0, "/local/domain/7/data/x|1", false) == 0);
    CHECK(ring.dead);
    CHECK(ring.out_bytes <= xs_quota_sandbox.out_bytes);
    tear_down();
}

TEST(unread_replies_stop_the_requests)
{
    struct xsd_sockmsg h = {.type = XS_DIRECTORY, .len = 5};

    set_up();
    for (int i = 0; i < 100000 && !ring.dead; i++) {
        if (page.req_prod - page.req_cons <= XENSTORE_RING_SIZE - 21) {
            guest_put(&h, sizeof(h));
            guest_put("data", 5);
        }
        (void)wire_pump(&ring, 8);
    }
    CHECK(!ring.dead);
    CHECK(ring.out_bytes < 20000);
    tear_down();
}

TEST(hostile_indices_end_the_connection)
{
    set_up();
    page.req_prod = page.req_cons + XENSTORE_RING_SIZE + 1;
    CHECK(wire_pump(&ring, 8).notify);
    CHECK(ring.dead && page.error == XENSTORE_ERROR_RINGIDX);
    tear_down();
    set_up();
    CHECK_EQ(as_guest(XS_READ, 0, "data", true), XS_READ);
    page.rsp_cons = page.rsp_prod + 5;
    as_mgmt(XS_WRITE, 0, "/local/domain/7/data/x|1", false);
    struct xsd_sockmsg h = {.type = XS_READ, .len = 5};
    guest_put(&h, sizeof(h));
    guest_put("data", 5);
    (void)wire_pump(&ring, 8);
    CHECK(ring.dead);
    tear_down();
}

TEST(hostile_length_ends_the_connection)
{
    struct xsd_sockmsg h = {.type = XS_WRITE, .len = XENSTORE_PAYLOAD_MAX + 1};

    set_up();
    guest_put(&h, sizeof(h));
    (void)wire_pump(&ring, 8);
    CHECK(ring.dead && page.error == XENSTORE_ERROR_PROTO);
    tear_down();
}

TEST(requests_arrive_in_pieces)
{
    struct xsd_sockmsg h = {.type = XS_WRITE, .req_id = 9, .len = 2003};
    char body[2003];

    set_up();
    memset(body, 'v', sizeof(body));
    memcpy(body, "data/x", 7);
    guest_put(&h, 7);
    CHECK(!guest_reply());
    guest_put((char *)&h + 7, sizeof(h) - 7);
    CHECK(!guest_reply());
    guest_put(body, 1000);
    CHECK(!guest_reply());
    guest_put(body + 1000, 1003);
    CHECK(guest_reply() && reply_hdr.type == XS_WRITE && reply_hdr.req_id == 9);
    CHECK_EQ(as_guest(XS_READ, 0, "data/x", true), XS_READ);
    CHECK_EQ(reply_hdr.len, 1996);
    tear_down();
}
