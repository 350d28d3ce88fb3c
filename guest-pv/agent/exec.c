/* SPDX-License-Identifier: MIT */
/*
 * Commands of the agent: start, feed, drain, time out, kill. Each command is the leader of its own
 * session and process group, and lives in its own cgroup where the kernel has one, so that killing
 * it kills all it started, whatever it did to its process group. Called by the agent's loop only.
 */
#include "agent.h"
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TERM_GRACE_NS 2000000000ULL /* between SIGTERM and SIGKILL after a time-out */

/* ---- request ---- */

/* Takes the next NUL-terminated string of [*at, end). */
static const char *next_string(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *nul = memchr(*at, 0, (size_t)(end - *at));
    const char *s = (const char *)*at;

    if (!nul)
        return NULL;
    *at = nul + 1;
    return s;
}

static int take_strings(const uint8_t **at, const uint8_t *end, uint32_t n, const char ***out)
{
    const char **v = calloc((size_t)n + 1, sizeof(*v));

    if (!v)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        v[i] = next_string(at, end);
        if (!v[i]) {
            free(v);
            return -EINVAL;
        }
    }
    *out = v;
    return 0;
}

static int parse(const uint8_t *req, uint32_t len, struct bh_exec_req *head, struct spawn *sp)
{
    const uint8_t *at = req + sizeof(*head), *end = req + len;
    int rc;

    if (len < sizeof(*head))
        return -EINVAL;
    memcpy(head, req, sizeof(*head));
    if (head->argc < 1 || head->argc > 1024 || head->envc > 1024 ||
        (head->flags & ~(BH_EXEC_STDIN | BH_EXEC_TTY)))
        return -EINVAL;
    rc = take_strings(&at, end, head->argc, &sp->argv);
    if (rc)
        return rc;
    rc = take_strings(&at, end, head->envc, &sp->env);
    if (rc)
        return rc;
    sp->cwd = next_string(&at, end);
    sp->user = sp->cwd ? next_string(&at, end) : NULL;
    return sp->user && at == end ? 0 : -EINVAL;
}

/* ---- start ---- */

