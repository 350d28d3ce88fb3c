/* SPDX-License-Identifier: MIT */
/*
 * ELF64 program headers and the PVH entry note (Xen public/elfnote.h, docs/misc/pvh.pandoc).
 */
#include "elf.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define PT_LOAD 1U
#define PT_NOTE 4U
#define NOTE_PHYS32_ENTRY 18U /* XEN_ELFNOTE_PHYS32_ENTRY */

struct elf64_ehdr {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf64_phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct elf_note {
    uint32_t namesz, descsz, type;
};

_Static_assert(sizeof(struct elf64_ehdr) == 64, "ELF");
_Static_assert(sizeof(struct elf64_phdr) == 56, "ELF");

static bool in_file(uint64_t offset, uint64_t length, size_t size)
{
    return offset <= size && length <= size - offset;
}

static int add_segment(const struct elf64_phdr *p, size_t size, uint64_t low, uint64_t high,
                       struct elf_image *out)
{
    if (p->memsz == 0)
        return 0;
    if (!in_file(p->offset, p->filesz, size) || p->filesz > p->memsz)
        return -EINVAL;
    if (p->paddr < low || p->paddr > high || p->memsz > high - p->paddr)
        return -EINVAL;
    if (out->nr_segments == ELF_MAX_SEGMENTS)
        return -EINVAL;
    for (uint32_t i = 0; i < out->nr_segments; i++) {
        const struct elf_segment *s = &out->segment[i];

        if (p->paddr < s->gpa + s->mem_size && s->gpa < p->paddr + p->memsz)
            return -EINVAL;
    }
    out->segment[out->nr_segments++] = (struct elf_segment){
        .gpa = p->paddr, .offset = p->offset, .file_size = p->filesz, .mem_size = p->memsz};
    if (p->paddr + p->memsz > out->end)
        out->end = p->paddr + p->memsz;
    return 0;
}

/* Sizes of name and descriptor are padded to 4 bytes. */
static void find_entry(const uint8_t *notes, uint64_t length, struct elf_image *out)
{
    while (length >= sizeof(struct elf_note)) {
        struct elf_note n;
        uint64_t name, total;
        uint64_t value = 0;

        memcpy(&n, notes, sizeof(n));
        name = ((uint64_t)n.namesz + 3) & ~3ULL;
        total = sizeof(n) + name + (((uint64_t)n.descsz + 3) & ~3ULL);
        if (sizeof(n) + name + n.descsz > length)
            return;
        if (n.type == NOTE_PHYS32_ENTRY && n.namesz == 4 &&
            memcmp(notes + sizeof(n), "Xen", 4) == 0 && (n.descsz == 4 || n.descsz == 8)) {
            memcpy(&value, notes + sizeof(n) + name, n.descsz);
            if (value <= UINT32_MAX)
                out->entry = (uint32_t)value;
        }
        if (total >= length)
            return;
        notes += total;
        length -= total;
    }
}

static bool entry_in_segment(const struct elf_image *image)
{
    for (uint32_t i = 0; i < image->nr_segments; i++) {
        const struct elf_segment *s = &image->segment[i];

        if (image->entry >= s->gpa && image->entry - s->gpa < s->file_size)
            return true;
    }
    return false;
}

int elf_parse(const uint8_t *file, size_t size, uint64_t low, uint64_t high, struct elf_image *out)
{
    struct elf64_ehdr h;
    struct elf64_phdr p;
    int rc;

    memset(out, 0, sizeof(*out));
    if (size < sizeof(h))
        return -EINVAL;
    memcpy(&h, file, sizeof(h));
    if (memcmp(h.ident, "\177ELF\2\1\1", 7) != 0 || h.machine != 62 || h.type != 2 ||
        h.phentsize != sizeof(p) || !in_file(h.phoff, (uint64_t)h.phnum * sizeof(p), size))
        return -EINVAL;
    for (unsigned int i = 0; i < h.phnum; i++) {
        memcpy(&p, file + h.phoff + i * sizeof(p), sizeof(p));
        if (p.type == PT_LOAD) {
            rc = add_segment(&p, size, low, high, out);
            if (rc != 0)
                return rc;
        } else if (p.type == PT_NOTE) {
            if (!in_file(p.offset, p.filesz, size))
                return -EINVAL;
            find_entry(file + p.offset, p.filesz, out);
        }
    }
    return out->entry != 0 && entry_in_segment(out) ? 0 : -ENOEXEC;
}
