# SPDX-License-Identifier: MIT
# UEFI loader. GNU-EFI gives the types, crt0 and the self-relocation; nothing of its library.

BOOT_SRCS := main.c console.c string.c memory.c file.c platform.c pe.c elf.c ranges.c paging.c \
    enter.S
BOOT_OBJS := $(addprefix $(O)/boot/,$(addsuffix .o,$(basename $(BOOT_SRCS))))
BOOT_LIB ?= /usr/lib
BOOT_CFLAGS := -std=gnu11 -Os -g -fpic -fshort-wchar -ffreestanding -mno-red-zone \
    -mgeneral-regs-only -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
    -fno-strict-aliasing -maccumulate-outgoing-args -DGNU_EFI_USE_MS_ABI \
    -isystem /usr/include/efi -isystem /usr/include/efi/x86_64 \
    $(WARN) $(DEPFLAGS) -Iboot -Iboot/include

$(call c_rules,boot,BOOT_CFLAGS)
-include $(BOOT_OBJS:.o=.d)

$(O)/boot/loader.so: $(BOOT_OBJS)
	$(call say,LD,$@)
	$(Q)ld -nostdlib -znocombreloc -shared -Bsymbolic --fatal-warnings -z noexecstack \
	    -T $(BOOT_LIB)/elf_x86_64_efi.lds $(BOOT_LIB)/crt0-efi-x86_64.o $^ $(BOOT_LIB)/libgnuefi.a -o $@

$(O)/boot/bulkhead-loader.efi: $(O)/boot/loader.so
	$(call say,EFI,$@)
	$(Q)objcopy -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j '.rel*' -j .reloc \
	    --target efi-app-x86_64 --subsystem=10 $< $@

boot: $(O)/boot/bulkhead-loader.efi
