/* SPDX-License-Identifier: MIT */
/*
 * Cooperative threads. The scheduler is the context of the entry stack: a thread that waits
 * switches to it, it runs event handlers, wakes sleepers and switches to the next ready thread, or
 * blocks in the hypervisor when there is none. Lists are intrusive; a thread is in at most one of
 * ready queue and a waitq (same links), and besides that in the list of sleepers.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen/sched.h>

#define MAIN_STACK 131072U
#define STACK_CACHE 16U /* stacks of ended threads kept for new ones */
#define POLL_ROUNDS 64U /* pollers run after so many switches even if nobody is idle */

struct thread {
    uintptr_t sp;
    struct thread *next, *prev; /* in `queue` */
    struct waitq *queue;        /* ready queue, waitq or NULL */
    struct thread *sleep_next, *sleep_prev;
    uint64_t deadline; /* WAIT_FOREVER: not in the list of sleepers */
    int wait_result;
    thread_fn *fn;
    void *arg;
    uint8_t *stack;     /* first byte of the guard page */
    size_t stack_pages; /* with the guard */
    char name[16];
};

static struct waitq ready;
static struct thread *sleep_first, *sleep_last; /* by deadline */
static struct thread *current, *ended;
static uintptr_t scheduler_sp;
static uint8_t *stack_cache[STACK_CACHE];
static unsigned int stacks_cached;

#define DEFAULT_PAGES (THREAD_STACK_DEFAULT / RT_PAGE + 1)

static void queue_append(struct waitq *q, struct thread *t)
{
    t->queue = q;
    t->next = NULL;
    t->prev = q->tail;
    if (q->tail != NULL)
        q->tail->next = t;
    else
        q->head = t;
    q->tail = t;
}

static void queue_remove(struct thread *t)
{
    struct waitq *q = t->queue;

    if (q == NULL)
        return;
    if (t->prev != NULL)
        t->prev->next = t->next;
    else
        q->head = t->next;
    if (t->next != NULL)
        t->next->prev = t->prev;
    else
        q->tail = t->prev;
    t->queue = NULL;
    t->next = t->prev = NULL;
}

/* New deadlines are mostly late ones, so the place is looked for from the end. */
static void sleep_insert(struct thread *t, uint64_t deadline)
{
    struct thread *before = sleep_last;

    t->deadline = deadline;
    if (deadline == WAIT_FOREVER)
        return;
    while (before != NULL && before->deadline > deadline)
        before = before->sleep_prev;
    t->sleep_prev = before;
    t->sleep_next = before != NULL ? before->sleep_next : sleep_first;
    if (before != NULL)
        before->sleep_next = t;
    else
        sleep_first = t;
    if (t->sleep_next != NULL)
        t->sleep_next->sleep_prev = t;
    else
        sleep_last = t;
}

static void sleep_remove(struct thread *t)
{
    if (t->deadline == WAIT_FOREVER)
        return;
    if (t->sleep_prev != NULL)
        t->sleep_prev->sleep_next = t->sleep_next;
    else
        sleep_first = t->sleep_next;
    if (t->sleep_next != NULL)
        t->sleep_next->sleep_prev = t->sleep_prev;
    else
        sleep_last = t->sleep_prev;
    t->sleep_next = t->sleep_prev = NULL;
    t->deadline = WAIT_FOREVER;
}

static void make_ready(struct thread *t, int result)
{
    queue_remove(t);
    sleep_remove(t);
    t->wait_result = result;
    queue_append(&ready, t);
}

static uint8_t *stack_alloc(size_t pages)
{
    uint8_t *stack;

    if (pages == DEFAULT_PAGES && stacks_cached > 0)
        return stack_cache[--stacks_cached];
    stack = rt_pages_alloc(pages);
    if (stack == NULL)
        return NULL;
    if (paging_protect((uintptr_t)stack, RT_PAGE, PAGE_NONE) != 0) {
        rt_pages_free(stack, pages);
        return NULL;
    }
    return stack;
}

static void stack_free(uint8_t *stack, size_t pages)
{
    if (pages == DEFAULT_PAGES && stacks_cached < STACK_CACHE) {
        stack_cache[stacks_cached++] = stack;
        return;
    }
    /* The page is in a 4 KB table by now, so this takes no memory. */
    paging_protect((uintptr_t)stack, RT_PAGE, PAGE_RW);
    rt_pages_free(stack, pages);
}

static void thread_main(void *arg)
{
    struct thread *t = arg;

    t->fn(t->arg);
    ended = t;
    context_switch(&t->sp, scheduler_sp);
}

/* The stack as context_switch() leaves it: r15 r14 r13 r12 rbx rbp return. */
static uintptr_t context_prepare(struct thread *t)
{
    uint64_t *sp = (uint64_t *)(t->stack + t->stack_pages * RT_PAGE);

    *--sp = 0; /* keeps RSP 16-aligned at context_start */
    *--sp = 0;
    *--sp = (uintptr_t)context_start;
    *--sp = 0;
    *--sp = (uintptr_t)thread_main;
    *--sp = (uintptr_t)t;
    *--sp = 0;
    *--sp = 0;
    *--sp = 0;
    return (uintptr_t)sp;
}

