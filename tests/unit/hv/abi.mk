# SPDX-License-Identifier: MIT
# What stands on the simulated machine: for its unit tests and for the fuzzer.

HV_ABI_SRCS := hv/mm/guest_access.c hv/mm/frame.c hv/mm/p2m.c hv/x86/pci.c \
    $(addprefix hv/core/,hypercall.c event.c event_op.c grant.c grant_map.c grant_copy.c memory_op.c \
    vcpu_op.c hvm_op.c sched_op.c misc.c control.c device.c domain.c domain_destroy.c)
HV_ABI_CFLAGS := -Itests/unit/hv/abi -Itests/unit/hv -Ihv/include
