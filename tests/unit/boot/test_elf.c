/* SPDX-License-Identifier: MIT */
/* hv.elf: what is accepted, where it lands, and each reason to refuse. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "loader.h"
#include "test.h"

#define LINK 0xffffffff80201000ULL

struct file {
    Elf64_Ehdr eh;
    Elf64_Phdr ph[2];
    uint8_t text[0x100];
};

static struct file good(void)
{
    struct file f = {0};

    memcpy(f.eh.e_ident, ELFMAG, SELFMAG);
    f.eh.e_ident[EI_CLASS] = ELFCLASS64;
    f.eh.e_ident[EI_DATA] = ELFDATA2LSB;
    f.eh.e_type = ET_EXEC;
    f.eh.e_machine = EM_X86_64;
    f.eh.e_phoff = offsetof(struct file, ph);
    f.eh.e_phentsize = sizeof(Elf64_Phdr);
    f.eh.e_phnum = 2;
    f.eh.e_entry = LINK + 4;
    f.ph[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                           .p_offset = offsetof(struct file, text),
                           .p_vaddr = LINK,
                           .p_filesz = 0x100,
                           .p_memsz = 0x100};
    f.ph[1] = (Elf64_Phdr){.p_type = PT_LOAD,
                           .p_offset = offsetof(struct file, text) + 0x80,
                           .p_vaddr = LINK + 0x1000,
                           .p_filesz = 0x80,
                           .p_memsz = 0x2001};
    memset(f.text, 0xaa, 0x80);
    memset(f.text + 0x80, 0xbb, 0x80);
    return f;
}

static int plan_of(const struct file *f, struct hv_plan *plan)
{
    const char *why = "";
    return elf_plan_hv((const uint8_t *)f, sizeof(*f), plan, &why);
}

TEST(elf_plans_and_places)
{
    struct file f = good();
    struct hv_plan plan;

    CHECK_EQ(plan_of(&f, &plan), 0);
    CHECK_EQ(plan.link_base, 0xffffffff80200000ULL);
    CHECK_EQ(plan.size, 0x5000);
    CHECK_EQ(plan.entry, LINK + 4);

    uint8_t *memory = calloc(1, plan.size);
    elf_place_hv((const uint8_t *)&f, &plan, memory);
    CHECK(memory[0xfff] == 0 && memory[0x1000] == 0xaa && memory[0x10ff] == 0xbb);
    CHECK(memory[0x2000] == 0xbb && memory[0x207f] == 0xbb && memory[0x2080] == 0);
    free(memory);
}

#define REFUSES(change)                                                                            \
    do {                                                                                           \
        struct file f = good();                                                                    \
        struct hv_plan plan = {1, 2, 3};                                                           \
        change;                                                                                    \
        CHECK_EQ(plan_of(&f, &plan), -ENOEXEC);                                                    \
        CHECK_EQ(plan.size, 2);                                                                    \
    } while (0)

TEST(elf_refuses_what_is_not_hv)
{
    REFUSES(f.eh.e_ident[0] = 0);
    REFUSES(f.eh.e_ident[EI_CLASS] = ELFCLASS32);
    REFUSES(f.eh.e_type = ET_DYN);
    REFUSES(f.eh.e_machine = EM_386);
    REFUSES(f.eh.e_phnum = 0);
    REFUSES(f.eh.e_phnum = 0xffff);
    REFUSES(f.eh.e_phoff = sizeof(struct file));
    REFUSES(f.eh.e_phoff = UINT64_MAX);
    REFUSES(f.ph[0].p_type = f.ph[1].p_type = PT_NOTE);
}

TEST(elf_refuses_bad_segments)
{
    REFUSES(f.ph[0].p_filesz = 0x101);
    REFUSES(f.ph[1].p_offset = sizeof(struct file) - 0x7f);
    REFUSES(f.ph[1].p_offset = UINT64_MAX - 4);
    REFUSES(f.ph[1].p_vaddr = LINK + 0xff); /* overlap */
    REFUSES(f.ph[1].p_vaddr = LINK - 0x4000);
    REFUSES(f.ph[0].p_vaddr = 0x100000);
    REFUSES(f.ph[1].p_memsz = HV_MAX_BYTES + 1);
    REFUSES(f.ph[1].p_vaddr = 0xfffffffffffff000ULL);
    REFUSES(f.ph[1].p_vaddr = LINK + HV_MAX_BYTES);
    REFUSES(f.eh.e_entry = LINK + 0x100);
    REFUSES(f.eh.e_entry = LINK + 0x1080); /* in .bss */
}
