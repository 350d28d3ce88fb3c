# SPDX-License-Identifier: MIT
# End-to-end tests: the real image in both rigs, and the parts that need a rig of their own.

test-amd: image cli
	@tests/sum tests/e2e/test_amd.py tests/e2e/test_network.py tests/e2e/test_shapes.py

test-vtx: image cli
	@tests/sum tests/e2e/test_vtx.py

# Small guests on the bare hypervisor, in both rigs.
.PHONY: test-guests
test-guests: image guest-pv $(O)/tests/linux.cpio
	@tests/sum tests/e2e/test_guests.py

# A Linux with nothing but one static program.
$(O)/tests/linux-init: tests/e2e/linux/init.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -static $< -o $@

$(O)/tests/linux.cpio: $(O)/tests/linux-init tools/image/mkinitrd
	@mkdir -p $(O)/tests/empty
	$(Q)tools/image/mkinitrd $< $(O)/tests/empty $@

include tests/mgmt-host/module.mk
include tests/fuzz/mgmt/module.mk
include tests/fuzz/hv/module.mk

# mgmt's real HTTP, TLS and API code on host sockets, and the fuzzers for a short time.
FUZZ_TEST_SECONDS ?= 10
FUZZERS = $(MGMT_FUZZERS) $(NET_FUZZERS) $(HV_FUZZERS)

.PHONY: test-host fuzz
test-host: $(O)/tests/mgmt-host $(FUZZERS)
	@tests/sum "tests/e2e/api_host_test.py $<" "tests/fuzz/run $(FUZZ_TEST_SECONDS) $(FUZZERS)"

fuzz: $(FUZZERS)
	@tests/fuzz/run $(or $(filter-out 0,$(FUZZ_SECONDS)),60) $(FUZZERS)

bench: image cli guest-pv $(O)/tests/linux.cpio
	@tests/bench/run
