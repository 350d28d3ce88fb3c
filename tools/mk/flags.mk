# SPDX-License-Identifier: MIT
# Compiler flags and quiet recipes of every kind of program in the tree.
#
#   HV_CFLAGS        hypervisor: freestanding, kernel code model, no FP registers
#   PV_CFLAGS        mgmt, net and their runtime: freestanding against musl, linked non-PIE and
#                    identity-mapped from 1 MB up
#   HOST_CFLAGS      tools that run on the build host (and in a Linux guest)
#   HOSTTEST_CFLAGS  the real source files in host tests, with ASan and UBSan
#   WARN_CONVERSION  adds -Wconversion; hv and parsers of hostile input must have it
#
# Object rules: $(call c_rules,FOLDER,FLAGS_VARIABLE) makes $(O)/FOLDER/%.o from FOLDER/%.c and
# FOLDER/%.S with $($(FLAGS_VARIABLE)); the longest matching FOLDER wins. Include the .d files with
# -include $(OBJS:.o=.d). Third-party parts are made first.

CC := gcc
HOSTCC ?= gcc
V ?= 0
Q := $(if $(filter 0,$(V)),@,)
# $(call say,CC,$@): one short line instead of the command
say = $(if $(filter 0,$(V)),@printf '  %-7s %s\n' '$(1)' '$(2)')

GCC_INCLUDE := $(shell gcc -print-file-name=include 2>/dev/null)

TP := $(O)/third-party
MUSL := $(TP)/musl
LWIP := $(TP)/lwip
BEARSSL := $(TP)/bearssl
CJSON := $(TP)/cjson
PICOHTTPPARSER := $(TP)/picohttpparser

# Xen's public headers as <xen/xen.h>; only libxen-dev's, never hv/ internals.
XEN_CPPFLAGS := -isystem $(TP)/include -D__XEN_INTERFACE_VERSION__=0x00040e00

# Third-party headers are system headers: our warnings are not theirs.
TP_CPPFLAGS := -isystem $(LWIP)/src/include -isystem $(BEARSSL)/inc -isystem $(CJSON) \
    -isystem $(PICOHTTPPARSER)

WARN := -Wall -Wextra -Werror -Wshadow -Wvla -Wmissing-prototypes -Wundef
WARN_CONVERSION := -Wconversion

FREESTANDING := -ffreestanding -nostdinc -mno-red-zone -fno-pic -fno-pie -fno-stack-protector \
    -fcf-protection=none -fno-asynchronous-unwind-tables -fno-strict-aliasing \
    -ffunction-sections -fdata-sections
DEPFLAGS := -MMD -MP

HV_CFLAGS := -std=c11 -O2 -g $(FREESTANDING) -mgeneral-regs-only -mcmodel=kernel \
    -isystem $(GCC_INCLUDE) $(XEN_CPPFLAGS) $(WARN) $(WARN_CONVERSION) $(DEPFLAGS)

# gcc's own headers come after musl's, whose stdint.h and limits.h must win.
PV_CFLAGS := -std=gnu11 -O2 -g $(FREESTANDING) -mcmodel=small -msse2 \
    -isystem $(MUSL)/include -isystem $(GCC_INCLUDE) $(XEN_CPPFLAGS) $(WARN) $(DEPFLAGS)

HOST_CFLAGS := -std=gnu11 -O2 -g $(WARN) $(DEPFLAGS)

HOSTTEST_CFLAGS := -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer $(XEN_CPPFLAGS) $(WARN) $(DEPFLAGS) -Itests/unit

define c_rules_
$$(O)/$(1)/%.o: $(1)/%.c | $$(TP_STAMPS)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$($(2)) -c $$< -o $$@

$$(O)/$(1)/%.o: $(1)/%.S | $$(TP_STAMPS)
	$$(call say,AS,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$($(2)) -D__ASSEMBLY__ -c $$< -o $$@
endef
c_rules = $(eval $(call c_rules_,$(1),$(2)))
