/* SPDX-License-Identifier: MIT */
/*
 * Starting one process for exec.c. The child reports a failure of any step before the program runs
 * through a close-on-exec pipe, so the caller learns of a missing program as an error, not as an
 * exit code.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define MAX_ENV 1040
#define ROOT_OR_USER_LINE 512

enum step { STEP_USER, STEP_CWD, STEP_EXEC };
static const char *const step_text[] = {"no such user", "cannot enter the working directory",
                                        "cannot run the program"};

struct failure {
    int step;
    int error;
};

struct account {
    uid_t uid;
    gid_t gid;
    char home[256];
};

/* One line "name:x:uid:gid:gecos:home:shell" of /etc/passwd. */
static bool parse_account(char *line, const char *user, struct account *acc)
{
    char *field[7] = {0};
    size_t n = 0;

    for (char *p = line; p && n < 7; n++)
        field[n] = strsep(&p, ":\n");
    if (n < 7 || strcmp(field[0], user) != 0)
        return false;
    acc->uid = (uid_t)strtoul(field[2], NULL, 10);
    acc->gid = (gid_t)strtoul(field[3], NULL, 10);
    snprintf(acc->home, sizeof(acc->home), "%s", field[5]);
    return true;
}

static int find_account(const char *user, struct account *acc)
{
    char line[ROOT_OR_USER_LINE];
    bool found = false;
    FILE *f;

    *acc = (struct account){.home = "/root"};
    if (strcmp(user, "root") == 0)
        return 0;
    f = fopen("/etc/passwd", "re");
    if (!f)
        return -errno;
    while (!found && fgets(line, sizeof(line), f))
        found = parse_account(line, user, acc);
    fclose(f);
    return found ? 0 : -ENOENT;
}

static _Noreturn void fail(int report, enum step step)
{
    struct failure f = {.step = step, .error = errno};

    if (write(report, &f, sizeof(f)) != (ssize_t)sizeof(f))
        _exit(126);
    _exit(127);
}

static void join_cgroup(int cgroup)
{
    int fd = cgroup >= 0 ? openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        if (write(fd, "0", 1) != 1)
            perror("cgroup.procs");
        close(fd);
    }
}

/* The agent is spared from the OOM killer; what it runs is not. */
static void leave_to_oom(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (write(fd, "0", 1) != 1)
            perror("oom_score_adj");
        close(fd);
    }
}

static bool names_same(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");

    return strncmp(a, b, n) == 0 && b[n] == '=';
}

/* The defaults, then the caller's; a caller's name replaces a default. */
static void build_env(const char **out, const char **extra, const char **defaults)
{
    size_t n = 0;

    for (; *defaults; defaults++) {
        bool replaced = false;

        for (const char **e = extra; *e; e++)
            replaced |= names_same(*defaults, *e);
        if (!replaced)
            out[n++] = *defaults;
    }
    for (; *extra && n < MAX_ENV - 1; extra++)
        out[n++] = *extra;
    out[n] = NULL;
}

static _Noreturn void child(const struct spawn *sp, const struct account *acc, const int fds[3],
                            int report)
{
    static char home[300], user[300];
    static const char *env[MAX_ENV];
    const char *defaults[] = {"PATH=" DEFAULT_PATH, home, user, "LANG=C.UTF-8", "TERM=dumb", NULL};
    sigset_t none;

    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    join_cgroup(sp->cgroup);
    leave_to_oom();
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            fail(report, STEP_EXEC);
    if ((acc->uid || acc->gid) && (setgroups(1, &acc->gid) || setgid(acc->gid) || setuid(acc->uid)))
        fail(report, STEP_USER);
    if (chdir(sp->cwd[0] ? sp->cwd : acc->home) != 0 && (sp->cwd[0] || chdir("/") != 0))
        fail(report, STEP_CWD);
    snprintf(home, sizeof(home), "HOME=%s", acc->home);
    snprintf(user, sizeof(user), "USER=%s", sp->user[0] ? sp->user : "root");
    build_env(env, sp->env, defaults);
    setenv("PATH", DEFAULT_PATH, 1);
    for (const char **e = env; *e; e++)
        if (strncmp(*e, "PATH=", 5) == 0)
            setenv("PATH", *e + 5, 1); /* the search below uses ours, as a shell would */
    execvpe(sp->argv[0], (char *const *)sp->argv, (char *const *)env);
    fail(report, STEP_EXEC);
}

static void close_all(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* The child's three descriptors in c, ours in p. */
static int make_pipes(bool with_stdin, int c[3], int p[3])
{
    int t[2];

    if (with_stdin) {
        if (pipe2(t, O_CLOEXEC) != 0)
            return -errno;
        c[0] = t[0];
        p[0] = t[1];
    } else {
        c[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    for (int i = 1; i < 3; i++) {
        if (pipe2(t, O_CLOEXEC) != 0)
            return -errno;
        p[i] = t[0];
        c[i] = t[1];
    }
    for (int i = 0; i < 3; i++)
        if (p[i] >= 0 && fcntl(p[i], F_SETFL, O_NONBLOCK) != 0)
            return -errno;
    return c[0] >= 0 ? 0 : -EIO;
}

static int wait_for_exec(int report, pid_t pid, const char **text)
{
    struct failure f;
    ssize_t n;

    do
        n = read(report, &f, sizeof(f));
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(f))
        return 0;
    waitpid(pid, NULL, 0);
    *text = step_text[f.step >= 0 && f.step <= STEP_EXEC ? f.step : STEP_EXEC];
    return -f.error;
}

int spawn_start(struct spawn *sp, const char **text)
{
    int c[3] = {-1, -1, -1}, p[3] = {-1, -1, -1}, report[2] = {-1, -1};
    struct account acc;
    int rc = find_account(sp->user[0] ? sp->user : "root", &acc);

    *text = rc ? step_text[STEP_USER] : NULL;
    if (rc == 0)
        rc = make_pipes(sp->stdin_pipe, c, p);
    if (rc == 0 && pipe2(report, O_CLOEXEC) != 0)
        rc = -errno;
    if (rc == 0) {
        sp->pid = fork();
        if (sp->pid == 0)
            child(sp, &acc, c, report[1]);
        rc = sp->pid < 0 ? -errno : 0;
    }
    close_all(c, 3);
    close_all(report + 1, 1);
    if (rc == 0)
        rc = wait_for_exec(report[0], sp->pid, text);
    close_all(report, 1);
    if (rc) {
        close_all(p, 3);
        return rc;
    }
    sp->in = p[0];
    sp->out = p[1];
    sp->err = p[2];
    return 0;
}
