/* SPDX-License-Identifier: MIT */
/*
 * The agent served by a real process over rings in shared memory; this side plays mgmt. Only the
 * Xen devices are replaced, by event descriptors.
 */
#include "test.h"
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RING (1U << BH_AGENT_RING_ORDER)

struct peer {
    struct vchan_interface *ctl;
    uint8_t *to, *from;
    uint32_t to_prod, from_cons;
    int agent_event, peer_event;
    pid_t pid;
    struct bh_msg m; /* last frame */
    uint8_t data[BH_MSG_MAX_PAYLOAD + 1];
};

static struct {
    int agent_event, peer_event;
} wires;

static void tell_peer(void *ctx)
{
    (void)ctx;
    eventfd_write(wires.peer_event, 1);
}

static void drain(void *ctx)
{
    eventfd_t v;

    (void)ctx;
    eventfd_read(wires.agent_event, &v);
}

static void agent_process(const struct peer *p)
{
    static struct agent a;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    a.child_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    a.event_fd = p->agent_event;
    a.vc = (struct vchan){.ctl = p->ctl,
                          .in = p->to,
                          .out = p->from,
                          .in_size = RING,
                          .out_size = RING,
                          .notify = tell_peer};
    _exit(-agent_run(&a, drain));
}

static struct peer *peer_start(void)
{
    struct peer *p = calloc(1, sizeof(*p));

