# SPDX-License-Identifier: MIT
# hv's real sources on the host. The abi_ tests put a simulated machine below the hypercalls.

include tests/unit/hv/abi.mk
$(call unit_test,hv_abi,$(wildcard tests/unit/hv/abi_*.c) $(HV_ABI_SRCS),$(HV_ABI_CFLAGS),-lpthread)

# Host tests of the hypervisor's files, on the machine of host.c.

HV_TEST_FLAGS := -Itests/unit/hv/shim -Itests/unit/hv -Ihv/include -Iboot/include
HV_TEST_HOST := tests/unit/hv/host.c hv/mm/frame.c

$(call unit_test,hv_frame,tests/unit/hv/test_frame.c $(HV_TEST_HOST),$(HV_TEST_FLAGS))
$(call unit_test,hv_p2m,tests/unit/hv/test_p2m.c hv/mm/p2m.c $(HV_TEST_HOST),$(HV_TEST_FLAGS))
$(call unit_test,hv_sched,tests/unit/hv/test_sched.c hv/core/sched.c $(HV_TEST_HOST),$(HV_TEST_FLAGS))
$(call unit_test,hv_cpuid,tests/unit/hv/test_cpuid.c hv/x86/cpuid.c $(HV_TEST_HOST),$(HV_TEST_FLAGS))
