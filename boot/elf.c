/* SPDX-License-Identifier: MIT */
/*
 * Checks and places hv.elf: an ELF64 executable linked into the top 2 GB. It is placed as one
 * contiguous piece, in the order of link addresses. elf_plan_hv() decides everything that can fail,
 * so elf_place_hv() only copies.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include "loader.h"

#define TOP_2GB 0xffffffff80000000ULL

static int refuse(const char **why, const char *reason)
{
    *why = reason;
    return -ENOEXEC;
}

/* Program header i, copied: the file is a PE section and may be unaligned for us. */
static Elf64_Phdr get_phdr(const uint8_t *file, unsigned int i)
{
    Elf64_Ehdr eh;
    Elf64_Phdr ph;

    memcpy(&eh, file, sizeof(eh));
    memcpy(&ph, file + eh.e_phoff + (uint64_t)i * sizeof(ph), sizeof(ph));
    return ph;
}

static int check_header(const Elf64_Ehdr *eh, uint64_t size, const char **why)
{
    if (memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0 || eh->e_ident[EI_CLASS] != ELFCLASS64 ||
        eh->e_ident[EI_DATA] != ELFDATA2LSB)
        return refuse(why, "not a 64-bit ELF file");
    if (eh->e_type != ET_EXEC || eh->e_machine != EM_X86_64)
        return refuse(why, "not an x86-64 executable");
    if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phnum == 0 || eh->e_phoff > size ||
        (uint64_t)eh->e_phnum * sizeof(Elf64_Phdr) > size - eh->e_phoff)
        return refuse(why, "program headers out of bounds");
    return 0;
}

int elf_plan_hv(const uint8_t *file, uint64_t size, struct hv_plan *plan, const char **why)
{
    Elf64_Ehdr eh;
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    unsigned int segments = 0;
    bool entry_ok = false;

    if (size < sizeof(eh))
        return refuse(why, "too short");
    memcpy(&eh, file, sizeof(eh));
    int rc = check_header(&eh, size, why);
    if (rc != 0)
        return rc;

    for (unsigned int i = 0; i < eh.e_phnum; i++) {
        Elf64_Phdr ph = get_phdr(file, i);
        if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
            continue;
        if (++segments > HV_MAX_SEGMENTS)
            return refuse(why, "too many segments");
        if (ph.p_filesz > ph.p_memsz || ph.p_offset > size || ph.p_filesz > size - ph.p_offset)
            return refuse(why, "segment out of the file's bounds");
        if (ph.p_vaddr < TOP_2GB || ph.p_memsz > HV_MAX_BYTES || ph.p_vaddr > 0 - ph.p_memsz)
            return refuse(why, "segment not linked into the top 2 GB");
        if (segments > 1 && ph.p_vaddr < high)
            return refuse(why, "segments overlap or are out of order");
        if (ph.p_vaddr < low)
            low = ph.p_vaddr;
        high = ph.p_vaddr + ph.p_memsz;
        if (eh.e_entry >= ph.p_vaddr && eh.e_entry - ph.p_vaddr < ph.p_filesz)
            entry_ok = true;
    }
    if (segments == 0)
        return refuse(why, "nothing to load");
    if (!entry_ok)
        return refuse(why, "entry point outside its segments");

    plan->link_base = align_down(low, BIG_PAGE_BYTES);
    if (high - plan->link_base > HV_MAX_BYTES)
        return refuse(why, "segments too far apart");
    plan->size = align_up(high - plan->link_base, PAGE_BYTES);
    plan->entry = eh.e_entry;
    return 0;
}

void elf_place_hv(const uint8_t *file, const struct hv_plan *plan, uint8_t *memory)
{
    Elf64_Ehdr eh;

    memcpy(&eh, file, sizeof(eh));
    for (unsigned int i = 0; i < eh.e_phnum; i++) {
        Elf64_Phdr ph = get_phdr(file, i);
        if (ph.p_type == PT_LOAD && ph.p_memsz != 0)
            memcpy(memory + (ph.p_vaddr - plan->link_base), file + ph.p_offset, ph.p_filesz);
    }
}
