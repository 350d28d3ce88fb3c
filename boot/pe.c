/* SPDX-License-Identifier: MIT */
/*
 * Finds sections in the PE image we run from. The firmware has verified the image's signature where
 * Secure Boot is on; the bounds checks keep a badly built image from turning into a wild pointer.
 * Layout: Microsoft PE/COFF specification, "COFF File Header" and "Section Table".
 */
#include <errno.h>
#include "loader.h"

#define DOS_PE_OFFSET 0x3cU
#define PE_SIGNATURE 0x00004550U
#define COFF_BYTES 24U /* signature and file header */
#define SECTION_BYTES 40U

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

/* Section names are padded with NULs to 8 bytes and not terminated when they fill them. */
static bool name_matches(const uint8_t *field, const char *name)
{
    for (unsigned int i = 0; i < 8; i++) {
        if (field[i] != (uint8_t)name[i])
            return false;
        if (name[i] == '\0')
            return true;
    }
    return name[8] == '\0';
}

int pe_find_section(const uint8_t *image, uint64_t image_size, const char *name,
                    struct pe_section *out)
{
    if (image_size < DOS_PE_OFFSET + 4 || image[0] != 'M' || image[1] != 'Z')
        return -EINVAL;

    uint64_t pe = get32(image + DOS_PE_OFFSET);
    if (pe + COFF_BYTES > image_size || get32(image + pe) != PE_SIGNATURE)
        return -EINVAL;

    unsigned int count = get16(image + pe + 6);
    uint64_t table = pe + COFF_BYTES + get16(image + pe + 20);
    if (table + (uint64_t)count * SECTION_BYTES > image_size)
        return -EINVAL;

    for (unsigned int i = 0; i < count; i++) {
        const uint8_t *header = image + table + (uint64_t)i * SECTION_BYTES;
        if (!name_matches(header, name))
            continue;
        uint64_t size = get32(header + 8);
        uint64_t offset = get32(header + 12);
        if (size == 0 || offset + size > image_size)
            return -EINVAL;
        out->offset = offset;
        out->size = size;
        return 0;
    }
    return -ENOENT;
}
