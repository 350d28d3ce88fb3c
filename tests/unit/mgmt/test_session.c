/* SPDX-License-Identifier: MIT */
/*
 * Sessions from end to end on the host: the real session table, builder, xenstore, channel and
 * devices over a fake hypervisor, with an agent thread that is honest or hostile.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bearssl.h>

#include <rt/rt.h>
#include <rt/thread.h>
#include <rt/xs.h>

#include "bh_hashtree.h"
#include "bulkhead.h"
#include "drivers/worker.h"
#include "fake_agent.h"
#include "fake_rt.h"
#include "session/internal.h"

static uint8_t kernel[8192], base[4096], tree[8192], root[32];

static void make_modules(void)
{
    struct bh_hashtree_header h;
    br_sha256_context c;
    uint64_t v;

    memcpy(kernel, "\177ELF\2\1\1", 7);
    kernel[16] = 2, kernel[18] = 62, kernel[32] = 64, kernel[54] = 56, kernel[56] = 2;
    kernel[64] = 1; /* PT_LOAD */
    v = 4096, memcpy(kernel + 72, &v, 8);
    v = 16U << 20, memcpy(kernel + 88, &v, 8);
    v = 4096, memcpy(kernel + 96, &v, 8);
    v = 8192, memcpy(kernel + 104, &v, 8);
    kernel[120] = 4; /* PT_NOTE */
    v = 1024, memcpy(kernel + 128, &v, 8);
    v = 24, memcpy(kernel + 152, &v, 8);
    kernel[1024] = 4, kernel[1028] = 8, kernel[1032] = 18;
    memcpy(kernel + 1036, "Xen", 4);
    v = 16U << 20, memcpy(kernel + 1040, &v, 8);
    CHECK(bh_hashtree_layout(sizeof(base), &h) == 0 && h.total_length == sizeof(tree));
    memcpy(tree, &h, sizeof(h));
    br_sha256_init(&c);
    br_sha256_update(&c, base, sizeof(base));
    br_sha256_out(&c, tree + 4096);
    br_sha256_init(&c);
    br_sha256_update(&c, tree, sizeof(tree));
    br_sha256_out(&c, root);
}

int rt_module_find(const char *name, struct rt_module *m)
{
    static const struct {
        const char *name;
        const uint8_t *data;
        size_t size;
    } modules[] = {{"kernel", kernel, sizeof(kernel)},
                   {"initrd", base, 100},
                   {"base", base, sizeof(base)},
                   {"basetree", tree, sizeof(tree)},
                   {"basehash", root, sizeof(root)}};

    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
        if (strcmp(modules[i].name, name) == 0) {
            *m = (struct rt_module){modules[i].data, modules[i].size};
            return 0;
        }
    }
    return -ENOENT;
}

int rt_option(const char *key, char *value, size_t len)
{
    (void)key;
    (void)value;
    (void)len;
    return -ENOENT;
}

uint64_t rt_option_u64(const char *key, uint64_t fallback)
{
    (void)key;
    return fallback;
}

static void set_up(enum fake_agent_mode mode)
{
    static bool started;

    if (!started) {
        started = true;
        make_modules();
        fake_domains[1].exists = true;
        CHECK(worker_init() == 0);
        CHECK(xenstore_init() == 0);
        CHECK(session_init() == 0);
        fake_on_start = fake_agent_start;
    }
    fake_agent_mode = mode;
}

/* Everything is given back: frames, mappings, event channels, nodes, entries. */
static void check_clean(void)
{
    char **names;
    size_t n;

    thread_sleep(2000000000);
    CHECK_EQ(session_count(), 0);
    CHECK_EQ(fake_free_frames, FAKE_FRAMES);
    CHECK_EQ(fake_open_ports(), 0);
    CHECK(xs_directory(XS_TX_NONE, "/local/domain", &names, &n) == 0);
    for (size_t i = 0; i < n; i++)
        CHECK(strcmp(names[i], "0") == 0 || strcmp(names[i], "1") == 0);
    free(names);
}

