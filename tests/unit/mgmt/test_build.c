/* SPDX-License-Identifier: MIT */
/*
 * What the domain builder makes: the kernel's ELF headers with hostile values, start information
 * and ACPI tables, each checked as the guest would.
 */
#include "test.h"

#include <errno.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "build/elf.h"
#include "build/pvh.h"

#define MB (1ULL << 20)

static uint8_t file[8192];

static void put16(size_t at, uint16_t v)
{
    memcpy(file + at, &v, 2);
}

static void put32(size_t at, uint32_t v)
{
    memcpy(file + at, &v, 4);
}

static void put64(size_t at, uint64_t v)
{
    memcpy(file + at, &v, 8);
}

static void program_header(unsigned int i, uint32_t type, uint64_t offset, uint64_t paddr,
                           uint64_t filesz, uint64_t memsz)
{
    size_t at = 64 + i * 56;

    put32(at, type);
    put64(at + 8, offset);
    put64(at + 24, paddr);
    put64(at + 32, filesz);
    put64(at + 40, memsz);
}

static void good_kernel(void)
{
    memset(file, 0, sizeof(file));
    memcpy(file, "\177ELF\2\1\1", 7);
    put16(16, 2);
    put16(18, 62);
    put64(32, 64);
    put16(54, 56);
    put16(56, 3);
    program_header(0, 1, 4096, 16 * MB, 2048, 4096);
    program_header(1, 1, 6144, 17 * MB, 100, 300);
    program_header(2, 4, 1024, 0, 24, 24);
    put32(1024, 4);
    put32(1028, 8);
    put32(1032, 18);
    memcpy(file + 1036, "Xen", 4);
    put64(1040, 16 * MB + 16);
}

static int parse(struct elf_image *out)
{
    return elf_parse(file, sizeof(file), MB, 64 * MB, out);
}

TEST(elf_finds_segments_and_entry)
{
    struct elf_image e;

    good_kernel();
    CHECK(parse(&e) == 0);
    CHECK_EQ(e.nr_segments, 2);
    CHECK_EQ(e.entry, 16 * MB + 16);
    CHECK_EQ(e.end, 17 * MB + 300);
    CHECK(e.segment[1].offset == 6144 && e.segment[1].file_size == 100);
}

TEST(elf_refuses_what_is_out_of_bounds)
{
    struct elf_image e;

    good_kernel();
    CHECK(elf_parse(file, 63, MB, 64 * MB, &e) == -EINVAL);
    put64(32, UINT64_MAX - 8);
    CHECK(parse(&e) == -EINVAL);
    good_kernel();
    put16(56, 0xffff);
    CHECK(parse(&e) == -EINVAL);
    good_kernel();
    program_header(0, 1, 8000, 16 * MB, 2048, 4096);
    CHECK(parse(&e) == -EINVAL);
    good_kernel();
    program_header(0, 1, UINT64_MAX, 16 * MB, 2, 4096);
    CHECK(parse(&e) == -EINVAL);
    good_kernel();
    program_header(0, 1, 4096, 16 * MB, 2048, 100);
    CHECK(parse(&e) == -EINVAL);
    good_kernel();
    program_header(1, 1, 6144, 64 * MB - 100, 100, 300);
    CHECK(parse(&e) == -EINVAL);
    good_kernel();
    program_header(1, 1, 6144, 4096, 100, 300);
    CHECK(parse(&e) == -EINVAL);
    good_kernel();
    program_header(1, 1, 6144, UINT64_MAX - 100, 100, 300);
    CHECK(parse(&e) == -EINVAL);
    good_kernel();
    program_header(1, 1, 6144, 16 * MB + 4095, 100, 300);
    CHECK(parse(&e) == -EINVAL);
}

TEST(elf_needs_a_pvh_entry_inside_a_segment)
{
    struct elf_image e;

    good_kernel();
    put32(1032, 17);
    CHECK(parse(&e) == -ENOEXEC);
    good_kernel();
    put64(1040, 20 * MB);
    CHECK(parse(&e) == -ENOEXEC);
    good_kernel();
    put32(1024, 0xfffffff0);
    CHECK(parse(&e) == -ENOEXEC);
    good_kernel();
    put32(1028, 0xfffffff0);
    CHECK(parse(&e) == -ENOEXEC);
}

static const struct hvm_memmap_table_entry *memmap_of(const uint8_t *info, uint32_t *n)
{
    struct hvm_start_info si;

    memcpy(&si, info, sizeof(si));
    *n = si.memmap_entries;
    return (const void *)(info + (si.memmap_paddr - PVH_INFO_GPA));
}

