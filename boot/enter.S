/* SPDX-License-Identifier: MIT */
/*
 * The last instructions of the loader: take its tables and stack, jump to hv. The caller has ended
 * boot services; nothing here returns.
 * void enter_hv(handoff, cr3, stack_top, entry) in RDI, RSI, RDX, RCX (SysV).
 */
    .text
    .globl enter_hv
    .type enter_hv, @function
enter_hv:
    cli
    cld
    mov %rsi, %cr3
    mov %rdx, %rsp
    xor %ebp, %ebp
    push %rbp               /* a null return address: hv's entry sees a SysV call frame */
    jmp *%rcx
    .size enter_hv, . - enter_hv
    .section .note.GNU-stack, "", @progbits
