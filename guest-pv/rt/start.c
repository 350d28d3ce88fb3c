/* SPDX-License-Identifier: MIT */
/* Start-up in order; entry.S calls it in long mode on the scheduler's stack. */
#include "internal.h"

void rt_start(uint64_t start_info)
{
    traps_init();
    xen_detect();
    startinfo_read(start_info);
    memory_init();
    paging_init();
    xen_map_shared_info();
    event_init();
    random_init();
    libc_init();
    scheduler_run();
}
