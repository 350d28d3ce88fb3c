/* SPDX-License-Identifier: MIT */
/* Section lookup in well-formed and broken PE images. Buffers are exact, so ASan sees overreads. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "loader.h"
#include "test.h"

#define IMAGE_BYTES 0x3000U
#define PE_AT 0x80U
#define TABLE_AT (PE_AT + 24 + 0xf0)

static void put(uint8_t *at, uint64_t value, unsigned int bytes)
{
    for (unsigned int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void put_section(uint8_t *image, unsigned int i, const char *name, uint32_t size,
                        uint32_t address)
{
    uint8_t *h = image + TABLE_AT + i * 40;

    memcpy(h, name, strlen(name));
    put(h + 8, size, 4);
    put(h + 12, address, 4);
}

static uint8_t *make_image(void)
{
    uint8_t *image = calloc(1, IMAGE_BYTES);

    memcpy(image, "MZ", 2);
    put(image + 0x3c, PE_AT, 4);
    memcpy(image + PE_AT, "PE\0\0", 4);
    put(image + PE_AT + 6, 3, 2);
    put(image + PE_AT + 20, 0xf0, 2);
    put_section(image, 0, ".text", 0x100, 0x1000);
    put_section(image, 1, ".hv", 0x1000, 0x2000);
    put_section(image, 2, ".bad", 0x1001, 0x2000);
    return image;
}

TEST(pe_finds_a_section_up_to_the_last_byte)
{
    uint8_t *image = make_image();
    struct pe_section s;

    CHECK_EQ(pe_find_section(image, IMAGE_BYTES, ".hv", &s), 0);
    CHECK_EQ(s.offset, 0x2000);
    CHECK_EQ(s.size, 0x1000);
    free(image);
}

TEST(pe_refuses_sections_outside_the_image)
{
    uint8_t *image = make_image();
    struct pe_section s = {7, 7};

    CHECK_EQ(pe_find_section(image, IMAGE_BYTES, ".bad", &s), -EINVAL);
    put(image + TABLE_AT + 80 + 12, 0xffffffff, 4);
    CHECK_EQ(pe_find_section(image, IMAGE_BYTES, ".bad", &s), -EINVAL);
    CHECK_EQ(s.offset, 7);
    free(image);
}

TEST(pe_names_match_as_a_whole)
{
    uint8_t *image = make_image();
    struct pe_section s;

    CHECK_EQ(pe_find_section(image, IMAGE_BYTES, ".h", &s), -ENOENT);
    CHECK_EQ(pe_find_section(image, IMAGE_BYTES, ".hvx", &s), -ENOENT);
    put_section(image, 1, ".eightch", 0x10, 0x2000);
    CHECK_EQ(pe_find_section(image, IMAGE_BYTES, ".eightch", &s), 0);
    CHECK_EQ(pe_find_section(image, IMAGE_BYTES, ".eightchx", &s), -ENOENT);
    free(image);
}

TEST(pe_refuses_broken_headers)
{
    uint8_t *image = make_image();
    struct pe_section s;

    CHECK_EQ(pe_find_section(image, 2, ".hv", &s), -EINVAL);
    put(image + PE_AT + 6, 0xffff, 2);
    CHECK_EQ(pe_find_section(image, IMAGE_BYTES, ".hv", &s), -EINVAL);
    put(image + 0x3c, IMAGE_BYTES - 4, 4);
    CHECK_EQ(pe_find_section(image, IMAGE_BYTES, ".hv", &s), -EINVAL);
    put(image + 0x3c, 0xfffffff0, 4);
    CHECK_EQ(pe_find_section(image, IMAGE_BYTES, ".hv", &s), -EINVAL);
    image[0] = 'Z';
    CHECK_EQ(pe_find_section(image, IMAGE_BYTES, ".hv", &s), -EINVAL);
    free(image);
}
