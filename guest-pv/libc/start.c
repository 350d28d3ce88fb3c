/* SPDX-License-Identifier: MIT */
/*
 * Starts musl: its own start-up wants an environment and an auxiliary vector behind it. Without
 * AT_RANDOM its allocator would draw its secret from an address.
 */
#include "internal.h"

#include <elf.h>

/* musl's, hidden in libc.a. It sets up TLS (by SYS_set_thread_area) and the allocator's secret. */
void __init_libc(char **envp, char *name);

void libc_init(void)
{
    static uint64_t random[2];
    static struct {
        char *envp[1];
        Elf64_auxv_t aux[3];
    } start;

    rt_random(random, sizeof(random));
    start.aux[0] = (Elf64_auxv_t){AT_PAGESZ, {RT_PAGE}};
    start.aux[1] = (Elf64_auxv_t){AT_RANDOM, {(uintptr_t)random}};
    start.aux[2] = (Elf64_auxv_t){AT_NULL, {0}};
    __init_libc(start.envp, (char *)"bulkhead");
}
