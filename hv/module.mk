# SPDX-License-Identifier: MIT
# The hypervisor: every source below hv/ makes $(O)/hv/hv.elf. Files are found by wildcard, so a new
# file needs no line here.

HV_SRCS := $(sort $(wildcard hv/core/*.c hv/mm/*.c hv/lib/*.c hv/x86/*.c hv/x86/*.S \
    hv/x86/svm/*.c hv/x86/svm/*.S hv/x86/vmx/*.c hv/x86/vmx/*.S))
HV_OBJS := $(patsubst %,$(O)/%.o,$(basename $(HV_SRCS)))
HV_BUILD_CFLAGS = $(HV_CFLAGS) -Ihv/include -Iboot/include

$(call c_rules,hv,HV_BUILD_CFLAGS)

$(O)/hv/hv.elf: $(HV_OBJS) hv/hv.lds
	$(call say,LD,$@)
	$(Q)$(LD) -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none \
	    --gc-sections -T hv/hv.lds $(HV_OBJS) -o $@

hv: $(O)/hv/hv.elf

-include $(HV_OBJS:.o=.d)
