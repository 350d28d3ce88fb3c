/* SPDX-License-Identifier: MIT */
/* Time: pvclock goes forward, sleeps end in order and not early, time-outs of waits, wall clock. */
#include <errno.h>
#include <time.h>

#include "report.h"
#include "rt/thread.h"

#define MS UINT64_C(1000000)
#define LATE (50 * MS) /* emulated and shared CPUs: only gross delays are failures */

static void test_monotonic(void)
{
    uint64_t last = rt_now(), backwards = 0, largest = 0;

    for (int i = 0; i < 100000; i++) {
        uint64_t now = rt_now();

        if (now < last)
            backwards++;
        if (now - last > largest)
            largest = now - last;
        last = now;
    }
    EXPECT("pvclock is monotonic", backwards == 0, backwards);
    EXPECT("pvclock runs without gaps", largest < 1000 * MS, largest);
}

static void test_accuracy(void)
{
    static const uint64_t lengths[] = {0, 100000, 1 * MS, 5 * MS, 20 * MS};
    uint64_t latest = 0;
    bool early = false;

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint64_t start = rt_now(), took;

        thread_sleep(lengths[i]);
        took = rt_now() - start;
        early |= took < lengths[i];
        if (took - lengths[i] > latest)
            latest = took - lengths[i];
    }
    EXPECT("sleep is not early", !early, 0);
    EXPECT("sleep is not late", latest < LATE, latest);
    BENCH("timer lateness, worst of 5", latest, "ns");
}

#define SLEEPERS 20
static unsigned int order[SLEEPERS], woken;
static uint64_t base;

/* Thread i wakes at a time that is not in the order of creation. */
static void sleeper(void *arg)
{
    unsigned int i = (unsigned int)(uintptr_t)arg;

    thread_sleep_until(base + (i * 7 % SLEEPERS + 1) * 2 * MS);
    order[woken++] = i * 7 % SLEEPERS;
}

static void test_order(void)
{
    bool sorted = true;

    base = rt_now() + 200 * MS; /* all must have gone to sleep before the first wakes */
    for (uintptr_t i = 0; i < SLEEPERS; i++) {
        if (thread_create(sleeper, (void *)i, "sleeper", 0) != 0) {
            ERROR("sleep order", "no memory");
            return;
        }
    }
    thread_sleep_until(base + (SLEEPERS + 5) * 2 * MS);
    for (unsigned int i = 0; i < woken; i++)
        sorted &= order[i] == i;
    EXPECT("all sleepers woke", woken == SLEEPERS, woken);
    EXPECT("sleepers woke in order", sorted, order[0]);
}

static struct waitq wq;

static void waker(void *arg)
{
    (void)arg;
    thread_sleep(2 * MS);
    waitq_wake_all(&wq);
}

static void test_waitq(void)
{
    uint64_t start = rt_now();
    int r = waitq_wait(&wq, start + 3 * MS);

    EXPECT("wait times out", r == -ETIMEDOUT && rt_now() - start >= 3 * MS, r);
    if (thread_create(waker, NULL, "waker", 0) != 0) {
        ERROR("wait is woken", "no memory");
        return;
    }
    r = waitq_wait(&wq, rt_now() + 5000 * MS);
    EXPECT("wait is woken", r == 0, r);
}

static void test_libc(void)
{
    struct timespec a, b, nap = {0, 3 * (long)MS};

    clock_gettime(CLOCK_MONOTONIC, &a);
    nanosleep(&nap, NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    EXPECT("nanosleep", (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec >= nap.tv_nsec,
           b.tv_nsec);
    if (rt_wallclock() < UINT64_C(1700000000) * 1000 * MS)
        SKIP("wall clock", "the host does not know the time: %lu", rt_wallclock());
    else
        PASS("wall clock");
}

int rt_main(void)
{
    test_monotonic();
    test_accuracy();
    test_order();
    test_waitq();
    test_libc();
    return REPORT_RESULT();
}
