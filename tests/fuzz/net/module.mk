# SPDX-License-Identifier: MIT
# libFuzzer targets of the network domain: `make fuzz-net` builds them, FUZZ_SECONDS=N runs each so long.

FUZZ_SECONDS ?= 0
NET_FUZZERS := $(O)/tests/fuzz/net_frames $(O)/tests/fuzz/net_dhcp $(O)/tests/fuzz/net_ring
NET_FUZZ_FLAGS := -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=all $(XEN_CPPFLAGS) -Wall -Wextra -Werror -Inet/switch -Inet/netback \
    -Iguest-pv/rt/include

$(O)/tests/fuzz/net_frames: tests/fuzz/net/fuzz_frames.c $(wildcard net/switch/*.c)
$(O)/tests/fuzz/net_dhcp: tests/fuzz/net/fuzz_dhcp.c net/switch/dhcpd.c
$(O)/tests/fuzz/net_ring: tests/fuzz/net/fuzz_ring.c net/netback/ring.c net/switch/frame.c
$(NET_FUZZERS): $(wildcard net/switch/*.h net/netback/*.h) | $(TP_STAMP_xen-headers)
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)clang $(NET_FUZZ_FLAGS) $(filter %.c,$^) -o $@

.PHONY: fuzz-net
fuzz-net: $(NET_FUZZERS)
	$(Q)for f in $(if $(filter 0,$(FUZZ_SECONDS)),,$(NET_FUZZERS)); do \
	    $$f -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -artifact_prefix=$$f- -print_final_stats=1 \
	        >$$f.log 2>&1 || { tail -n 40 $$f.log; exit 1; }; \
	    echo "ok $$(basename $$f) ($$(sed -n 's/^stat::number_of_executed_units: *//p' $$f.log) runs)"; done