static struct session_info create(uint32_t mb)
{
    struct session_spec spec = {.name = "test", .memory_mb = mb};
    struct session_info info;
    const char *why = "";

    CHECK_EQ(session_create(&spec, true, &info, &why), 0);
    CHECK(info.state == SESSION_READY);
    return info;
}

static struct exec *start(const char *id, const char *arg0, const char *arg1, bool with_stdin)
{
    const char *argv[] = {arg0, arg1};
    struct exec_spec spec = {.argv = argv, .argc = 2, .with_stdin = with_stdin};
    struct exec *e;

    CHECK_EQ(session_exec(id, &spec, &e), 0);
    return e;
}

TEST(create_exec_delete)
{
    struct session_info info, list[4];
    struct exec_event ev;
    struct exec *e;

    set_up(AGENT_GOOD);
    info = create(128);
    CHECK(info.memory_frames == 128 * 256 && info.ready_ns > 0);
    CHECK(strcmp(info.address, "10.77.1.1") == 0);
    CHECK_EQ(session_list(0, list, 4), 1);
    e = start(info.id, "echo", "hello", false);
    CHECK(strcmp(exec_id(e), "x-1") == 0);
    CHECK(exec_next(e, &ev, WAIT_FOREVER) == 0 && ev.kind == EXEC_STDOUT);
    CHECK(ev.len == 5 && memcmp(ev.data, "hello", 5) == 0);
    CHECK(exec_next(e, &ev, WAIT_FOREVER) == 0 && ev.kind == EXEC_STDERR && ev.len == 1);
    CHECK(exec_next(e, &ev, WAIT_FOREVER) == 0 && ev.kind == EXEC_DONE);
    CHECK(strcmp(ev.how, "exit") == 0 && ev.code == 0 && ev.wall_ns == 5);
    CHECK(exec_next(e, &ev, WAIT_FOREVER) == -EINVAL);
    exec_close(e);
    CHECK_EQ(session_delete(info.id), 0);
    CHECK_EQ(session_delete(info.id), -ENOENT);
    CHECK_EQ(session_get(info.id, &info), -ENOENT);
    check_clean();
}

static unsigned int threads_done;

static void exec_thread(void *arg)
{
    struct exec *e = start(arg, "flood", "200000", false);
    struct exec_event ev = {0};
    uint32_t n = 0;

    while (exec_next(e, &ev, WAIT_FOREVER) == 0 && ev.kind != EXEC_DONE) {
        for (size_t i = 0; i < ev.len; i++, n++)
            CHECK(ev.data[i] == (uint8_t)((n * 13) >> 3));
    }
    CHECK(ev.kind == EXEC_DONE && n == 200000);
    exec_close(e);
    threads_done++;
}

TEST(many_commands_at_once)
{
    struct session_info info;

    set_up(AGENT_GOOD);
    info = create(128);
    threads_done = 0;
    for (int i = 0; i < 60; i++)
        CHECK(thread_create(exec_thread, info.id, "exec", 0) == 0);
    while (threads_done < 60)
        thread_sleep(10000000);
    CHECK_EQ(session_delete(info.id), 0);
    check_clean();
}

TEST(streams_are_limited_and_come_back)
{
    struct session_info info;
    struct exec *e[BH_MAX_STREAMS], *more;
    const char *argv[] = {"hang"};
    struct exec_spec spec = {.argv = argv, .argc = 1};

    set_up(AGENT_GOOD);
    info = create(128);
    for (unsigned int i = 0; i < BH_MAX_STREAMS; i++)
        CHECK_EQ(session_exec(info.id, &spec, &e[i]), 0);
    CHECK_EQ(session_exec(info.id, &spec, &more), -EMFILE);
    for (unsigned int i = 0; i < BH_MAX_STREAMS; i++)
        exec_close(e[i]); /* kills it */
    thread_sleep(100000000);
    CHECK_EQ(session_exec(info.id, &spec, &more), 0);
    exec_close(more);
    CHECK_EQ(session_delete(info.id), 0);
    check_clean();
}

