/* SPDX-License-Identifier: MIT */
/*
 * PVH start information (Xen public/arch-x86/hvm/start_info.h) and minimal ACPI tables (ACPI 6.1,
 * section 5.2 "ACPI System Description Tables").
 */
#include "pvh.h"

#include <errno.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "bulkhead.h"

/* Offsets in the info pages. */
#define MODLIST_AT 0x40U
#define MEMMAP_AT 0x80U
#define MEMMAP_MAX 8U
#define CMDLINE_AT 0x200U

_Static_assert(MEMMAP_AT + MEMMAP_MAX * sizeof(struct hvm_memmap_table_entry) <= CMDLINE_AT, "");
_Static_assert(CMDLINE_AT + PVH_MAX_CMDLINE <= PVH_INFO_SIZE, "");

uint64_t pvh_ram_low(uint64_t ram_bytes)
{
    return ram_bytes < PVH_HOLE_START ? ram_bytes : PVH_HOLE_START;
}

uint64_t pvh_ram_high(uint64_t ram_bytes)
{
    return ram_bytes - pvh_ram_low(ram_bytes);
}

struct memmap {
    struct hvm_memmap_table_entry e[MEMMAP_MAX];
    uint32_t n;
};

static void add(struct memmap *m, uint64_t addr, uint64_t end, uint32_t type)
{
    if (end > addr)
        m->e[m->n++] =
            (struct hvm_memmap_table_entry){.addr = addr, .size = end - addr, .type = type};
}

static void make_memmap(uint64_t ram_bytes, struct memmap *m)
{
    m->n = 0;
    add(m, 0, PVH_INFO_GPA, XEN_HVM_MEMMAP_TYPE_RAM);
    add(m, PVH_INFO_GPA, PVH_ACPI_GPA, XEN_HVM_MEMMAP_TYPE_RESERVED);
    add(m, PVH_ACPI_GPA, PVH_ACPI_GPA + PVH_ACPI_SIZE, XEN_HVM_MEMMAP_TYPE_ACPI);
    add(m, PVH_ACPI_GPA + PVH_ACPI_SIZE, PVH_LOW_END, XEN_HVM_MEMMAP_TYPE_RESERVED);
    add(m, PVH_LOW_END, pvh_ram_low(ram_bytes), XEN_HVM_MEMMAP_TYPE_RAM);
    add(m, PVH_HOLE_END, PVH_HOLE_END + pvh_ram_high(ram_bytes), XEN_HVM_MEMMAP_TYPE_RAM);
}

int pvh_make_info(const struct pvh_request *r, uint8_t info[PVH_INFO_SIZE])
{
    struct hvm_start_info si = {.magic = XEN_HVM_START_MAGIC_VALUE, .version = 1};
    struct hvm_modlist_entry mod = {.paddr = r->initrd_gpa, .size = r->initrd_size};
    struct memmap map;
    size_t len = strlen(r->cmdline);

    if (len >= PVH_MAX_CMDLINE)
        return -E2BIG;
    if (r->ram_bytes < 16U << 20 || (r->ram_bytes & 0xfff) != 0)
        return -EINVAL;
    memset(info, 0, PVH_INFO_SIZE);
    make_memmap(r->ram_bytes, &map);
    si.nr_modules = r->initrd_size > 0 ? 1 : 0;
    si.modlist_paddr = PVH_INFO_GPA + MODLIST_AT;
    si.cmdline_paddr = PVH_INFO_GPA + CMDLINE_AT;
    si.rsdp_paddr = PVH_ACPI_GPA;
    si.memmap_paddr = PVH_INFO_GPA + MEMMAP_AT;
    si.memmap_entries = map.n;
    memcpy(info, &si, sizeof(si));
    memcpy(info + MODLIST_AT, &mod, sizeof(mod));
    memcpy(info + MEMMAP_AT, map.e, map.n * sizeof(map.e[0]));
    memcpy(info + CMDLINE_AT, r->cmdline, len + 1);
    return 0;
}

/* ---- ACPI ---- */

struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} __attribute__((packed));

struct acpi_rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t checksum_all;
    uint8_t reserved[3];
} __attribute__((packed));

struct acpi_lapic {
    uint8_t type, length, processor, apic_id;
    uint32_t flags;
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_header) == 36, "ACPI");
_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI");

/* Offsets of the tables in the ACPI pages. */
#define XSDT_AT 0x40U
#define DSDT_AT 0x80U
#define FADT_AT 0x100U
#define MADT_AT 0x300U
_Static_assert(MADT_AT + 44U + 8U * BH_MAX_VCPUS <= PVH_ACPI_SIZE, "");

