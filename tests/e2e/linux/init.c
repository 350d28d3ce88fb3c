/* SPDX-License-Identifier: MIT */
/*
 * PID 1 of the Linux that test_guests.py boots on the bare hypervisor: says that it is there, that
 * time passes, how many CPUs run, and powers off. Static; nothing else is in its initrd.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* The guest's TSC starts at 0 with its first instruction; under -icount it counts instructions. */
static unsigned long tsc(void)
{
    unsigned int low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (unsigned long)high << 32 | low;
}

int main(void)
{
    unsigned long start = tsc();
    const struct timespec pause = {.tv_nsec = 200000000};
    struct timespec before, after;
    struct utsname u;

    uname(&u);
    printf("init: Linux %s runs\n", u.release);
    printf("init: started at tick %lu\n", start);
    printf("init: %ld CPUs\n", sysconf(_SC_NPROCESSORS_ONLN));
    clock_gettime(CLOCK_MONOTONIC, &before);
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    long ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    printf("init: slept %s\n", ms >= 200 && ms < 20000 ? "well" : "badly");
    fflush(stdout);
    reboot(RB_POWER_OFF);
    return 1;
}