TEST(alternating_output_stays_small)
{
    struct session_info info;
    struct exec_event ev;
    struct exec *e;
    unsigned int n[2] = {0, 0};

    set_up(AGENT_GOOD);
    info = create(128);
    e = start(info.id, "mix", "60000", false);
    thread_sleep(5000000000); /* all of it arrives unread */
    while (exec_next(e, &ev, WAIT_FOREVER) == 0 && ev.kind != EXEC_DONE) {
        for (size_t i = 0; i < ev.len; i++)
            CHECK(ev.data[i] == (ev.kind == EXEC_STDOUT ? 'o' : 'e'));
        n[ev.kind == EXEC_STDERR] += (unsigned int)ev.len;
    }
    CHECK(ev.kind == EXEC_DONE && n[0] == 30000 && n[1] == 30000);
    exec_close(e);
    CHECK_EQ(session_delete(info.id), 0);
    check_clean();
}

TEST(stdin_and_signals)
{
    struct session_info info;
    struct exec_event ev;
    struct exec *e;

    set_up(AGENT_GOOD);
    info = create(128);
    e = start(info.id, "cat", "", true);
    CHECK_EQ(session_exec_stdin(info.id, exec_id(e), (const uint8_t *)"abc", 3, false), 0);
    CHECK(exec_next(e, &ev, WAIT_FOREVER) == 0 && ev.len == 3 && memcmp(ev.data, "abc", 3) == 0);
    CHECK_EQ(session_exec_stdin(info.id, exec_id(e), NULL, 0, true), 0);
    CHECK(exec_next(e, &ev, WAIT_FOREVER) == 0 && ev.kind == EXEC_DONE);
    CHECK_EQ(session_exec_stdin(info.id, exec_id(e), (const uint8_t *)"x", 1, false), -ENOENT);
    exec_close(e);
    e = start(info.id, "hang", "", false);
    CHECK_EQ(session_exec_stdin(info.id, exec_id(e), (const uint8_t *)"x", 1, false), -EINVAL);
    CHECK_EQ(session_exec_signal(info.id, exec_id(e), 0), -EINVAL);
    CHECK_EQ(session_exec_signal(info.id, exec_id(e), 15), 0);
    CHECK(exec_next(e, &ev, WAIT_FOREVER) == 0 && strcmp(ev.how, "signal") == 0 && ev.code == 15);
    exec_close(e);
    CHECK_EQ(session_exec_signal(info.id, "x-99", 15), -ENOENT);
    e = start(info.id, "hang", "", false);
    CHECK_EQ(exec_next(e, &ev, rt_now() + 1000000), -ETIMEDOUT);
    CHECK_EQ(session_delete(info.id), 0);
    CHECK_EQ(exec_next(e, &ev, WAIT_FOREVER), -ECONNRESET);
    exec_close(e);
    check_clean();
}

