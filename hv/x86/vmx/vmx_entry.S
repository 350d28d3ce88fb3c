/* SPDX-License-Identifier: MIT */
/*
 * Into the guest and back. RSP, RIP and RFLAGS are in the VMCS; the others are in struct cpu_regs.
 * int vmx_enter(struct cpu_regs *regs, bool launched, uint64_t *host_rsp)
 */
#define R_RAX 0
#define R_RCX 8
#define R_RDX 16
#define R_RBX 24
#define R_RBP 40
#define R_RSI 48
#define R_RDI 56
#define R_R8 64
#define R_R9 72
#define R_R10 80
#define R_R11 88
#define R_R12 96
#define R_R13 104
#define R_R14 112
#define R_R15 120
#define F_HOST_RSP 0x6c14

    .text
    .globl vmx_enter, vmx_exit_entry
    .type vmx_enter, @function
vmx_enter:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdi
    cmpq %rsp, (%rdx)               /* nearly always the same stack depth */
    je 1f
    movq %rsp, (%rdx)
    movl $F_HOST_RSP, %eax
    vmwrite %rsp, %rax
1:  testb %sil, %sil                /* the flags live until VMLAUNCH: MOV leaves them alone */
    movq R_RAX(%rdi), %rax
    movq R_RCX(%rdi), %rcx
    movq R_RDX(%rdi), %rdx
    movq R_RBX(%rdi), %rbx
    movq R_RBP(%rdi), %rbp
    movq R_RSI(%rdi), %rsi
    movq R_R8(%rdi), %r8
    movq R_R9(%rdi), %r9
    movq R_R10(%rdi), %r10
    movq R_R11(%rdi), %r11
    movq R_R12(%rdi), %r12
    movq R_R13(%rdi), %r13
    movq R_R14(%rdi), %r14
    movq R_R15(%rdi), %r15
    movq R_RDI(%rdi), %rdi
    jne 2f
    vmlaunch
    jmp 3f
2:  vmresume
3:  popq %rdi                       /* still here: the entry failed, the registers are the guest's */
    movl $1, %eax
    jmp 4f

    .balign 16
vmx_exit_entry:                     /* the CPU comes here with RSP as at the entry */
    pushq %rdi
    movq 8(%rsp), %rdi
    movq %rax, R_RAX(%rdi)
    popq R_RDI(%rdi)
    movq %rcx, R_RCX(%rdi)
    movq %rdx, R_RDX(%rdi)
    movq %rbx, R_RBX(%rdi)
    movq %rbp, R_RBP(%rdi)
    movq %rsi, R_RSI(%rdi)
    movq %r8, R_R8(%rdi)
    movq %r9, R_R9(%rdi)
    movq %r10, R_R10(%rdi)
    movq %r11, R_R11(%rdi)
    movq %r12, R_R12(%rdi)
    movq %r13, R_R13(%rdi)
    movq %r14, R_R14(%rdi)
    movq %r15, R_R15(%rdi)
    popq %rdi
    xorl %eax, %eax
4:  xorl %ecx, %ecx                 /* no guest value lives on in hv's registers */
    xorl %edx, %edx
    xorl %esi, %esi
    xorl %edi, %edi
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    xorl %r11d, %r11d
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size vmx_enter, . - vmx_enter

    .section .note.GNU-stack, "", @progbits
