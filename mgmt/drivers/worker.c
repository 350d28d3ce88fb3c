/* SPDX-License-Identifier: MIT */
/*
 * The worker's line of items and its thread.
 */
#include "worker.h"

#include <stddef.h>

#include <rt/thread.h>

static struct work *head, *tail;
static struct waitq idle;

void worker_kick(struct work *w)
{
    if (w->queued)
        return;
    w->queued = true;
    w->next = NULL;
    if (tail != NULL)
        tail->next = w;
    else
        head = w;
    tail = w;
    waitq_wake_one(&idle);
}

void worker_cancel(struct work *w)
{
    struct work *prev = NULL;

    if (!w->queued)
        return;
    for (struct work *i = head; i != w; i = i->next)
        prev = i;
    if (prev != NULL)
        prev->next = w->next;
    else
        head = w->next;
    if (tail == w)
        tail = prev;
    w->queued = false;
}

void worker_event(unsigned int port, void *arg)
{
    (void)port;
    worker_kick(arg);
}

static void worker_run(void *arg)
{
    (void)arg;
    for (;;) {
        struct work *w = head;

        if (w == NULL) {
            (void)waitq_wait(&idle, WAIT_FOREVER);
            continue;
        }
        worker_cancel(w);
        if (w->fn(w))
            worker_kick(w);
        thread_yield();
    }
}

int worker_init(void)
{
    return thread_create(worker_run, NULL, "backends", 0);
}