int thread_create(thread_fn *fn, void *arg, const char *name, size_t stack_bytes)
{
    struct thread *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return -ENOMEM;
    if (stack_bytes == 0)
        stack_bytes = THREAD_STACK_DEFAULT;
    t->stack_pages = (stack_bytes + RT_PAGE - 1) / RT_PAGE + 1;
    t->stack = stack_alloc(t->stack_pages);
    if (t->stack == NULL) {
        free(t);
        return -ENOMEM;
    }
    t->fn = fn;
    t->arg = arg;
    t->deadline = WAIT_FOREVER;
    strncpy(t->name, name, sizeof(t->name) - 1);
    t->sp = context_prepare(t);
    queue_append(&ready, t);
    return 0;
}

struct thread *thread_self(void)
{
    return current;
}

const char *thread_name(void)
{
    return current != NULL ? current->name : "scheduler";
}

bool thread_is_guard(uint64_t address)
{
    uint64_t guard = current != NULL ? (uintptr_t)current->stack : (uintptr_t)rt_entry_guard;

    return address >= guard && address < guard + RT_PAGE;
}

static void switch_to_scheduler(void)
{
    if (current == NULL)
        rt_panic("rt: an event handler tried to wait\n");
    context_switch(&current->sp, scheduler_sp);
}

void thread_yield(void)
{
    if (current != NULL)
        queue_append(&ready, current);
    switch_to_scheduler();
}

void thread_sleep_until(uint64_t when)
{
    struct waitq nobody = {NULL, NULL};

    waitq_wait(&nobody, when);
}

void thread_sleep(uint64_t ns)
{
    uint64_t now = rt_now();

    thread_sleep_until(ns > WAIT_FOREVER - now ? WAIT_FOREVER : now + ns);
}

int waitq_wait(struct waitq *wq, uint64_t deadline)
{
    if (current != NULL) {
        queue_append(wq, current);
        sleep_insert(current, deadline);
    }
    switch_to_scheduler();
    return current->wait_result;
}

void waitq_wake_one(struct waitq *wq)
{
    if (wq->head != NULL)
        make_ready(wq->head, 0);
}

void waitq_wake_all(struct waitq *wq)
{
    while (wq->head != NULL)
        make_ready(wq->head, 0);
}

void rt_mutex_lock(struct rt_mutex *m)
{
    if (m->owner == NULL) {
        m->owner = current;
        return;
    }
    if (m->owner == current)
        rt_panic("rt: mutex taken twice by \"%s\"\n", thread_name());
    while (m->owner != current)
        waitq_wait(&m->wq, WAIT_FOREVER);
}

/* The first waiter becomes the owner at once, so that nobody overtakes it. */
void rt_mutex_unlock(struct rt_mutex *m)
{
    if (m->owner != current)
        rt_panic("rt: \"%s\" unlocks a mutex it does not own\n", thread_name());
    m->owner = m->wq.head;
    waitq_wake_one(&m->wq);
}

static void wake_sleepers(void)
{
    uint64_t now;

    if (sleep_first == NULL)
        return;
    now = rt_now();
    while (sleep_first != NULL && sleep_first->deadline <= now)
        make_ready(sleep_first, -ETIMEDOUT);
}

static void run(struct thread *t)
{
    queue_remove(t);
    current = t;
    context_switch(&scheduler_sp, t->sp);
    current = NULL;
    if (ended != NULL) {
        stack_free(ended->stack, ended->stack_pages);
        free(ended);
        ended = NULL;
    }
}

static void idle(void)
{
    uint64_t deadline = sleep_first != NULL ? sleep_first->deadline : WAIT_FOREVER;
    uint64_t interval = event_poll_interval();

    if (interval != 0 && rt_now() + interval < deadline)
        deadline = rt_now() + interval;
    if (deadline != WAIT_FOREVER)
        time_wake_at(deadline);
    console_flush();
    event_block();
}

static void main_thread(void *arg)
{
    (void)arg;
    rt_shutdown(rt_main() == 0 ? SHUTDOWN_poweroff : SHUTDOWN_crash);
}

void scheduler_run(void)
{
    unsigned int rounds = 0;

    if (thread_create(main_thread, NULL, "main", MAIN_STACK) != 0)
        rt_panic("rt: no memory for the first thread\n");
    for (;;) {
        bool worked = event_dispatch();

        wake_sleepers();
        if (ready.head == NULL || ++rounds >= POLL_ROUNDS) {
            worked |= event_run_pollers();
            rounds = 0;
        }
        if (ready.head != NULL)
            run(ready.head);
        else if (!worked)
            idle();
    }
}
