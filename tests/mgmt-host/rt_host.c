/* SPDX-License-Identifier: MIT */
/* The runtime's contract (guest-pv/rt/include/rt) on the host, as far as mgmt's API uses it. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <rt/rt.h>
#include <rt/thread.h>

#include "host.h"

struct thread {
    pthread_cond_t cond;
    struct thread *next;
    bool woken;
    char name[16];
    thread_fn *fn;
    void *arg;
};

static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER;
static __thread struct thread *self;
static int option_count;
static char **options;

static void thread_init(struct thread *t)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->cond, &attr);
}

void host_init(int argc, char **argv)
{
    static struct thread first;

    option_count = argc - 1;
    options = argv + 1;
    thread_init(&first);
    self = &first;
    pthread_mutex_lock(&big_lock);
}

void host_block(void)
{
    pthread_mutex_unlock(&big_lock);
}

void host_unblock(void)
{
    pthread_mutex_lock(&big_lock);
}

int host_timeout_ms(uint64_t deadline)
{
    uint64_t now = rt_now();

    if (deadline <= now)
        return 0;
    if (deadline - now > 3600ULL * 1000000000ULL)
        return 3600 * 1000;
    return (int)((deadline - now + 999999) / 1000000);
}

static void *run(void *arg)
{
    self = arg;
    pthread_mutex_lock(&big_lock);
    self->fn(self->arg);
    pthread_mutex_unlock(&big_lock);
    free(self);
    return NULL;
}

int thread_create(thread_fn *fn, void *arg, const char *name, size_t stack_bytes)
{
    struct thread *t = calloc(1, sizeof *t);
    pthread_t id;

    (void)stack_bytes;
    if (t == NULL)
        return -ENOMEM;
    thread_init(t);
    snprintf(t->name, sizeof t->name, "%s", name);
    t->fn = fn;
    t->arg = arg;
    if (pthread_create(&id, NULL, run, t) != 0) {
        free(t);
        return -ENOMEM;
    }
    pthread_detach(id);
    return 0;
}

struct thread *thread_self(void)
{
    return self;
}

const char *thread_name(void)
{
    return self->name;
}

void thread_yield(void)
{
    thread_sleep(1000000);
}

void thread_sleep(uint64_t ns)
{
    struct timespec ts = {(time_t)(ns / 1000000000U), (long)(ns % 1000000000U)};

    host_block();
    nanosleep(&ts, NULL);
    host_unblock();
}

void thread_sleep_until(uint64_t when)
{
    uint64_t now = rt_now();

    thread_sleep(when > now ? when - now : 0);
}

static void unlink_waiter(struct waitq *wq, struct thread *t)
{
    struct thread *before = NULL;

    for (struct thread *w = wq->head; w != NULL; before = w, w = w->next) {
        if (w != t)
            continue;
        if (before != NULL)
            before->next = w->next;
        else
            wq->head = w->next;
        if (wq->tail == w)
            wq->tail = before;
        return;
    }
}

int waitq_wait(struct waitq *wq, uint64_t deadline)
{
    uint64_t limit = rt_now() + 3600ULL * 1000000000ULL;
    struct timespec ts;

    deadline = deadline < limit ? deadline : limit;
    ts.tv_sec = (time_t)(deadline / 1000000000U);
    ts.tv_nsec = (long)(deadline % 1000000000U);
    self->woken = false;
    self->next = NULL;
    if (wq->tail != NULL)
        wq->tail->next = self;
    else
        wq->head = self;
    wq->tail = self;
    while (!self->woken) {
        if (pthread_cond_timedwait(&self->cond, &big_lock, &ts) == ETIMEDOUT && !self->woken) {
            unlink_waiter(wq, self);
            return -ETIMEDOUT;
        }
    }
    return 0;
}

void waitq_wake_one(struct waitq *wq)
{
    struct thread *t = wq->head;

    if (t == NULL)
        return;
    unlink_waiter(wq, t);
    t->woken = true;
    pthread_cond_signal(&t->cond);
}

void waitq_wake_all(struct waitq *wq)
{
    while (wq->head != NULL)
        waitq_wake_one(wq);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

uint64_t rt_now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t rt_wallclock(void)
{
    return clock_ns(CLOCK_REALTIME);
}

void rt_random(void *buf, size_t len)
{
    if (getrandom(buf, len, 0) != (ssize_t)len)
        abort();
}

void rt_log(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    fflush(stdout);
}

int rt_option(const char *key, char *value, size_t len)
{
    size_t n = strlen(key);

    for (int i = option_count - 1; i >= 0; i--) {
        if (strncmp(options[i], key, n) == 0 && options[i][n] == '=') {
            snprintf(value, len, "%s", options[i] + n + 1);
            return 0;
        }
    }
    return -ENOENT;
}

uint64_t rt_option_u64(const char *key, uint64_t fallback)
{
    char text[32];

    return rt_option(key, text, sizeof text) == 0 ? strtoull(text, NULL, 0) : fallback;
}