TEST(files_go_both_ways)
{
    static uint8_t data[1000000];
    struct session_info info;
    struct file_stat st;
    struct file *f;
    size_t n = 0;
    long got;

    set_up(AGENT_GOOD);
    info = create(128);
    CHECK_EQ(session_file_read(info.id, "relative", &st, &f), -EINVAL);
    CHECK_EQ(session_file_read(info.id, "/none", &st, &f), -BH_EFILE_NOENT);
    CHECK_EQ(session_file_read(info.id, "/data", &st, &f), 0);
    CHECK_EQ(st.size, sizeof(data));
    while ((got = file_read(f, data + n, sizeof(data) - n > 5000 ? 5000 : sizeof(data) - n,
                            WAIT_FOREVER)) > 0)
        n += (size_t)got;
    CHECK(got == 0 && n == sizeof(data));
    for (uint32_t i = 0; i < n; i++)
        CHECK(data[i] == (uint8_t)((i * 13) >> 3));
    file_close(f);
    CHECK_EQ(session_file_write(info.id, "/out", 0644, false, &f), 0);
    CHECK_EQ(file_write(f, data, sizeof(data), WAIT_FOREVER), 0);
    CHECK_EQ(file_commit(f, WAIT_FOREVER), 0);
    file_close(f);
    CHECK_EQ(session_file_write(info.id, "/out", 0644, false, &f), 0);
    CHECK_EQ(file_write(f, data, 10, WAIT_FOREVER), 0);
    CHECK_EQ(file_commit(f, WAIT_FOREVER), -28); /* the guest's own word */
    file_close(f);
    CHECK_EQ(session_file_write(info.id, "/dropped", 0644, false, &f), 0);
    file_close(f);
    CHECK_EQ(session_delete(info.id), 0);
    check_clean();
}

TEST(bad_specs_are_refused)
{
    struct session_spec spec = {.name = "ok", .memory_mb = 95};
    struct session_info info;
    const char *why = NULL;

    set_up(AGENT_GOOD);
    CHECK(session_create(&spec, false, &info, &why) == -EINVAL && strncmp(why, "memory", 6) == 0);
    spec.memory_mb = 65537;
    CHECK(session_create(&spec, false, &info, &why) == -EINVAL);
    spec.memory_mb = 128;
    spec.vcpus = 5;
    CHECK(session_create(&spec, false, &info, &why) == -EINVAL && strncmp(why, "vcpus", 5) == 0);
    spec.vcpus = 1;
    strcpy(spec.name, "not ok");
    CHECK(session_create(&spec, false, &info, &why) == -EINVAL && strncmp(why, "name", 4) == 0);
    strcpy(spec.name, "");
    spec.memory_mb = 8192;
    CHECK(session_create(&spec, false, &info, &why) == -ENOSPC && strstr(why, "memory") != NULL);
    check_clean();
}

static struct session_info created[16];

static void create_thread(void *arg)
{
    *(struct session_info *)arg = create(128);
    threads_done++;
}

TEST(several_are_created_at_once)
{
    set_up(AGENT_GOOD);
    threads_done = 0;
    for (int i = 0; i < 16; i++)
        CHECK(thread_create(create_thread, &created[i], "create", 0) == 0);
    while (threads_done < 16)
        thread_sleep(10000000);
    for (int i = 0; i < 16; i++) {
        for (int k = 0; k < i; k++)
            CHECK(strcmp(created[i].address, created[k].address) != 0 &&
                  strcmp(created[i].id, created[k].id) != 0);
    }
    for (int i = 0; i < 16; i++)
        CHECK_EQ(session_delete(created[i].id), 0);
    check_clean();
}

TEST(failures_while_building_leave_nothing)
{
    struct session_spec spec = {.memory_mb = 128};
    struct session_info info;
    const char *why;
    int rc = -1;

    set_up(AGENT_GOOD);
    for (unsigned int n = 1; n < 40 && rc != 0; n++) {
        fake_fail_after = n;
        rc = session_create(&spec, true, &info, &why);
        if (rc == 0)
            break;
        fake_fail_after = 0;
        check_clean();
    }
    fake_fail_after = 0;
    CHECK_EQ(rc, 0);
    CHECK_EQ(session_delete(info.id), 0);
    check_clean();
}

