/* SPDX-License-Identifier: MIT */
/*
 * Loads a PVH ELF64 that came with the signed image (or is the guest of run-guest) into a new
 * domain. Checked all the same: a damaged file must not take hv along.
 */
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/lib.h>

#include "boot.h"

#define PT_LOAD 1U
#define PT_NOTE 4U
#define NOTE_PHYS32_ENTRY 18U /* xen/elfnote.h */

struct elf64_header {
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

static bool inside(uint64_t offset, uint64_t len, uint64_t size)
{
    return len <= size && offset <= size - len;
}

static bool find_entry(const uint8_t *note, uint64_t size, uint32_t *entry)
{
    while (size >= sizeof(struct elf_note)) {
        struct elf_note n;
        uint64_t name, total;

        memcpy(&n, note, sizeof(n));
        name = ALIGN_UP((uint64_t)n.namesz, 4);
        total = sizeof(n) + name + ALIGN_UP((uint64_t)n.descsz, 4);
        if (total > size)
            return false;
        if (n.type == NOTE_PHYS32_ENTRY && n.namesz == 4 && n.descsz >= 4 &&
            !memcmp(note + sizeof(n), "Xen", 4)) {
            memcpy(entry, note + sizeof(n) + name, 4);
            return true;
        }
        note += total;
        size -= total;
    }
    return false;
}

int guest_load_elf(struct domain *d, const void *image, uint64_t size, uint32_t *entry)
{
    const uint8_t *bytes = image;
    struct elf64_header h;
    bool found = false;

    if (size < sizeof(h))
        return -ENOEXEC;
    memcpy(&h, bytes, sizeof(h));
    if (memcmp(h.ident, "\177ELF\2\1", 6) || h.machine != 62 ||
        h.phentsize != sizeof(struct elf64_phdr) ||
        !inside(h.phoff, (uint64_t)h.phnum * sizeof(struct elf64_phdr), size))
        return -ENOEXEC;
    for (uint32_t i = 0; i < h.phnum; i++) {
        struct elf64_phdr p;

        memcpy(&p, bytes + h.phoff + i * sizeof(p), sizeof(p));
        if ((p.type != PT_LOAD && p.type != PT_NOTE) || !p.memsz)
            continue;
        if (!inside(p.offset, p.filesz, size) || p.filesz > p.memsz)
            return -ENOEXEC;
        if (p.type == PT_NOTE)
            found = found || find_entry(bytes + p.offset, p.filesz, entry);
        else if (guest_copy_to_gpa(d, p.paddr, bytes + p.offset, p.filesz))
            return -EFAULT; /* the rest of memsz is fresh RAM: zero */
    }
    return found ? 0 : -ENOEXEC;
}