static int cgroup_make(struct agent *a)
{
    char path[128];

    if (!a->cgroup_root)
        return -1;
    snprintf(path, sizeof(path), "%s/x%u", a->cgroup_root, a->next_cgroup++);
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return -1;
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void cgroup_kill(int cgroup)
{
    int fd = cgroup >= 0 ? openat(cgroup, "cgroup.kill", O_WRONLY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        if (write(fd, "1", 1) != 1)
            perror("cgroup.kill");
        close(fd);
    }
}

static void cgroup_drop(int cgroup)
{
    char link[64], path[256];
    ssize_t n;

    if (cgroup < 0)
        return;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", cgroup);
    n = readlink(link, path, sizeof(path) - 1);
    close(cgroup);
    if (n > 0) {
        path[n] = 0;
        rmdir(path); /* stays while something that was left running lives in it */
    }
}

int exec_open(struct agent *a, struct stream *s, const uint8_t *req, uint32_t len,
              const char **text)
{
    struct bh_exec_req head;
    struct spawn sp = {.stdin_pipe = false};
    int rc = parse(req, len, &head, &sp);

    s->x = (struct exec_state){.in = -1, .out = -1, .err = -1, .cgroup = -1};
    if (rc) {
        *text = "malformed request";
        goto out;
    }
    if (head.flags & BH_EXEC_STDIN) {
        sp.stdin_pipe = true;
        s->x.stdin_buf = malloc(BH_STREAM_WINDOW);
        if (!s->x.stdin_buf) {
            rc = -ENOMEM;
            goto out;
        }
    }
    s->x.cgroup = sp.cgroup = cgroup_make(a);
    s->x.started = agent_now();
    s->x.kill_at = AGENT_FOREVER;
    s->x.deadline = head.timeout_ms ? s->x.started + head.timeout_ms * 1000000ULL : AGENT_FOREVER;
    rc = spawn_start(&sp, text);
    if (rc == 0) {
        s->kind = STREAM_EXEC;
        s->x.pid = sp.pid;
        s->x.in = sp.in;
        s->x.out = sp.out;
        s->x.err = sp.err;
    }
out:
    free(sp.argv);
    free(sp.env);
    if (rc)
        exec_close(s);
    return rc;
}

void exec_close(struct stream *s)
{
    int fds[] = {s->x.in, s->x.out, s->x.err};

    for (size_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (s->x.pid > 0) {
        cgroup_kill(s->x.cgroup);
        kill(-s->x.pid, SIGKILL);
    }
    cgroup_drop(s->x.cgroup);
    free(s->x.stdin_buf);
    s->x = (struct exec_state){.in = -1, .out = -1, .err = -1, .cgroup = -1};
}

/* ---- input and signals ---- */

int exec_stdin(struct stream *s, const uint8_t *data, uint32_t len)
{
    struct exec_state *x = &s->x;

    if (x->in < 0 || x->stdin_eof)
        return -EPIPE;
    for (uint32_t i = 0; i < len; i++)
        x->stdin_buf[(x->stdin_head + x->stdin_len + i) % BH_STREAM_WINDOW] = data[i];
    x->stdin_len += len;
    return 0;
}

void exec_stdin_eof(struct stream *s)
{
    s->x.stdin_eof = true;
}

void exec_signal(struct stream *s, int sig)
{
    if (s->x.pid > 0 && sig > 0)
        kill(-s->x.pid, sig);
}

static void kill_all(struct exec_state *x)
{
    if (x->pid > 0)
        kill(-x->pid, SIGKILL);
    cgroup_kill(x->cgroup);
    x->kill_at = AGENT_FOREVER;
}

void exec_cancel(struct stream *s)
{
    s->x.cancelled = true;
    kill_all(&s->x);
}

void exec_reaped(struct agent *a, pid_t pid, int status)
{
    for (size_t i = 0; i < BH_MAX_STREAMS; i++) {
        struct stream *s = &a->streams[i];

        if (s->kind == STREAM_EXEC && s->x.pid == pid) {
            if (s->x.timed_out || s->x.cancelled)
                kill_all(&s->x); /* its children must not outlive it */
            s->x.pid = 0;
            s->x.status = status;
            return;
        }
    }
}

/* ---- pumping ---- */

static bool feed_stdin(struct agent *a, struct stream *s)
{
    struct exec_state *x = &s->x;
    uint32_t run = BH_STREAM_WINDOW - x->stdin_head;
    ssize_t n;

    if (x->in < 0)
        return false;
    if (x->stdin_len == 0) {
        if (!x->stdin_eof)
            return false;
        close(x->in);
        x->in = -1;
        return true;
    }
    if (vchan_writable(&a->vc) < 512) {
        a->want_space = true;
        return false;
    }
    n = write(x->in, x->stdin_buf + x->stdin_head, run < x->stdin_len ? run : x->stdin_len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n < 0) { /* the command closed its stdin: what is queued is lost, as in a pipe */
        agent_credit(a, s, x->stdin_len);
        x->stdin_len = 0;
        close(x->in);
        x->in = -1;
        return true;
    }
    x->stdin_head = (x->stdin_head + (uint32_t)n) % BH_STREAM_WINDOW;
    x->stdin_len -= (uint32_t)n;
    agent_credit(a, s, (uint32_t)n);
    return true;
}

/* Reads what fits credit and ring. Returns whether data moved; *dry tells that nothing is there
 * now. */
static bool drain_pipe(struct agent *a, struct stream *s, int *fd, enum bh_msg_type type, bool *dry)
{
    uint8_t buf[BH_MSG_MAX_PAYLOAD];
    uint32_t room = agent_room(a);
    ssize_t n;

    *dry = *fd < 0;
    if (*dry || room == 0 || s->credit == 0)
        return false;
    n = read(*fd, buf, room < s->credit ? room : s->credit);
    if (n > 0) {
        s->credit -= (uint32_t)n;
        agent_send(a, s->id, type, 0, buf, (uint32_t)n);
        return true;
    }
    *dry = true;
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(*fd);
        *fd = -1;
        return true;
    }
    return false;
}

static bool finish(struct agent *a, struct stream *s, uint64_t now)
{
    int st = s->x.status;
    uint32_t code = (uint32_t)(WIFSIGNALED(st) ? WTERMSIG(st) : WEXITSTATUS(st));
    enum bh_done_kind kind = WIFSIGNALED(st) ? BH_DONE_SIGNAL : BH_DONE_EXIT;

    if (s->x.timed_out) {
        kind = BH_DONE_TIMEOUT;
        code = WIFSIGNALED(st) ? code : SIGTERM;
    }
    return agent_done(a, s, kind, code, now - s->x.started, NULL);
}

static void check_time(struct exec_state *x, uint64_t now)
{
    if (x->pid > 0 && now >= x->deadline) {
        x->timed_out = true;
        x->deadline = AGENT_FOREVER;
        x->kill_at = now + TERM_GRACE_NS;
        kill(-x->pid, SIGTERM);
    }
    if (now >= x->kill_at)
        kill_all(x);
}

bool exec_pump(struct agent *a, struct stream *s, uint64_t now)
{
    bool out_dry, err_dry, moved;

    check_time(&s->x, now);
    moved = feed_stdin(a, s);
    moved |= drain_pipe(a, s, &s->x.out, BH_MSG_STDOUT, &out_dry);
    moved |= drain_pipe(a, s, &s->x.err, BH_MSG_STDERR, &err_dry);
    /* The command has ended: what it wrote is delivered first. What it left running in the
     * background keeps running, but its output is no longer ours. */
    if (s->x.pid == 0 && ((out_dry && err_dry) || s->x.cancelled))
        moved |= finish(a, s, now);
    return moved;
}

unsigned int exec_poll(const struct agent *a, const struct stream *s, struct pollfd *p,
                       uint64_t *wake)
{
    const struct exec_state *x = &s->x;
    unsigned int n = 0;

    if (x->in >= 0 && x->stdin_len > 0 && !a->want_space)
        p[n++] = (struct pollfd){.fd = x->in, .events = POLLOUT};
    if (s->credit > 0 && !a->want_space) {
        if (x->out >= 0)
            p[n++] = (struct pollfd){.fd = x->out, .events = POLLIN};
        if (x->err >= 0)
            p[n++] = (struct pollfd){.fd = x->err, .events = POLLIN};
    }
    if (x->deadline < *wake)
        *wake = x->deadline;
    if (x->kill_at < *wake)
        *wake = x->kill_at;
    return n;
}
