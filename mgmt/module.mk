# SPDX-License-Identifier: MIT
# mgmt.elf, the management domain: a PV program on guest-pv's runtime. MGMT_DOM_SRCS is the part that
# builds and serves sandboxes; MGMT_WEB_SRCS is the part that faces the client.

MGMT_DOM_SRCS := \
    mgmt/main.c \
    mgmt/build/ctl.c

MGMT_WEB_SRCS := \
    mgmt/audit/audit.c

MGMT_SRCS = $(MGMT_DOM_SRCS) $(MGMT_WEB_SRCS)
MGMT_OBJS = $(MGMT_SRCS:%.c=$(O)/%.o)
MGMT_LIBS = $(BEARSSL)/libbearssl.a

# Includes are relative to mgmt/ ("xenstore/store.h"); other boxes by their public folders only.
MGMT_CPPFLAGS := -Imgmt -Iguest-pv/rt/include -Iguest-pv/drivers/include \
    -Iguest-pv/agent/include/public -Ihv/include/public -Imgmt/include/public \
    -I$(BEARSSL)/inc
MGMT_CFLAGS = $(PV_CFLAGS) $(MGMT_CPPFLAGS)

$(call c_rules,mgmt,MGMT_CFLAGS)
-include $(wildcard $(O)/mgmt/*.d $(O)/mgmt/*/*.d)
