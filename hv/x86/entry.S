/* SPDX-License-Identifier: MIT */
/*
 * Where processors enter hv: the boot CPU from the loader (handoff.h says in what state), the others
 * from real mode through a page below 1 MB that smp.c fills with the trampoline below.
 */
    .section .text.entry, "ax"
    .globl hv_entry
hv_entry:
    cli
    cld
    leaq boot_stack_top(%rip), %rsp
    xorl %ebp, %ebp
    call hv_start
    ud2

/* Copied to trampoline:0000. DS is set to CS, so addresses below are offsets in the page. */
    .section .rodata
    .globl trampoline_start, trampoline_end, trampoline_data
    .code16
trampoline_start:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl tramp_gdtr - trampoline_start
    movl $0x20, %eax                /* PAE */
    movl %eax, %cr4
    movl tramp_cr3 - trampoline_start, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x900, %eax                /* LME, NXE */
    wrmsr
    movl $0x80010001, %eax          /* PG, WP, PE */
    movl %eax, %cr0
    ljmpl *(tramp_far - trampoline_start)

    .code64
tramp_64:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movq tramp_stack(%rip), %rsp
    movq tramp_pcpu(%rip), %rdi
    xorl %ebp, %ebp
    movq tramp_entry(%rip), %rax
    call *%rax
    ud2

    .balign 8
tramp_gdt:
    .quad 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf93000000ffff
/* struct trampoline_data of smp.c */
    .balign 8
trampoline_data:
tramp_gdtr:
    .word 23
    .long 0                         /* linear address of tramp_gdt */
    .word 0
tramp_far:
    .long 0                         /* linear address of tramp_64 */
    .word 0x08
    .word 0
tramp_cr3:
    .quad 0
tramp_stack:
    .quad 0
tramp_pcpu:
    .quad 0
tramp_entry:
    .quad 0
trampoline_end:

    .section .rodata
    .globl trampoline_gdt_offset, trampoline_64_offset
    .balign 4
trampoline_gdt_offset:
    .long tramp_gdt - trampoline_start
trampoline_64_offset:
    .long tramp_64 - trampoline_start

/* efi_call_on(cr3, stack_top, function, a1, a2, a3, a4): a UEFI runtime service (MS convention) in
   the loader's address space; never comes back to hv's tables. */
    .text
    .globl efi_call_on
efi_call_on:
    movq %rdi, %cr3
    movq %rsi, %rsp
    movq %rdx, %rax
    subq $48, %rsp
    movq %r8, %rdx                  /* second argument */
    movq %r9, %r8                   /* third */
    xorl %r9d, %r9d                 /* fourth */
    call *%rax
1:  hlt
    jmp 1b

    .bss
    .balign 16
boot_stack:
    .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