TEST(the_guest_dies)
{
    static const struct {
        uint32_t reason;
        const char *text;
    } ends[] = {{0, "powered off"}, {3, "kernel panic"}, {BH_REASON_TRIPLE_FAULT, "triple fault"}};
    struct session_info info;
    char buf[32];

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        set_up(AGENT_GOOD);
        info = create(128);
        for (uint16_t d = 2; d < FAKE_DOMAINS; d++) {
            if (fake_domains[d].exists)
                fake_domain_ends(d, ends[i].reason);
        }
        thread_sleep(1000000000);
        CHECK_EQ(session_get(info.id, &info), 0);
        CHECK(info.state == SESSION_FAILED && strstr(info.reason, ends[i].text) != NULL);
        CHECK_EQ(fake_free_frames, FAKE_FRAMES); /* its memory is back at once */
        CHECK(session_console(info.id, buf, sizeof(buf)) >= 0);
        CHECK_EQ(session_delete(info.id), 0);
        check_clean();
    }
}

TEST(no_agent_in_time)
{
    struct session_spec spec = {.memory_mb = 128};
    struct session_info info;
    const char *why;

    set_up(AGENT_NEVER);
    CHECK_EQ(session_create(&spec, true, &info, &why), -ETIMEDOUT);
    check_clean();
    CHECK_EQ(session_create(&spec, false, &info, &why), 0);
    CHECK(info.state == SESSION_STARTING);
    CHECK_EQ(session_delete(info.id), 0);
    check_clean();
}

TEST(time_is_up)
{
    struct session_spec spec = {.memory_mb = 128, .timeout_s = 100};
    struct session_info info;
    const char *why;

    set_up(AGENT_GOOD);
    CHECK_EQ(session_create(&spec, true, &info, &why), 0);
    CHECK(info.expires_ms == info.created_ms + 100000);
    thread_sleep(97000000000);
    CHECK_EQ(session_get(info.id, &info), 0);
    thread_sleep(5000000000);
    CHECK_EQ(session_get(info.id, &info), -ENOENT);
    CHECK(fake_audits("session.expire") > 0);
    check_clean();
}

TEST(hostile_offers)
{
    static const enum fake_agent_mode modes[] = {AGENT_BAD_REF, AGENT_BAD_ORDER, AGENT_BAD_VERSION};
    struct session_spec spec = {.memory_mb = 128};
    struct session_info info;
    const char *why;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        set_up(modes[i]);
        CHECK(session_create(&spec, true, &info, &why) != 0);
        check_clean();
    }
}

TEST(hostile_frames_end_the_channel)
{
    static const enum fake_agent_mode modes[] = {AGENT_LONG_FRAME,     AGENT_BAD_INDEX,
                                                 AGENT_UNKNOWN_STREAM, AGENT_OVERRUN,
                                                 AGENT_BAD_CREDIT,     AGENT_BAD_TYPE};
    struct session_info info;
    struct exec_event ev;
    struct exec *e;
    int rc;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        set_up(modes[i]);
        info = create(128);
        e = start(info.id, "echo", "x", false);
        thread_sleep(1000000000); /* unread, or reading would give the overrun its credit */
        do {
            rc = exec_next(e, &ev, WAIT_FOREVER);
        } while (rc == 0);
        CHECK_EQ(rc, -ECONNRESET);
        exec_close(e);
        thread_sleep(30000000000);
        CHECK_EQ(session_get(info.id, &info), 0);
        CHECK(info.state == SESSION_FAILED && strncmp(info.reason, "agent lost", 10) == 0);
        CHECK_EQ(session_delete(info.id), 0);
        check_clean();
    }
}

TEST(one_reconnect)
{
    struct session_info info;
    struct exec_event ev;
    struct exec *e;

    set_up(AGENT_COMES_BACK);
    info = create(128);
    e = start(info.id, "echo", "x", false);
    CHECK_EQ(exec_next(e, &ev, WAIT_FOREVER), -ECONNRESET);
    exec_close(e);
    thread_sleep(1000000000);
    e = start(info.id, "echo", "again", false);
    CHECK(exec_next(e, &ev, WAIT_FOREVER) == 0 && ev.len == 5);
    exec_close(e);
    CHECK_EQ(session_delete(info.id), 0);
    check_clean();
}
