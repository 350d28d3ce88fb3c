/* SPDX-License-Identifier: MIT */
/*
 * Does what ends in an exit that hv has no answer for: touches guest-physical memory that was never
 * there (there are no MMIO devices). The domain must end as BH_REASON_BAD_STATE, or see a fault;
 * option how=read|write.
 */
#include <string.h>

#include "report.h"

#define NOWHERE (UINT64_C(48) << 30) /* in our identity map, above all RAM */

int rt_main(void)
{
    char how[8] = "read";

    rt_option("how", how, sizeof(how));
    rt_log("%s of memory that is not there follows\n", how);
    if (strcmp(how, "write") == 0)
        *(volatile uint8_t *)NOWHERE = 1;
    else
        (void)*(volatile uint8_t *)NOWHERE;
    FAIL("memory that is not there", "still running");
    return REPORT_RESULT();
}
