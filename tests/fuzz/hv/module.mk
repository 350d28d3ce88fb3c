# SPDX-License-Identifier: MIT
# libFuzzer target of the hypervisor: all hypercalls over the simulated machine of the unit tests
# (HV_ABI_SRCS, HV_ABI_CFLAGS).

include tests/unit/hv/abi.mk

HV_FUZZERS := $(O)/tests/fuzz/hv_hypercall
HV_FUZZ_FLAGS := -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    $(XEN_CPPFLAGS) -Wall -Wextra -Werror $(HV_ABI_CFLAGS)

$(O)/tests/fuzz/hv_hypercall: tests/fuzz/hv/fuzz_hypercall.c tests/unit/hv/abi_machine.c \
    $(HV_ABI_SRCS) $(wildcard hv/include/hv/*.h hv/core/*.h) | $(TP_STAMP_xen-headers)
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)clang $(HV_FUZZ_FLAGS) $(filter %.c,$^) -o $@
