# SPDX-License-Identifier: MIT
# libFuzzer targets of mgmt: what a client sends, and a sandbox's xenstore ring.

MGMT_FUZZERS += $(O)/tests/fuzz/mgmt_http
MGMT_FUZZ_FLAGS := -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    $(XEN_CPPFLAGS) -Wall -Wextra -Werror -Imgmt -Iguest-pv/rt/include -isystem $(BEARSSL)/inc \
    -isystem $(CJSON) -isystem $(PICOHTTPPARSER) -DCJSON_NESTING_LIMIT=16

# The third-party parsers are compiled in with the sanitizers, too; their stamps make them be there.
$(O)/tests/fuzz/mgmt_http: tests/fuzz/mgmt/fuzz_http.c mgmt/api/json_check.c mgmt/api/json_in.c \
    $(wildcard mgmt/http/*.c mgmt/http/*.h) | $(TP_STAMPS)
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)clang $(MGMT_FUZZ_FLAGS) $(filter %.c,$^) $(CJSON)/cJSON.c \
	    $(PICOHTTPPARSER)/picohttpparser.c -o $@

MGMT_FUZZERS += $(O)/tests/fuzz/mgmt_xenstore

$(O)/tests/fuzz/mgmt_xenstore: tests/fuzz/mgmt/fuzz_xenstore.c \
    $(addprefix mgmt/xenstore/,node.c watch.c tx.c view.c store.c wire.c) \
    $(wildcard mgmt/xenstore/*.h) | $(TP_STAMPS)
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)clang $(MGMT_FUZZ_FLAGS) $(filter %.c,$^) -o $@
