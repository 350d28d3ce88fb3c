/* SPDX-License-Identifier: MIT */
/*
 * rt/thread.h and time over ucontext; the test's own stack is the first thread.
 */
#include "fake_rt.h"

#include <errno.h>
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include <rt/rt.h>
#include <rt/thread.h>

#define STACK 131072U

struct thread {
    ucontext_t ctx;
    struct thread *next; /* in queue */
    struct waitq *queue;
    struct thread *all_next;
    uint64_t deadline;
    int result;
    thread_fn *fn;
    void *arg;
    uint8_t *stack; /* NULL: the test's */
    void *fake_stack;
};

static struct thread first, *current = &first, *all = &first, *ended;
static struct waitq ready;
static uint64_t now = 1000000000;
static const void *first_bottom;
static size_t first_size;

static void append(struct waitq *q, struct thread *t)
{
    t->queue = q;
    t->next = NULL;
    if (q->tail != NULL)
        q->tail->next = t;
    else
        q->head = t;
    q->tail = t;
}

static void detach(struct thread *t)
{
    struct waitq *q = t->queue;
    struct thread *prev = NULL;

    if (q == NULL)
        return;
    for (struct thread *i = q->head; i != t; i = i->next)
        prev = i;
    if (prev != NULL)
        prev->next = t->next;
    else
        q->head = t->next;
    if (q->tail == t)
        q->tail = prev;
    t->queue = NULL;
}

static void wake(struct thread *t, int result)
{
    detach(t);
    t->deadline = WAIT_FOREVER;
    t->result = result;
    append(&ready, t);
}

static void reap(void)
{
    struct thread **link = &all;

    if (ended == NULL)
        return;
    while (*link != ended)
        link = &(*link)->all_next;
    *link = ended->all_next;
    free(ended->stack);
    free(ended);
    ended = NULL;
}

static void let_time_pass(void)
{
    struct thread *soonest = NULL;

    for (struct thread *t = all; t != NULL; t = t->all_next) {
        if (t->queue != NULL && t->deadline != WAIT_FOREVER &&
            (soonest == NULL || t->deadline < soonest->deadline))
            soonest = t;
    }
    if (soonest == NULL) {
        fprintf(stderr, "fake_rt: every thread waits for ever\n");
        abort();
    }
    if (soonest->deadline > now)
        now = soonest->deadline;
    wake(soonest, -ETIMEDOUT);
}

static void switch_away(bool for_good)
{
    struct thread *from = current, *to;

    if (ready.head == NULL)
        let_time_pass();
    to = ready.head;
    detach(to);
    if (to == from)
        return;
    current = to;
    __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake_stack,
                                   to->stack != NULL ? to->stack : first_bottom,
                                   to->stack != NULL ? STACK : first_size);
    if (for_good)
        setcontext(&to->ctx);
    else
        swapcontext(&from->ctx, &to->ctx);
    __sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
    reap();
}

static void start(void)
{
    const void *bottom;
    size_t size;

    __sanitizer_finish_switch_fiber(NULL, &bottom, &size);
    if (first_bottom == NULL || first_size == 0) {
        first_bottom = bottom;
        first_size = size;
    }
    reap();
    current->fn(current->arg);
    ended = current;
    switch_away(true);
}

int thread_create(thread_fn *fn, void *arg, const char *name, size_t stack_bytes)
{
    struct thread *t = calloc(1, sizeof(*t));

    (void)name;
    (void)stack_bytes;
    t->fn = fn;
    t->arg = arg;
    t->stack = malloc(STACK);
    t->deadline = WAIT_FOREVER;
    getcontext(&t->ctx);
    t->ctx.uc_stack.ss_sp = t->stack;
    t->ctx.uc_stack.ss_size = STACK;
    makecontext(&t->ctx, start, 0);
    t->all_next = all;
    all = t;
    append(&ready, t);
    return 0;
}

void thread_yield(void)
{
    append(&ready, current);
    current->deadline = WAIT_FOREVER;
    switch_away(false);
}

int waitq_wait(struct waitq *wq, uint64_t deadline)
{
    append(wq, current);
    current->deadline = deadline;
    switch_away(false);
    return current->result;
}

void waitq_wake_one(struct waitq *wq)
{
    if (wq->head != NULL)
        wake(wq->head, 0);
}

void waitq_wake_all(struct waitq *wq)
{
    while (wq->head != NULL)
        wake(wq->head, 0);
}

void thread_sleep_until(uint64_t when)
{
    struct waitq nobody = {NULL, NULL};

    (void)waitq_wait(&nobody, when);
}

void thread_sleep(uint64_t ns)
{
    thread_sleep_until(now + ns);
}

uint64_t rt_now(void)
{
    return now;
}

uint64_t rt_wallclock(void)
{
    return now + 1700000000000000000ULL;
}

void fake_run(void)
{
    do {
        thread_yield();
    } while (ready.head != NULL);
}
