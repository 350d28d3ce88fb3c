/* SPDX-License-Identifier: MIT */
/*
 * Takes the place of musl's arch/x86_64/syscall_arch.h in the build copy: there is no kernel below
 * mgmt and net, so each system call is a call of the runtime's bh_syscall(), which returns what
 * Linux would (negative errno on failure).
 */
#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)

long bh_syscall(long n, long a, long b, long c, long d, long e, long f);

static __inline long __syscall0(long n)
{
    return bh_syscall(n, 0, 0, 0, 0, 0, 0);
}

static __inline long __syscall1(long n, long a)
{
    return bh_syscall(n, a, 0, 0, 0, 0, 0);
}

static __inline long __syscall2(long n, long a, long b)
{
    return bh_syscall(n, a, b, 0, 0, 0, 0);
}

static __inline long __syscall3(long n, long a, long b, long c)
{
    return bh_syscall(n, a, b, c, 0, 0, 0);
}

static __inline long __syscall4(long n, long a, long b, long c, long d)
{
    return bh_syscall(n, a, b, c, d, 0, 0);
}

static __inline long __syscall5(long n, long a, long b, long c, long d, long e)
{
    return bh_syscall(n, a, b, c, d, e, 0);
}

static __inline long __syscall6(long n, long a, long b, long c, long d, long e, long f)
{
    return bh_syscall(n, a, b, c, d, e, f);
}

#define IPC_64 0
