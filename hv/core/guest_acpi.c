/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables of a boot domain: RSDP, XSDT, hardware-reduced FADT, a DSDT that is only a header
 * and a MADT with one local APIC a vcpu. Without the MADT Linux would touch the MMIO APIC, without
 * the hardware-reduced FADT it would probe an RTC and a keyboard controller. ACPI 6.4, chapter 5.
 */
#include <hv/lib.h>

#include "boot.h"

#define HEADER_BYTES 36U
#define FADT_BYTES 276U /* revision 6 */
#define AT_XSDT 0x040U
#define AT_FADT 0x080U
#define AT_DSDT 0x1c0U
#define AT_MADT 0x200U

#define FADT_DSDT 40U
#define FADT_BOOT_ARCH 109U
#define FADT_FLAGS 112U
#define FADT_X_DSDT 140U
#define BOOT_ARCH_NOTHING 0x003cU /* no VGA, no MSI limits, no ASPM, no CMOS RTC */
#define FLAG_HW_REDUCED (1U << 20)

static void put32(uint8_t *at, uint32_t v)
{
    memcpy(at, &v, 4);
}

static void put64(uint8_t *at, uint64_t v)
{
    memcpy(at, &v, 8);
}

static uint8_t checksum(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;

    while (n--)
        sum = (uint8_t)(sum + *p++);
    return (uint8_t)-sum;
}

static void finish(uint8_t *t, const char *signature, uint8_t revision, uint32_t length)
{
    memcpy(t, signature, 4);
    put32(t + 4, length);
    t[8] = revision;
    memcpy(t + 10, "BULKHD", 6);
    memcpy(t + 16, "BULKHEAD", 8);
    put32(t + 24, 1);
    memcpy(t + 28, "BLKH", 4);
    put32(t + 32, 1);
    t[9] = checksum(t, length);
}

static void build_madt(uint8_t *t, uint32_t nr_vcpus)
{
    uint8_t *e = t + HEADER_BYTES + 8;

    put32(t + HEADER_BYTES, 0xfee00000U);
    for (uint32_t i = 0; i < nr_vcpus; i++, e += 8) {
        e[0] = 0; /* processor local APIC; ACPI id = APIC id = vcpu id */
        e[1] = 8;
        e[2] = e[3] = (uint8_t)i;
        put32(e + 4, 1); /* enabled */
    }
    finish(t, "APIC", 4, HEADER_BYTES + 8 + 8 * nr_vcpus);
}

void guest_acpi_build(uint8_t *buf, uint64_t gpa, uint32_t nr_vcpus)
{
    uint8_t *xsdt = buf + AT_XSDT, *fadt = buf + AT_FADT;

    finish(buf + AT_DSDT, "DSDT", 2, HEADER_BYTES);
    put32(fadt + FADT_DSDT, (uint32_t)(gpa + AT_DSDT));
    fadt[FADT_BOOT_ARCH] = BOOT_ARCH_NOTHING;
    put32(fadt + FADT_FLAGS, FLAG_HW_REDUCED);
    put64(fadt + FADT_X_DSDT, gpa + AT_DSDT);
    finish(fadt, "FACP", 6, FADT_BYTES);
    build_madt(buf + AT_MADT, nr_vcpus);
    put64(xsdt + HEADER_BYTES, gpa + AT_FADT);
    put64(xsdt + HEADER_BYTES + 8, gpa + AT_MADT);
    finish(xsdt, "XSDT", 1, HEADER_BYTES + 16);

    memcpy(buf, "RSD PTR ", 8);
    memcpy(buf + 9, "BULKHD", 6);
    buf[15] = 2;
    put32(buf + 20, 36);
    put64(buf + 24, gpa + AT_XSDT);
    buf[8] = checksum(buf, 20);
    buf[32] = checksum(buf, 36);
}
