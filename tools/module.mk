# SPDX-License-Identifier: MIT
# The bulkhead command line.

CLI_SRCS := $(addprefix tools/cli/,config.c cp.c exec.c http.c login.c main.c session.c)
CLI_OBJS := $(CLI_SRCS:%.c=$(O)/%.o) $(O)/tools/cli/cJSON.o
CLI_CFLAGS = $(HOST_CFLAGS) -D_GNU_SOURCE -isystem $(CJSON)

$(call c_rules,tools/cli,CLI_CFLAGS)

$(O)/tools/cli/cJSON.o: $(CJSON)/cJSON.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O2 -c $< -o $@

$(O)/tools/bulkhead: $(CLI_OBJS)
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $^ -lcurl -lcrypto -o $@

cli: $(O)/tools/bulkhead

-include $(CLI_OBJS:.o=.d)
