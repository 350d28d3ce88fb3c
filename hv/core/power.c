/* SPDX-License-Identifier: MIT */
/*
 * The end of the machine. UEFI's ResetSystem runs in the loader's address space, on a stack inside
 * the image, which is mapped there too; other CPUs are stopped before.
 */
#include <hv/control.h>
#include <hv/device.h>
#include <hv/printk.h>
#include <hv/x86.h>

#include "boot.h"

#define EFI_RESET_COLD 0U
#define EFI_RESET_SHUTDOWN 2U
#define DEBUG_EXIT_PORT 0xf4U

NORETURN void efi_call_on(uint64_t cr3, void *stack_top, uint64_t function, uint64_t a1,
                          uint64_t a2, uint64_t a3);

static uint8_t reset_stack[16384] ALIGNED(16);

static NORETURN void reset(uint64_t type)
{
    __asm__ volatile("cli");
    apic_send_all_others(VEC_STOP);
    if (boot_handoff.efi_reset_system && boot_handoff.efi_cr3)
        efi_call_on(boot_handoff.efi_cr3, reset_stack + sizeof(reset_stack),
                    boot_handoff.efi_reset_system, type, 0, 0);
    printk("the firmware offers no reset: halted");
    cpu_stop();
}

NORETURN void power_off(uint32_t status)
{
    printk("power off");
    if (option_get_number("debug_exit", 0))
        port_out(DEBUG_EXIT_PORT, 4, status);
    reset(EFI_RESET_SHUTDOWN);
}

NORETURN void power_reboot(void)
{
    printk("reboot");
    reset(EFI_RESET_COLD);
}
