# SPDX-License-Identifier: MIT
# librt.a (runtime, libc glue, drivers) and the rule that links a paravirtual program: README.md.

RT_SOURCES := $(addprefix guest-pv/rt/, \
    entry.S lowlevel.S start.c startinfo.c memory.c paging.c traps.c xen.c console.c time.c \
    event.c thread.c random.c grant.c pagealloc.c refpool.c option.c chacha.c \
    xs.c xs_ring.c xs_wire.c xenbus.c) \
    $(addprefix guest-pv/libc/, start.c syscall.c) \
    $(addprefix guest-pv/drivers/, netfront.c netfront_ring.c)
RT_OBJS := $(patsubst %,$(O)/%.o,$(basename $(RT_SOURCES)))
LIBRT := $(O)/guest-pv/librt.a

# For programs: the public headers.
PV_CPPFLAGS := -Iguest-pv/rt/include -Iguest-pv/drivers/include -Ihv/include/public

RT_CFLAGS = $(PV_CFLAGS) $(PV_CPPFLAGS) -Iguest-pv/rt
RT_STRICT_CFLAGS = $(RT_CFLAGS) $(WARN_CONVERSION)
$(call c_rules,guest-pv/rt,RT_STRICT_CFLAGS)
$(call c_rules,guest-pv/libc,RT_CFLAGS)
$(call c_rules,guest-pv/drivers,RT_STRICT_CFLAGS)
$(call c_rules,guest-pv/testguests,RT_CFLAGS)

$(RT_OBJS): | $(TP_STAMP_musl) $(TP_STAMP_xen-headers)
-include $(RT_OBJS:.o=.d)

$(LIBRT): $(RT_OBJS)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $^

# entry.o is named: nothing refers to it but the note in it.
define pv_program_
$(1): $(2) $$(LIBRT) guest-pv/rt/pv.ld | $$(TP_STAMP_musl)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) -nostdlib -static -no-pie -Wl,-T,guest-pv/rt/pv.ld -Wl,--build-id=none \
	    -Wl,--gc-sections -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,-u,pvh_start \
	    -o $$@ $(2) -Wl,--start-group $$(LIBRT) $(3) $$(MUSL)/lib/libc.a -lgcc -Wl,--end-group
endef
pv_program = $(eval $(call pv_program_,$(strip $(1)),$(2),$(3)))

TESTGUESTS := $(sort $(basename $(notdir $(wildcard guest-pv/testguests/*.c))))
TESTGUEST_ELFS := $(TESTGUESTS:%=$(O)/guest-pv/testguests/%.elf)
$(foreach t,$(TESTGUESTS),$(call pv_program,$(O)/guest-pv/testguests/$(t).elf,\
    $(O)/guest-pv/testguests/$(t).o))
$(TESTGUESTS:%=$(O)/guest-pv/testguests/%.o): | $(TP_STAMP_musl) $(TP_STAMP_xen-headers)
-include $(TESTGUEST_ELFS:.elf=.d)

guest-pv: $(LIBRT) $(TESTGUEST_ELFS)
