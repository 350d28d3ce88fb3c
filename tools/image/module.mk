# SPDX-License-Identifier: MIT
# What a sandbox boots from: Debian's kernel and the base image. As for third-party parts, the hash
# of what a product is made from is in its stamp's name.

SANDBOX := $(O)/sandbox
image_hash = $(shell cat $(1) | sha256sum | cut -c1-12)

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
