# SPDX-License-Identifier: MIT
# The loader's pure parts: PE and ELF parsing, memory ranges, entry page tables.

$(call unit_test,boot_loader,tests/unit/boot/test_pe.c tests/unit/boot/test_elf.c \
    tests/unit/boot/test_ranges.c tests/unit/boot/test_paging.c \
    boot/pe.c boot/elf.c boot/ranges.c boot/paging.c,-Iboot -Iboot/include)
