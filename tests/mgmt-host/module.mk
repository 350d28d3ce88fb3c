# SPDX-License-Identifier: MIT
# The host build of mgmt's API, with ASan and UBSan: see tests/mgmt-host/host.h.

MGMT_HOST_SRCS := $(wildcard tests/mgmt-host/*.c) $(wildcard mgmt/http/*.c) \
    $(filter-out mgmt/api/api.c,$(wildcard mgmt/api/*.c)) mgmt/audit/audit.c mgmt/auth/auth.c \
    mgmt/tls/der.c mgmt/tls/identity.c mgmt/tls/tls.c
MGMT_HOST_OBJS := $(MGMT_HOST_SRCS:%.c=$(O)/tests/mgmt-host.o/%.o) \
    $(O)/tests/mgmt-host.o/cJSON.o $(O)/tests/mgmt-host.o/picohttpparser.o
MGMT_HOST_CFLAGS := $(HOSTTEST_CFLAGS) -Imgmt -Iguest-pv/rt/include -Itests/mgmt-host \
    -isystem $(BEARSSL)/inc -isystem $(CJSON) -isystem $(PICOHTTPPARSER) -DCJSON_NESTING_LIMIT=16

$(O)/tests/mgmt-host.o/cJSON.o $(O)/tests/mgmt-host.o/picohttpparser.o: MGMT_HOST_CFLAGS += -w
$(O)/tests/mgmt-host.o/cJSON.o: $(CJSON)/cJSON.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(MGMT_HOST_CFLAGS) -c $< -o $@

$(O)/tests/mgmt-host.o/picohttpparser.o: $(PICOHTTPPARSER)/picohttpparser.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(MGMT_HOST_CFLAGS) -c $< -o $@

$(O)/tests/mgmt-host.o/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(MGMT_HOST_CFLAGS) -c $< -o $@

$(O)/tests/mgmt-host: $(MGMT_HOST_OBJS) $(BEARSSL)/libbearssl-host.a
	$(call say,LD,$@)
	$(Q)$(HOSTCC) -fsanitize=address,undefined -pthread $^ -o $@

$(MGMT_HOST_OBJS): | $(TP_STAMPS)

.PHONY: mgmt-host
mgmt-host: $(O)/tests/mgmt-host

-include $(wildcard $(MGMT_HOST_OBJS:.o=.d))