    p->ctl = mmap(NULL, 4096 + 2 * RING, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    p->to = (uint8_t *)p->ctl + 4096;
    p->from = p->to + RING;
    p->ctl->cli_live = 2;
    p->ctl->srv_notify = VCHAN_NOTIFY_READ | VCHAN_NOTIFY_WRITE;
    p->agent_event = wires.agent_event = eventfd(0, EFD_NONBLOCK);
    p->peer_event = wires.peer_event = eventfd(0, EFD_NONBLOCK);
    fflush(stdout);
    p->pid = fork();
    if (p->pid == 0)
        agent_process(p);
    return p;
}

/* Ends the agent; returns its error as a positive number. */
static int peer_stop(struct peer *p)
{
    int status = 0;

    p->ctl->cli_live = 0;
    eventfd_write(p->agent_event, 1);
    waitpid(p->pid, &status, 0);
    munmap(p->ctl, 4096 + 2 * RING);
    close(p->agent_event);
    close(p->peer_event);
    free(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void put(struct peer *p, const void *buf, uint32_t n)
{
    while (RING - (p->to_prod - __atomic_load_n(&p->ctl->left.cons, __ATOMIC_ACQUIRE)) < n)
        usleep(200);
    for (uint32_t i = 0; i < n; i++)
        p->to[(p->to_prod + i) % RING] = ((const uint8_t *)buf)[i];
    p->to_prod += n;
    __atomic_store_n(&p->ctl->left.prod, p->to_prod, __ATOMIC_RELEASE);
    eventfd_write(p->agent_event, 1);
}

static void send_frame(struct peer *p, uint32_t stream, int type, uint32_t arg, const void *data,
                       uint32_t len)
{
    struct bh_msg m = {.length = len, .stream = stream, .type = (uint16_t)type, .arg = arg};

    put(p, &m, sizeof(m));
    if (len)
        put(p, data, len);
}

static bool get(struct peer *p, void *buf, uint32_t n)
{
    for (int tries = 0; tries < 100000; tries++) {
        if (__atomic_load_n(&p->ctl->right.prod, __ATOMIC_ACQUIRE) - p->from_cons >= n) {
            for (uint32_t i = 0; i < n; i++)
                ((uint8_t *)buf)[i] = p->from[(p->from_cons + i) % RING];
            p->from_cons += n;
            __atomic_store_n(&p->ctl->right.cons, p->from_cons, __ATOMIC_RELEASE);
            p->ctl->srv_notify = VCHAN_NOTIFY_READ | VCHAN_NOTIFY_WRITE;
            eventfd_write(p->agent_event, 1);
            return true;
        }
        usleep(100);
    }
    return false;
}

static bool next_frame(struct peer *p)
{
    if (!get(p, &p->m, sizeof(p->m)) || p->m.length > BH_MSG_MAX_PAYLOAD)
        return false;
    p->data[p->m.length] = 0;
    return p->m.length == 0 || get(p, p->data, p->m.length);
}

struct result {
    uint32_t out, err; /* bytes */
    uint64_t sum;      /* of stdout's and DATA's bytes */
    char text[4096];   /* start of stdout */
    char errtext[4096];
    struct bh_done done;
    struct bh_stat stat;
    bool eof;
};

/* Collects a stream to its DONE, giving credit back as it goes. Frames of others are dropped. */
static bool collect(struct peer *p, uint32_t id, struct result *r)
{
    memset(r, 0, sizeof(*r));
    while (next_frame(p)) {
        if (p->m.stream != id)
            continue;
        switch (p->m.type) {
        case BH_MSG_STDOUT:
        case BH_MSG_DATA:
            for (uint32_t i = 0; i < p->m.length; i++, r->out++) {
                r->sum += p->data[i];
                if (r->out < sizeof(r->text) - 1)
                    r->text[r->out] = (char)p->data[i];
            }
            send_frame(p, id, BH_MSG_CREDIT, p->m.length, NULL, 0);
            break;
        case BH_MSG_STDERR:
            snprintf(r->errtext, sizeof(r->errtext), "%.4000s", (char *)p->data);
            r->err += p->m.length;
            send_frame(p, id, BH_MSG_CREDIT, p->m.length, NULL, 0);
            break;
        case BH_MSG_STAT:
            memcpy(&r->stat, p->data, sizeof(r->stat));
            break;
        case BH_MSG_EOF:
            r->eof = true;
            break;
        case BH_MSG_DONE:
            memcpy(&r->done, p->data, sizeof(r->done));
            return true;
        default:
            break;
        }
    }
    return false;
}

static void start_with(struct peer *p, uint32_t id, uint32_t timeout_ms, uint32_t flags,
                       const char *cwd, const char *user, int argc, const char *const *argv)
{
    uint8_t buf[8192];
    struct bh_exec_req req = {
        .argc = (uint32_t)argc, .envc = 1, .timeout_ms = timeout_ms, .flags = flags};
    size_t n = sizeof(req);

    memcpy(buf, &req, sizeof(req));
    for (int i = 0; i < argc; i++) {
        strcpy((char *)buf + n, argv[i]);
        n += strlen(argv[i]) + 1;
    }
    for (int i = 0; i < 3; i++) {
        const char *s = i == 0 ? "COLOUR=blue" : i == 1 ? cwd : user;

        strcpy((char *)buf + n, s);
        n += strlen(s) + 1;
    }
    send_frame(p, id, BH_MSG_EXEC, 0, buf, (uint32_t)n);
}

static void shell(struct peer *p, uint32_t id, const char *line, uint32_t timeout_ms,
                  uint32_t flags)
{
    const char *argv[] = {"/bin/sh", "-c", line};

    start_with(p, id, timeout_ms, flags, "/", "", 3, argv);
}

TEST(hello_names_the_kernel)
{
    struct peer *p = peer_start();

    send_frame(p, 0, BH_MSG_HELLO, BH_AGENT_VERSION, NULL, 0);
    CHECK(next_frame(p));
    CHECK(p->m.type == BH_MSG_HELLO && p->m.arg == BH_AGENT_VERSION && p->m.length > 2);
    CHECK(peer_stop(p) == ENOTCONN);
}

TEST(exec_keeps_streams_apart_and_passes_the_code)
{
    struct peer *p = peer_start();
    struct result r;

    shell(p, 1, "echo out $COLOUR; echo err >&2; pwd; exit 7", 0, 0);
    CHECK(collect(p, 1, &r));
    CHECK(strcmp(r.text, "out blue\n/\n") == 0);
    CHECK(strcmp(r.errtext, "err\n") == 0);
    CHECK(r.done.kind == BH_DONE_EXIT && r.done.code == 7);
    shell(p, 2, "kill -9 $$", 0, 0);
    CHECK(collect(p, 2, &r));
    CHECK(r.done.kind == BH_DONE_SIGNAL && r.done.code == 9);
    peer_stop(p);
}

TEST(exec_errors_are_errors)
{
    struct peer *p = peer_start();
    struct result r;
    const char *none[] = {"/nonexistent/program"}, *yes[] = {"true"};

    start_with(p, 1, 0, 0, "/", "", 1, none);
    CHECK(collect(p, 1, &r) && r.done.kind == BH_DONE_ERROR && r.done.code == ENOENT);
    start_with(p, 2, 0, 0, "/no/such/dir", "", 1, yes);
    CHECK(collect(p, 2, &r) && r.done.kind == BH_DONE_ERROR && r.done.code == ENOENT);
    start_with(p, 3, 0, 0, "/", "nobody-of-that-name", 1, yes);
    CHECK(collect(p, 3, &r) && r.done.kind == BH_DONE_ERROR && r.done.code == ENOENT);
    send_frame(p, 4, BH_MSG_EXEC, 0, "short", 5);
    CHECK(collect(p, 4, &r) && r.done.kind == BH_DONE_ERROR && r.done.code == EINVAL);
    struct bh_exec_req lie = {.argc = 1000};
    send_frame(p, 5, BH_MSG_EXEC, 0, &lie, sizeof(lie));
    CHECK(collect(p, 5, &r) && r.done.kind == BH_DONE_ERROR && r.done.code == EINVAL);
    peer_stop(p);
}

TEST(stdin_flows_with_credit)
{
    struct peer *p = peer_start();
    uint8_t block[4096];
    uint64_t want = 0, sent = 0, credit = BH_STREAM_WINDOW, got = 0;
    bool done = false;

    shell(p, 9, "cat", 0, BH_EXEC_STDIN);
    memset(block, 'x', sizeof(block));
    want = 100 * sizeof(block);
    while (!done) {
        while (sent < want && credit >= sizeof(block)) {
            send_frame(p, 9, BH_MSG_STDIN, 0, block, sizeof(block));
            sent += sizeof(block);
            credit -= sizeof(block);
            if (sent == want)
                send_frame(p, 9, BH_MSG_STDIN_EOF, 0, NULL, 0);
        }
        if (!next_frame(p))
            break;
        if (p->m.type == BH_MSG_CREDIT)
            credit += p->m.arg;
        else if (p->m.type == BH_MSG_STDOUT) {
            got += p->m.length;
            send_frame(p, 9, BH_MSG_CREDIT, p->m.length, NULL, 0);
        } else if (p->m.type == BH_MSG_DONE)
            done = true;
    }
    CHECK(done && got == want);
    peer_stop(p);
}

TEST(time_out_kills_the_whole_group)
{
    struct peer *p = peer_start();
    struct result r;
    char line[200], path[] = "/tmp/bh-agent-XXXXXX";
    int fd = mkstemp(path);

    snprintf(line, sizeof(line), "trap '' TERM; (sleep 5; echo late > %s) & sleep 5", path);
    shell(p, 1, line, 200, 0);
    CHECK(collect(p, 1, &r));
    CHECK(r.done.kind == BH_DONE_TIMEOUT);
    CHECK(r.done.wall_ns > 150000000 && r.done.wall_ns < 4500000000);
    sleep(4);
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && st.st_size == 0);
    close(fd);
    unlink(path);
    peer_stop(p);
}

TEST(endless_output_is_bounded_and_cancelled)
{
    struct peer *p = peer_start();
    struct result r;
    uint32_t got = 0;

    shell(p, 1, "yes", 0, 0);
    while (got < BH_STREAM_WINDOW && next_frame(p))
        got += p->m.length;
    CHECK(got == BH_STREAM_WINDOW);
    usleep(50000);
    CHECK(p->ctl->right.prod == p->from_cons); /* without credit not a byte more */
    shell(p, 2, "echo still here", 0, 0);
    CHECK(collect(p, 2, &r) && strcmp(r.text, "still here\n") == 0);
    send_frame(p, 1, BH_MSG_CANCEL, 0, NULL, 0);
    CHECK(collect(p, 1, &r));
    CHECK(r.done.kind == BH_DONE_SIGNAL && r.done.code == SIGKILL);
    peer_stop(p);
}

TEST(fifty_at_once)
{
    struct peer *p = peer_start();
    uint32_t done = 0, right = 0;
    char line[64];

    for (uint32_t i = 1; i <= 50; i++) {
        snprintf(line, sizeof(line), "sleep 0.1; echo %u; exit %u", i, i);
        shell(p, i, line, 0, 0);
    }
    while (done < 50 && next_frame(p)) {
        struct bh_done d;

        if (p->m.type == BH_MSG_STDOUT && strtoul((char *)p->data, NULL, 10) == p->m.stream)
            right++;
        if (p->m.type != BH_MSG_DONE)
            continue;
        memcpy(&d, p->data, sizeof(d));
        right += d.kind == BH_DONE_EXIT && d.code == p->m.stream;
        done++;
    }
    CHECK(right == 100);
    peer_stop(p);
}

TEST(files_come_back_as_they_went)
{
    struct peer *p = peer_start();
    char dir[] = "/tmp/bh-agent-XXXXXX", path[100];
    uint8_t req[200], block[16384];
    struct bh_write_req w = {.mode = 0640, .flags = BH_WRITE_MKDIRS};
    struct result r;
    uint64_t sum = 0;
    struct stat st;

    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/deep/er/file", dir);
    memcpy(req, &w, sizeof(w));
    memcpy(req + sizeof(w), path, strlen(path));
    send_frame(p, 1, BH_MSG_WRITE, 0, req, (uint32_t)(sizeof(w) + strlen(path)));
    for (uint32_t i = 0; i < 64; i++) {
        memset(block, (int)i, sizeof(block));
        sum += i * sizeof(block);
        send_frame(p, 1, BH_MSG_DATA, 0, block, sizeof(block));
        while (next_frame(p) && p->m.type != BH_MSG_CREDIT)
            ;
    }
    CHECK(access(path, F_OK) != 0); /* not before it is whole */
    send_frame(p, 1, BH_MSG_EOF, 0, NULL, 0);
    CHECK(collect(p, 1, &r) && r.done.kind == BH_DONE_OK);
    CHECK(stat(path, &st) == 0 && st.st_size == 64 * 16384 && (st.st_mode & 07777) == 0640);
    send_frame(p, 2, BH_MSG_READ, 0, path, (uint32_t)strlen(path));
    CHECK(collect(p, 2, &r) && r.done.kind == BH_DONE_OK && r.eof);
    CHECK(r.out == 64 * 16384 && r.sum == sum && r.stat.size == r.out);
    send_frame(p, 3, BH_MSG_READ, 0, "/proc/version", 13);
    CHECK(collect(p, 3, &r) && r.out > 10 && r.stat.size == r.out);
    snprintf((char *)block, sizeof(block), "rm -rf %s", dir);
    CHECK(system((char *)block) == 0);
    peer_stop(p);
}

TEST(bad_paths_are_refused)
{
    struct peer *p = peer_start();
    struct result r;
    uint8_t req[64] = {0};

    send_frame(p, 1, BH_MSG_READ, 0, "etc/passwd", 10);
    CHECK(collect(p, 1, &r) && r.done.kind == BH_DONE_ERROR && r.done.code == EINVAL);
    send_frame(p, 2, BH_MSG_READ, 0, "/etc\0/passwd", 12);
    CHECK(collect(p, 2, &r) && r.done.code == EINVAL);
    send_frame(p, 3, BH_MSG_READ, 0, "/etc", 4);
    CHECK(collect(p, 3, &r) && r.done.code == EISDIR);
    memcpy(req + sizeof(struct bh_write_req), "/no/such/dir/x", 14);
    send_frame(p, 4, BH_MSG_WRITE, 0, req, sizeof(struct bh_write_req) + 14);
    CHECK(collect(p, 4, &r) && r.done.code == ENOENT);
    send_frame(p, 5, BH_MSG_WRITE, 0, req, 3);
    CHECK(collect(p, 5, &r) && r.done.code == EINVAL);
    peer_stop(p);
}

TEST(an_abandoned_write_leaves_nothing)
{
    struct peer *p = peer_start();
    char dir[] = "/tmp/bh-agent-XXXXXX";
    uint8_t req[100] = {0};
    struct result r;

    CHECK(mkdtemp(dir) != NULL);
    snprintf((char *)req + sizeof(struct bh_write_req), 80, "%s/x", dir);
    send_frame(p, 1, BH_MSG_WRITE, 0, req,
               (uint32_t)(sizeof(struct bh_write_req) + strlen(dir) + 2));
    send_frame(p, 1, BH_MSG_DATA, 0, "half", 4);
    send_frame(p, 1, BH_MSG_CANCEL, 0, NULL, 0);
    CHECK(collect(p, 1, &r) && r.done.kind == BH_DONE_ERROR && r.done.code == ECANCELED);
    CHECK(rmdir(dir) == 0);
    peer_stop(p);
}

static int violate(uint32_t stream, int type, uint32_t arg, const void *data, uint32_t len)
{
    struct peer *p = peer_start();

    shell(p, 1, "cat", 0, BH_EXEC_STDIN);
    send_frame(p, stream, type, arg, data, len);
    usleep(300000);
    return peer_stop(p);
}

TEST(protocol_violations_end_the_channel)
{
    struct bh_msg huge = {.length = BH_MSG_MAX_PAYLOAD + 1, .type = BH_MSG_EXEC, .stream = 2};
    struct peer *p;

    CHECK(violate(1, BH_MSG_EXEC, 0, "x", 1) == EPROTO);             /* id in use */
    CHECK(violate(0, BH_MSG_READ, 0, "/x", 2) == EPROTO);            /* id 0 */
    CHECK(violate(1, 999, 0, NULL, 0) == EPROTO);                    /* unknown type */
    CHECK(violate(1, BH_MSG_CREDIT, 0xffffffff, NULL, 0) == EPROTO); /* more than the window */
    CHECK(violate(1, BH_MSG_DATA, 0, "x", 1) == EPROTO);             /* file data for a command */
    CHECK(violate(77, BH_MSG_STDIN, 0, "x", 1) == ENOTCONN);         /* late frame: ignored */
    p = peer_start();
    put(p, &huge, sizeof(huge));
    usleep(100000);
    CHECK(peer_stop(p) == EPROTO);
    p = peer_start();
    p->ctl->left.prod = 0x80000000;
    eventfd_write(p->agent_event, 1);
    usleep(100000);
    CHECK(peer_stop(p) == EPROTO);
}
