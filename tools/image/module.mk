# SPDX-License-Identifier: MIT
# What a sandbox boots from: Debian's kernel and the base image. As for third-party parts, the hash
# of what a product is made from is in its stamp's name.

SANDBOX := $(O)/sandbox

KERNEL_INPUTS := tools/image/kernel.sh tools/image/reduce-elf.py
KERNEL_STAMP := $(SANDBOX)/.stamp/kernel-$(shell (grep '^kernel' tools/third-party/versions; \
    cat $(KERNEL_INPUTS)) | sha256sum | cut -c1-12)

$(KERNEL_STAMP):
	@printf '  %-7s %s\n' FETCH 'sandbox kernel'
	@mkdir -p $(@D)
	$(Q)O=$(abspath $(O)) STAMP=$(abspath $@) tools/image/kernel.sh
	@find $(@D) -name 'kernel-*' ! -name $(@F) -delete
	@touch $@

sandbox: $(KERNEL_STAMP)

HASHTREE_SRCS := tools/image/hashtree.c tools/image/hashtree-main.c
HASHTREE_OBJS := $(HASHTREE_SRCS:%.c=$(O)/%.o)
HASHTREE_CFLAGS = $(HOST_CFLAGS) $(WARN_CONVERSION) -Imgmt/include/public

$(call c_rules,tools/image,HASHTREE_CFLAGS)

$(O)/tools/hashtree: $(HASHTREE_OBJS)
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $^ -lcrypto -o $@

-include $(HASHTREE_OBJS:.o=.d)

BASE_INPUTS := tools/image/base.sh tools/image/customize.sh tools/image/code.packages \
    $(sort $(shell find tools/image/rootfs -type f)) mgmt/include/public/bh_hashtree.h \
    tools/image/hashtree.c
BASE_STAMP := $(SANDBOX)/.stamp/base-$(shell cat $(BASE_INPUTS) | sha256sum | cut -c1-12)

$(BASE_STAMP): | $(O)/tools/hashtree
	@printf '  %-7s %s\n' IMAGE 'sandbox base image'
	@mkdir -p $(@D)
	$(Q)O=$(abspath $(O)) STAMP=$(abspath $@) tools/image/base.sh tools/image/code.packages \
	    $(abspath $(O))/tools/hashtree
	@find $(@D) -name 'base-*' ! -name $(@F) -delete
	@touch $@

sandbox: $(BASE_STAMP)