TEST(start_info_describes_the_guest)
{
    static uint8_t info[PVH_INFO_SIZE] __attribute__((aligned(8)));
    struct pvh_request r = {256 * MB, 64 * MB, 12345, "console=hvc0 quiet"};
    const struct hvm_memmap_table_entry *m;
    struct hvm_modlist_entry mod;
    struct hvm_start_info si;
    uint64_t at = 0, ram = 0;
    uint32_t n;

    CHECK(pvh_make_info(&r, info) == 0);
    memcpy(&si, info, sizeof(si));
    CHECK(si.magic == XEN_HVM_START_MAGIC_VALUE && si.version == 1 && si.nr_modules == 1);
    CHECK(si.rsdp_paddr == PVH_ACPI_GPA);
    CHECK(strcmp((char *)info + (si.cmdline_paddr - PVH_INFO_GPA), r.cmdline) == 0);
    memcpy(&mod, info + (si.modlist_paddr - PVH_INFO_GPA), sizeof(mod));
    CHECK(mod.paddr == 64 * MB && mod.size == 12345);
    m = memmap_of(info, &n);
    for (uint32_t i = 0; i < n; i++) { /* sorted, without holes up to the end of RAM */
        CHECK_EQ(m[i].addr, at);
        at += m[i].size;
        ram += m[i].type == XEN_HVM_MEMMAP_TYPE_RAM ? m[i].size : 0;
    }
    CHECK_EQ(at, 256 * MB);
    CHECK(ram == 256 * MB - (PVH_LOW_END - PVH_INFO_GPA));
}

TEST(start_info_leaves_the_hole_below_4g)
{
    static uint8_t info[PVH_INFO_SIZE] __attribute__((aligned(8)));
    struct pvh_request r = {8192 * MB, 0, 0, ""};
    const struct hvm_memmap_table_entry *m;
    uint32_t n;

    CHECK(pvh_make_info(&r, info) == 0);
    m = memmap_of(info, &n);
    CHECK(m[n - 2].addr + m[n - 2].size == PVH_HOLE_START);
    CHECK(m[n - 1].addr == PVH_HOLE_END && m[n - 1].size == 8192 * MB - PVH_HOLE_START);
    CHECK_EQ(pvh_ram_low(8192 * MB) + pvh_ram_high(8192 * MB), 8192 * MB);
}

TEST(start_info_bounds_the_command_line)
{
    static uint8_t info[PVH_INFO_SIZE];
    static char line[PVH_MAX_CMDLINE + 1];
    struct pvh_request r = {256 * MB, 0, 0, line};

    memset(line, 'x', PVH_MAX_CMDLINE);
    CHECK(pvh_make_info(&r, info) == -E2BIG);
    line[PVH_MAX_CMDLINE - 1] = '\0';
    CHECK(pvh_make_info(&r, info) == 0);
    r.ram_bytes = 4096;
    CHECK(pvh_make_info(&r, info) == -EINVAL);
}

static uint8_t sum(const uint8_t *p, size_t len)
{
    uint8_t s = 0;

    for (size_t i = 0; i < len; i++)
        s = (uint8_t)(s + p[i]);
    return s;
}

static const uint8_t *table(const uint8_t *acpi, uint64_t gpa, const char *signature,
                            uint32_t *length)
{
    const uint8_t *t = acpi + (gpa - PVH_ACPI_GPA);

    CHECK(gpa >= PVH_ACPI_GPA && gpa + 36 <= PVH_ACPI_GPA + PVH_ACPI_SIZE);
    CHECK(memcmp(t, signature, 4) == 0);
    memcpy(length, t + 4, 4);
    CHECK(gpa + *length <= PVH_ACPI_GPA + PVH_ACPI_SIZE);
    CHECK_EQ(sum(t, *length), 0);
    return t;
}

TEST(acpi_tables_hang_together)
{
    static uint8_t acpi[PVH_ACPI_SIZE];
    uint64_t xsdt, fadt_at, madt_at, dsdt_at;
    const uint8_t *t;
    uint32_t len, flags;
    uint16_t boot;

    pvh_make_acpi(4, acpi);
    CHECK(memcmp(acpi, "RSD PTR ", 8) == 0);
    CHECK(sum(acpi, 20) == 0 && sum(acpi, 36) == 0);
    memcpy(&xsdt, acpi + 24, 8);
    t = table(acpi, xsdt, "XSDT", &len);
    CHECK_EQ(len, 52);
    memcpy(&fadt_at, t + 36, 8);
    memcpy(&madt_at, t + 44, 8);
    t = table(acpi, fadt_at, "FACP", &len);
    CHECK(len == 276 && t[8] == 6);
    memcpy(&flags, t + 112, 4);
    memcpy(&boot, t + 109, 2);
    memcpy(&dsdt_at, t + 140, 8);
    CHECK((flags >> 20 & 1) == 1 && boot == 0x3c);
    (void)table(acpi, dsdt_at, "DSDT", &len);
    CHECK_EQ(len, 36);
    t = table(acpi, madt_at, "APIC", &len);
    CHECK_EQ(len, 44 + 4 * 8);
    for (unsigned int i = 0; i < 4; i++)
        CHECK(t[44 + i * 8] == 0 && t[44 + i * 8 + 2] == i && t[44 + i * 8 + 4] == 1);
}