/* FADT, revision 6 (ACPI 6.1, section 5.2.9 "Fixed ACPI Description Table"). */
#define FADT_LENGTH 276U
#define FADT_DSDT 40U
#define FADT_IAPC_BOOT_ARCH 109U
#define FADT_FLAGS 112U
#define FADT_X_DSDT 140U
#define FADT_FLAG_WBINVD (1U << 0)
#define FADT_FLAG_C1 (1U << 2)
#define FADT_FLAG_NO_BUTTONS (3U << 4) /* power and sleep buttons are not fixed hardware */
#define FADT_FLAG_HW_REDUCED (1U << 20)
#define FADT_BOOT_NO_LEGACY                                                                        \
    0x3cU /* no VGA, no MSI, no ASPM, no CMOS RTC; 8042 and legacy bits clear */

static uint8_t checksum(const uint8_t *p, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + p[i]);
    return (uint8_t)(0x100U - sum);
}

static void start_table(uint8_t *at, const char *signature, uint32_t length, uint8_t revision)
{
    struct acpi_header h = {.length = length,
                            .revision = revision,
                            .oem = {'B', 'L', 'K', 'H', 'D', ' '},
                            .oem_table = {'B', 'U', 'L', 'K', 'H', 'E', 'A', 'D'},
                            .oem_revision = 1,
                            .creator = 0x44484b42, /* "BKHD" */
                            .creator_revision = 1};

    memcpy(h.signature, signature, sizeof(h.signature));
    memcpy(at, &h, sizeof(h));
}

static void end_table(uint8_t *at)
{
    struct acpi_header h;

    memcpy(&h, at, sizeof(h));
    at[offsetof(struct acpi_header, checksum)] = checksum(at, h.length);
}

static void put32(uint8_t *at, uint32_t v)
{
    memcpy(at, &v, sizeof(v));
}

static void put64(uint8_t *at, uint64_t v)
{
    memcpy(at, &v, sizeof(v));
}

static void make_fadt(uint8_t *at)
{
    start_table(at, "FACP", FADT_LENGTH, 6);
    put32(at + FADT_DSDT, PVH_ACPI_GPA + DSDT_AT);
    at[FADT_IAPC_BOOT_ARCH] = FADT_BOOT_NO_LEGACY;
    put32(at + FADT_FLAGS,
          FADT_FLAG_WBINVD | FADT_FLAG_C1 | FADT_FLAG_NO_BUTTONS | FADT_FLAG_HW_REDUCED);
    put64(at + FADT_X_DSDT, PVH_ACPI_GPA + DSDT_AT);
    end_table(at);
}

static void make_madt(uint8_t *at, uint32_t nr_vcpus)
{
    start_table(at, "APIC", 44 + nr_vcpus * (uint32_t)sizeof(struct acpi_lapic), 4);
    put32(at + 36, 0xfee00000U); /* never touched: the processors are in x2APIC mode */
    for (uint32_t i = 0; i < nr_vcpus; i++) {
        struct acpi_lapic l = {.type = 0,
                               .length = sizeof(l),
                               .processor = (uint8_t)i,
                               .apic_id = (uint8_t)BH_VCPU_APIC_ID(i),
                               .flags = 1};

        memcpy(at + 44 + i * sizeof(l), &l, sizeof(l));
    }
    end_table(at);
}

void pvh_make_acpi(uint32_t nr_vcpus, uint8_t acpi[PVH_ACPI_SIZE])
{
    struct acpi_rsdp rsdp = {.signature = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '},
                             .oem = {'B', 'L', 'K', 'H', 'D', ' '},
                             .revision = 2,
                             .length = sizeof(rsdp),
                             .xsdt = PVH_ACPI_GPA + XSDT_AT};

    memset(acpi, 0, PVH_ACPI_SIZE);
    if (nr_vcpus > BH_MAX_VCPUS)
        nr_vcpus = BH_MAX_VCPUS;
    memcpy(acpi, &rsdp, sizeof(rsdp));
    acpi[offsetof(struct acpi_rsdp, checksum)] = checksum(acpi, 20);
    acpi[offsetof(struct acpi_rsdp, checksum_all)] = checksum(acpi, sizeof(rsdp));
    start_table(acpi + XSDT_AT, "XSDT", 36 + 2 * 8, 1);
    put64(acpi + XSDT_AT + 36, PVH_ACPI_GPA + FADT_AT);
    put64(acpi + XSDT_AT + 44, PVH_ACPI_GPA + MADT_AT);
    end_table(acpi + XSDT_AT);
    start_table(acpi + DSDT_AT, "DSDT", 36, 2);
    end_table(acpi + DSDT_AT);
    make_fadt(acpi + FADT_AT);
    make_madt(acpi + MADT_AT, nr_vcpus);
}
