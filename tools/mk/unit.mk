# SPDX-License-Identifier: MIT
# Host unit tests. A box lists its own in tests/unit/BOX/module.mk, one line for each program:
#
#   $(call unit_test,hv_bitmap,tests/unit/hv/test_bitmap.c hv/lib/bitmap.c,-Ihv/include)
#   $(call unit_test,NAME,SOURCES[,EXTRA CFLAGS[,LIBRARIES]])
#
# SOURCES are the real files of the box plus the test; all are compiled with HOSTTEST_CFLAGS. The
# harness's main is added. A source is built apart for every test, so extra flags may differ.

UNIT_TESTS :=

define unit_test_
UNIT_TESTS += $$(O)/tests/unit/$(1)/$(1)
UNIT_OBJS_$(1) := $$(patsubst %.c,$$(O)/tests/unit/$(1)/%.o,$(2) tests/unit/test_main.c)

$$(O)/tests/unit/$(1)/%.o: %.c | $$(TP_STAMPS)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(HOSTCC) $$(HOSTTEST_CFLAGS) $(3) -c $$< -o $$@

$$(O)/tests/unit/$(1)/$(1): $$(UNIT_OBJS_$(1))
	$$(call say,LD,$$@)
	$$(Q)$$(HOSTCC) -fsanitize=address,undefined $$^ $(4) -o $$@

-include $$(UNIT_OBJS_$(1):.o=.d)
test-unit: $$(O)/tests/unit/$(1)/$(1)
endef
unit_test = $(eval $(call unit_test_,$(strip $(1)),$(2),$(3),$(4)))
