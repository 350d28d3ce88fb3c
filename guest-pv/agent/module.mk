# SPDX-License-Identifier: MIT
# The in-guest agent: a static Linux program, and the initrd that carries it.

AGENT_OBJS := $(addprefix $(O)/guest-pv/agent/,config.o exec.o file.o frame.o init.o main.o \
    offer.o spawn.o vchan.o)
AGENT_CFLAGS = $(HOST_CFLAGS) -D_GNU_SOURCE $(XEN_CPPFLAGS)

$(call c_rules,guest-pv/agent,AGENT_CFLAGS)

$(O)/guest-pv/agent/bulkhead-agent: $(AGENT_OBJS)
	$(call say,LD,$@)
	$(Q)$(HOSTCC) -static $^ -o $@
	$(Q)strip $@

$(O)/sandbox/initrd.cpio: $(O)/guest-pv/agent/bulkhead-agent tools/image/mkinitrd $(O)/sandbox/vmlinux
	$(call say,CPIO,$@)
	$(Q)tools/image/mkinitrd $< $(O)/sandbox/modules $@

agent: $(O)/sandbox/initrd.cpio

-include $(AGENT_OBJS:.o=.d)
