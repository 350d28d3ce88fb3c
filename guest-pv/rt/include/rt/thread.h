/* SPDX-License-Identifier: MIT */
/*
 * Cooperative threads of the paravirtual runtime. One vcpu, no preemption and no interrupts: a
 * thread runs until it waits, sleeps, yields or returns. Between two such points nothing else
 * runs, so most code needs no lock. Linear code on threads, no callback pyramids.
 */
#ifndef RT_THREAD_H
#define RT_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct thread; /* owned by the runtime */

typedef void thread_fn(void *arg);

#define THREAD_STACK_DEFAULT 32768U /* bytes; a guard page below each stack stops overruns */

/*
 * Starts a thread; it runs at the next scheduling point. stack_bytes 0: the default. The name is
 * copied (15 bytes). Returns 0, -ENOMEM. The thread frees itself when fn returns.
 */
int thread_create(thread_fn *fn, void *arg, const char *name, size_t stack_bytes);
struct thread *thread_self(void);
const char *thread_name(void);
void thread_yield(void);                /* lets every other ready thread run once */
void thread_sleep_until(uint64_t when); /* rt_now() scale, ns */
void thread_sleep(uint64_t ns);

/* A place to wait. Zero-initialized is ready for use. Wake-ups are not remembered: test the
 * condition in a loop. Waiters wake in the order they came. */
struct waitq {
    struct thread *head, *tail;
};

#define WAIT_FOREVER UINT64_MAX

/* Waits until woken or until `deadline` (rt_now() scale; WAIT_FOREVER). Returns 0 or -ETIMEDOUT. */
int waitq_wait(struct waitq *wq, uint64_t deadline);
void waitq_wake_one(struct waitq *wq);
void waitq_wake_all(struct waitq *wq);

/* Mutual exclusion over waits. Zero-initialized is unlocked; not recursive; FIFO. */
struct rt_mutex {
    struct thread *owner;
    struct waitq wq;
};
void rt_mutex_lock(struct rt_mutex *m);
void rt_mutex_unlock(struct rt_mutex *m);

#endif
