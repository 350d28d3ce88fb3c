/* SPDX-License-Identifier: MIT */
/* The hypervisor below: which hypercall instruction, shared_info, parameters, shutdown. */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>

uint8_t rt_use_vmmcall;
struct shared_info *rt_shared_info;

void xen_detect(void)
{
    uint32_t eax = 0, ebx, ecx, edx;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    /* "Auth"enticAMD, "Hygo"nGenuine */
    rt_use_vmmcall = ebx == 0x68747541 || ebx == 0x6f677948;
}

int xen_add_to_physmap(unsigned int space, uint64_t index, uint64_t address)
{
    struct xen_add_to_physmap map = {
        .domid = DOMID_SELF, .space = space, .idx = index, .gpfn = address / RT_PAGE};

    return (int)rt_hypercall(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, (uintptr_t)&map, 0, 0,
                             0);
}

void xen_map_shared_info(void)
{
    uint64_t address;
    int r;

    if (window_take(1, &address) != 0)
        rt_panic("rt: no window\n");
    r = xen_add_to_physmap(XENMAPSPACE_shared_info, 0, address);
    if (r != 0)
        rt_panic("rt: cannot map shared_info: %d\n", r);
    rt_shared_info = (struct shared_info *)address;
}

int xen_hvm_param(unsigned int index, uint64_t *value)
{
    struct xen_hvm_param param = {.domid = DOMID_SELF, .index = index};
    int r = (int)rt_hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, (uintptr_t)&param, 0, 0, 0);

    if (r == 0)
        *value = param.value;
    return r;
}

void rt_panic(const char *fmt, ...)
{
    char text[256];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n > (int)sizeof(text) - 1)
        n = sizeof(text) - 1;
    console_write(text, n > 0 ? (size_t)n : 0);
    rt_shutdown(SHUTDOWN_crash);
}

void rt_shutdown(unsigned int reason)
{
    struct sched_shutdown shutdown = {.reason = reason};

    console_flush();
    rt_hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (uintptr_t)&shutdown, 0, 0, 0);
    for (;;)
        __asm__ volatile("cli; hlt");
}
