# SPDX-License-Identifier: MIT
# Third-party parts. A part is made anew when its script, its row in the table or its own files
# change: their hash is in the stamp's name, so work trees that share a build folder agree.

TP_PARTS := xen-headers musl lwip bearssl cjson picohttpparser
TP_FILES_musl := tools/third-party/syscall_arch.h

tp_hash = $(shell (grep -w '^$(1)' tools/third-party/versions; \
    cat tools/third-party/$(1).sh $(TP_FILES_$(1))) | sha256sum | cut -c1-12)

define tp_part
TP_STAMP_$(1) := $$(TP)/.stamp/$(1)-$$(call tp_hash,$(1))

$$(TP_STAMP_$(1)):
	@printf '  %-7s %s\n' FETCH $(1)
	@mkdir -p $$(@D)
	$$(Q)O=$$(abspath $$(O)) STAMP=$$(abspath $$@) tools/third-party/$(1).sh
	@find $$(@D) -name '$(1)-*' ! -name $$(@F) -delete
	@touch $$@
endef
$(foreach part,$(TP_PARTS),$(eval $(call tp_part,$(part))))

$(TP_STAMP_bearssl): $(TP_STAMP_musl)

TP_STAMPS := $(foreach part,$(TP_PARTS),$(TP_STAMP_$(part)))
third-party: $(TP_STAMPS)
