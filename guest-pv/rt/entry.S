/* SPDX-License-Identifier: MIT */
/*
 * PVH entry: 32-bit protected mode without paging, EBX = hvm_start_info. Builds the identity map
 * of [0, 64 GB) from 1 GB pages, enables SSE and no-execute, enters long mode and calls rt_start()
 * on the scheduler's stack. paging.c takes permissions away later.
 */
#include <xen/elfnote.h>

#define CR0_VALUE 0x80010033 /* PG WP NE ET MP PE */
#define CR4_VALUE 0x00000620 /* PAE OSFXSR OSXMMEXCPT */
#define MSR_EFER 0xc0000080
#define EFER_BITS 0x900 /* NXE LME */
#define GIGABYTES 64

    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 4, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long pvh_start

    .section .text.entry, "ax", @progbits
    .code32
    .globl pvh_start
pvh_start:
    cli
    cld
    movl $entry_stack_top, %esp
    movl %ebx, %esi

    movl $0x80000001, %eax
    cpuid
    andl $0x24100000, %edx /* LM, PDPE1GB, NX */
    cmpl $0x24100000, %edx
    jne .

    /* GB 0, with the image, stays executable until paging.c has split it. */
    movl $rt_pdpt, %edi
    xorl %ecx, %ecx
1:  movl %ecx, %eax
    shll $30, %eax
    orl $0x83, %eax /* present, writable, large */
    movl %eax, (%edi, %ecx, 8)
    movl %ecx, %eax
    shrl $2, %eax
    testl %ecx, %ecx
    jz 2f
    orl $0x80000000, %eax /* no-execute */
2:  movl %eax, 4(%edi, %ecx, 8)
    incl %ecx
    cmpl $GIGABYTES, %ecx
    jb 1b

    movl $rt_pdpt, %eax
    orl $3, %eax
    movl %eax, rt_pml4
    movl $rt_pml4, %eax
    movl %eax, %cr3
    movl $CR4_VALUE, %eax
    movl %eax, %cr4
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_BITS, %eax
    wrmsr
    movl $CR0_VALUE, %eax
    movl %eax, %cr0
    lgdt rt_gdt_pointer
    ljmp $0x08, $long_mode

    .code64
long_mode:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl $entry_stack_top, %esp
    fninit
    movl %esi, %edi
    xorl %ebp, %ebp
    call rt_start
    ud2

    .data
    .balign 16
    .globl rt_gdt
rt_gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* 0x08: code, 64-bit */
    .quad 0x00cf93000000ffff /* 0x10: data */
    .quad 0, 0               /* 0x18: TSS, filled in by traps.c */
    .globl rt_gdt_pointer
rt_gdt_pointer:
    .word . - rt_gdt - 1
    .quad rt_gdt

    .bss
    .balign 4096
    .globl rt_pml4, rt_pdpt, rt_entry_guard
rt_pml4:
    .skip 4096
rt_pdpt:
    .skip 4096
/* The scheduler, event handlers and pollers run on this stack; paging.c takes the guard page away. */
rt_entry_guard:
    .skip 4096
    .skip 32768
entry_stack_top:

    .section .note.GNU-stack, "", @progbits
