/* SPDX-License-Identifier: MIT */
/*
 * What C cannot say: the hypercall instruction, the switch between threads, exception entry, and
 * probes of addresses that may fault.
 */
    .text

/* long rt_hypercall(nr, a1, a2, a3, a4, a5): Xen's 64-bit convention. VMCALL on Intel, VMMCALL on AMD. */
    .globl rt_hypercall
rt_hypercall:
    movl %edi, %eax
    movq %rsi, %rdi
    movq %rdx, %rsi
    movq %rcx, %rdx
    movq %r8, %r10
    movq %r9, %r8
    cmpb $0, rt_use_vmmcall(%rip)
    jne 1f
    vmcall
    ret
1:  vmmcall
    ret

/* void context_switch(uintptr_t *save, uintptr_t load): callee-saved registers live on the stack. */
    .globl context_switch
context_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret

/* First code of a thread: context_prepare() left its function in RBX and the argument in R12. */
    .globl context_start
context_start:
    movq %r12, %rdi
    call *%rbx
    ud2

/* int rt_probe_read(const void *p, uint8_t *out), int rt_probe_write(void *p, uint8_t v): 0 or -EFAULT */
    .globl rt_probe_read, rt_probe_write
rt_probe_read:
    xorl %eax, %eax
.Lread:
    movb (%rdi), %cl
    movb %cl, (%rsi)
    ret
rt_probe_write:
    xorl %eax, %eax
.Lwrite:
    movb %sil, (%rdi)
    ret
probe_failed:
    movl $-14, %eax
    ret

    .section .ex_table, "a", @progbits
    .quad .Lread, probe_failed
    .quad .Lwrite, probe_failed
    .text

/* Entry of the 32 exceptions: a uniform struct trap_frame, then trap_handle(). */
    .altmacro
.macro trap_entry vector
    .balign 16
    .if (\vector == 8) || ((\vector >= 10) && (\vector <= 14)) || (\vector == 17) || (\vector == 21)
    .else
    pushq $0
    .endif
    pushq $\vector
    jmp trap_common
.endm

    .balign 16
    .globl trap_entries
trap_entries:
    .set vector, 0
    .rept 32
    trap_entry %vector
    .set vector, vector + 1
    .endr

trap_common:
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    movq %rsp, %rbp
    andq $-16, %rsp
    call trap_handle
    movq %rbp, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    addq $16, %rsp
    iretq

    .section .note.GNU-stack, "", @progbits
