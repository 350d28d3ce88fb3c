/* SPDX-License-Identifier: MIT */
/*
 * The parts of a PVH kernel's ELF file that the builder needs. The image comes with the appliance
 * and is trusted; it is checked against its size and the guest's memory all the same. Pure: no
 * calls out.
 */
#ifndef BH_ELF_H
#define BH_ELF_H

#include <stddef.h>
#include <stdint.h>

#define ELF_MAX_SEGMENTS 16U

struct elf_segment {
    uint64_t gpa;
    uint64_t offset; /* in the file */
    uint64_t file_size;
    uint64_t mem_size; /* >= file_size; the rest is zero */
};

struct elf_image {
    uint32_t nr_segments;
    uint32_t entry; /* XEN_ELFNOTE_PHYS32_ENTRY */
    uint64_t end;   /* first guest address above all segments */
    struct elf_segment segment[ELF_MAX_SEGMENTS];
};

/* Loadable segments must lie in guest memory [low, high) and not overlap. -EINVAL, -ENOEXEC (no PVH
 * entry). */
int elf_parse(const uint8_t *file, size_t size, uint64_t low, uint64_t high, struct elf_image *out);

#endif
