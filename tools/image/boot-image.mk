# SPDX-License-Identifier: MIT
# bulkhead.efi (everything in one PE file), bulkhead-min.efi (loader and hv only, for run-guest) and
# bulkhead.img (GPT disk with an ESP that boots by itself).

EFI_MIN := .hv=$(O)/hv/hv.elf
EFI_PARTS := $(EFI_MIN) .mgmt=$(O)/mgmt/mgmt.elf .net=$(O)/net/net.elf \
    .kernel=$(O)/sandbox/vmlinux \
    .initrd=$(O)/sandbox/initrd.cpio \
    .bhash=$(O)/sandbox/base.squashfs.root \
    .config=tools/image/defaults.cfg

LOADER := $(O)/boot/bulkhead-loader.efi
files_of = $(foreach p,$(1),$(lastword $(subst =, ,$(p))))

# Too large for the signed file: the loader reads these from the ESP, and mgmt checks them by .bhash.
BASE := $(O)/sandbox/base.squashfs
ESP_FILES := $(BASE)=bulkhead/base.img $(BASE).hash=bulkhead/base.tree

# Order only: a stamp is always younger than what it stands for.
$(O)/sandbox/vmlinux: | $(KERNEL_STAMP)
$(BASE) $(BASE).hash $(BASE).root: | $(BASE_STAMP)

$(O)/bulkhead.efi: $(LOADER) $(call files_of,$(EFI_PARTS)) tools/image/mkefi
	$(call say,EFI,$@)
	$(Q)tools/image/mkefi $@ $(LOADER) $(EFI_PARTS)

$(O)/bulkhead-min.efi: $(LOADER) $(call files_of,$(EFI_MIN)) tools/image/mkefi
	$(call say,EFI,$@)
	$(Q)tools/image/mkefi $@ $(LOADER) $(EFI_MIN)

$(O)/bulkhead.img: $(O)/bulkhead.efi $(BASE) $(BASE).hash tools/image/mkimage
	$(call say,IMG,$@)
	$(Q)tools/image/mkimage $@ $(O)/bulkhead.efi $(ESP_FILES)

image: $(O)/bulkhead.img $(O)/bulkhead-min.efi
