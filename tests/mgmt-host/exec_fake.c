/* SPDX-License-Identifier: MIT */
/* Commands of the host's session layer: a process group with three pipes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rt/rt.h>

#include "fake.h"
#include "host.h"

#define SLICE_NS 50000000ULL
#define PIECE 16384U

struct exec {
    char id[24];
    struct fake_session *session; /* NULL: it ended */
    pid_t pid;
    int in, out, err;
    bool exited, done;
    int status;
    uint64_t started, deadline;
    bool timed_out;
    unsigned int users; /* the handle and whoever waits in session_exec_stdin() */
    struct exec *next;
    uint8_t buf[PIECE];
};

static void put(struct exec *e)
{
    if (--e->users == 0)
        free(e);
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static struct exec *find(const char *session, const char *id)
{
    struct fake_session *s = fake_find(session);

    for (struct exec *e = s != NULL ? s->execs : NULL; e != NULL; e = e->next) {
        if (strcmp(e->id, id) == 0)
            return e;
    }
    return NULL;
}

static void child(const struct exec_spec *spec, const char *dir, int in, int out, int err)
{
    char **argv = calloc(spec->argc + 1, sizeof *argv);
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    memcpy(argv, spec->argv, spec->argc * sizeof *argv);
    for (size_t i = 0; i < spec->envc; i++)
        putenv(strdup(spec->env[i]));
    if (chdir(spec->cwd != NULL ? spec->cwd : dir) != 0)
        _exit(126);
    execvp(argv[0], argv);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static int spawn(struct exec *e, const struct exec_spec *spec, const char *dir)
{
    int in[2], out[2], err[2];

    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        return -EMFILE;
    e->pid = fork();
    if (e->pid == 0)
        child(spec, dir, in[0], out[1], err[1]);
    setpgid(e->pid, e->pid);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    e->in = in[1];
    e->out = out[0];
    e->err = err[0];
    fcntl(e->in, F_SETFL, O_NONBLOCK);
    if (!spec->with_stdin)
        shut(&e->in);
    return 0;
}

int session_exec(const char *id, const struct exec_spec *spec, struct exec **out)
{
    struct fake_session *s = fake_find(id);
    size_t bytes = 0;
    struct exec *e;

    if (s == NULL)
        return -ENOENT;
    if (s->info.state != SESSION_READY)
        return -EAGAIN;
    for (size_t i = 0; i < spec->argc; i++)
        bytes += strlen(spec->argv[i]) + 1;
    for (size_t i = 0; i < spec->envc; i++)
        bytes += strlen(spec->env[i]) + 1;
    if (bytes > EXEC_MAX_BYTES)
        return -E2BIG;
    e = calloc(1, sizeof *e);
    snprintf(e->id, sizeof e->id, "x-%u", ++s->next_exec);
    e->session = s;
    e->users = 1;
    e->started = rt_now();
    e->deadline = spec->timeout_ms ? e->started + spec->timeout_ms * 1000000ULL : UINT64_MAX;
    if (spawn(e, spec, s->dir) != 0) {
        free(e);
        return -EMFILE;
    }
    e->next = s->execs;
    s->execs = e;
    *out = e;
    return 0;
}

const char *exec_id(const struct exec *e)
{
    return e->id;
}

static void detach(struct exec *e)
{
    struct exec **link = &e->session->execs;

    while (*link != e)
        link = &(*link)->next;
    *link = e->next;
    e->session = NULL;
}

/* The session ends: its commands are killed, their handles stay until closed. */
void fake_end_execs(struct fake_session *s)
{
    while (s->execs != NULL) {
        kill(-s->execs->pid, SIGKILL);
        detach(s->execs);
    }
}

static bool read_one(struct exec *e, int *fd, enum exec_event_kind kind, struct exec_event *ev)
{
    ssize_t n = read(*fd, e->buf, sizeof e->buf);

    if (n <= 0) {
        shut(fd);
        return false;
    }
    *ev = (struct exec_event){.kind = kind, .data = e->buf, .len = (size_t)n};
    return true;
}

static void finish(struct exec *e, struct exec_event *ev)
{
    e->done = true;
    *ev = (struct exec_event){.kind = EXEC_DONE, .wall_ns = rt_now() - e->started};
    ev->how = e->timed_out ? "timeout" : WIFSIGNALED(e->status) ? "signal" : "exit";
    ev->code = WIFSIGNALED(e->status) ? WTERMSIG(e->status) : WEXITSTATUS(e->status);
    if (WIFEXITED(e->status) && ev->code == 127) {
        ev->how = "error";
        ev->code = ENOENT;
        snprintf(ev->text, sizeof ev->text, "no such program");
    }
    detach(e);
}

int exec_next(struct exec *e, struct exec_event *ev, uint64_t deadline)
{
    for (;;) {
        struct pollfd p[2] = {{e->out, POLLIN, 0}, {e->err, POLLIN, 0}};
        uint64_t now = rt_now(), until = now + SLICE_NS;

        if (e->session == NULL)
            return -ECONNRESET;
        if (now >= e->deadline && !e->timed_out) {
            e->timed_out = true;
            kill(-e->pid, SIGKILL);
        }
        host_block();
        poll(p, 2, host_timeout_ms(until < deadline ? until : deadline));
        host_unblock();
        if (p[0].revents != 0 && read_one(e, &e->out, EXEC_STDOUT, ev))
            return 0;
        if (p[1].revents != 0 && read_one(e, &e->err, EXEC_STDERR, ev))
            return 0;
        if (!e->exited && waitpid(e->pid, &e->status, WNOHANG) == e->pid)
            e->exited = true;
        if (e->session != NULL && e->exited && e->out < 0 && e->err < 0) {
            finish(e, ev);
            return 0;
        }
        if (rt_now() >= deadline)
            return -ETIMEDOUT;
    }
}

void exec_close(struct exec *e)
{
    if (e->session != NULL)
        detach(e);
    kill(-e->pid, SIGKILL);
    if (!e->exited)
        waitpid(e->pid, &e->status, 0);
    shut(&e->in);
    shut(&e->out);
    shut(&e->err);
    put(e);
}

int session_exec_stdin(const char *id, const char *exec, const uint8_t *data, size_t len, bool eof)
{
    struct exec *e = find(id, exec);
    int rc = 0;

    if (e == NULL)
        return -ENOENT;
    if (e->in < 0)
        return eof && len == 0 ? 0 : -EINVAL;
    e->users++;
    while (len > 0 && rc == 0) {
        ssize_t n = write(e->in, data, len);

        if (n > 0) {
            data += n;
            len -= (size_t)n;
        } else if (errno != EAGAIN) {
            break; /* nobody reads any more: dropped */
        } else {
            host_block();
            usleep(2000);
            host_unblock();
            if (e->session == NULL || e->in < 0)
                rc = -ENOENT;
        }
    }
    if (eof && rc == 0)
        shut(&e->in);
    put(e);
    return rc;
}

int session_exec_signal(const char *id, const char *exec, int signal)
{
    struct exec *e = find(id, exec);

    if (e == NULL)
        return -ENOENT;
    kill(-e->pid, signal);
    return 0;
}
