/* SPDX-License-Identifier: MIT */
/* Triple fault: an exception without any IDT. The domain must end as BH_REASON_TRIPLE_FAULT. */
#include "report.h"

int rt_main(void)
{
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } none = {0, 0};

    rt_log("triple fault follows\n");
    __asm__ volatile("lidt %0; int3" : : "m"(none));
    FAIL("triple fault", "still running");
    return REPORT_RESULT();
}
