/* SPDX-License-Identifier: MIT */
/*
 * Facts about the machine for the handoff: processors, ACPI root, time, random seed. None of them
 * can fail the boot; what is absent is left zero, and there is always one processor.
 */
#include <cpuid.h>
#include <string.h>
#include "efi_env.h"

/* ---- processors: PI specification vol. 2, 13.3 "MP Services Protocol" ---- */

#define CPU_STATUS_BSP 1U
#define CPU_STATUS_ENABLED 2U

struct mp_processor_info {
    UINT64 processor_id;
    UINT32 status;
    uint8_t location[64]; /* package, core, thread; newer firmware may append */
};

struct mp_services {
    EFI_STATUS(EFIAPI *get_count)(struct mp_services *, UINTN *total, UINTN *enabled);
    EFI_STATUS(EFIAPI *get_info)(struct mp_services *, UINTN index, struct mp_processor_info *);
};

static void add_cpu(struct bh_handoff *handoff, uint32_t apic_id, bool bsp)
{
    if (handoff->nr_cpus == BH_MAX_CPUS)
        return;
    handoff->cpus[handoff->nr_cpus].apic_id = apic_id;
    handoff->cpus[handoff->nr_cpus].flags = bsp ? BH_CPU_BSP : 0;
    handoff->nr_cpus++;
}

static void cpus_from_mp_services(struct bh_handoff *handoff)
{
    static EFI_GUID guid = {
        0x3fdda605, 0xa76e, 0x4f46, {0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08}};
    struct mp_services *mp = NULL;
    UINTN total = 0;
    UINTN enabled = 0;

    if (efi_bs->LocateProtocol(&guid, NULL, (void **)&mp) != EFI_SUCCESS ||
        mp->get_count(mp, &total, &enabled) != EFI_SUCCESS)
        return;
    for (UINTN i = 0; i < total; i++) {
        struct mp_processor_info info = {0};
        if (mp->get_info(mp, i, &info) == EFI_SUCCESS && (info.status & CPU_STATUS_ENABLED) != 0)
            add_cpu(handoff, (uint32_t)info.processor_id, (info.status & CPU_STATUS_BSP) != 0);
    }
}

/* ---- processors: ACPI MADT, where MP Services is absent. The tables are the firmware's. ---- */

struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t rest[28];
};

_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 6.5, 5.2.6 System Description Table Header");

static const struct acpi_header *find_table(uint64_t rsdp, const char *signature)
{
    uint64_t root;

    /* XSDT at offset 24 since ACPI 2.0 (5.2.5.3 "RSDP Structure"); UEFI machines all have it. */
    if (rsdp == 0 || *(const uint8_t *)(uintptr_t)(rsdp + 15) < 2)
        return NULL;
    memcpy(&root, (const void *)(uintptr_t)(rsdp + 24), sizeof(root));
    const struct acpi_header *xsdt = (const struct acpi_header *)(uintptr_t)root;
    if (xsdt == NULL || memcmp(xsdt->signature, "XSDT", 4) != 0)
        return NULL;
    for (uint32_t at = sizeof(*xsdt); at + 8 <= xsdt->length; at += 8) {
        uint64_t entry;
        memcpy(&entry, (const uint8_t *)xsdt + at, sizeof(entry));
        const struct acpi_header *table = (const struct acpi_header *)(uintptr_t)entry;
        if (table != NULL && memcmp(table->signature, signature, 4) == 0)
            return table;
    }
    return NULL;
}

static void cpus_from_madt(struct bh_handoff *handoff, uint32_t bsp_id)
{
    const struct acpi_header *madt = find_table(handoff->rsdp, "APIC");
    const uint8_t *table = (const uint8_t *)madt;

    if (madt == NULL)
        return;
    for (uint32_t at = 44; at + 2 <= madt->length && table[at + 1] >= 2; at += table[at + 1]) {
        uint32_t id;
        uint32_t flags;
        if (table[at] == 0 && table[at + 1] >= 8) { /* 5.2.12.2 Processor Local APIC */
            id = table[at + 3];
            memcpy(&flags, table + at + 4, 4);
        } else if (table[at] == 9 && table[at + 1] >= 16) { /* 5.2.12.12 Local x2APIC */
            memcpy(&id, table + at + 4, 4);
            memcpy(&flags, table + at + 8, 4);
        } else {
            continue;
        }
        if ((flags & 1) != 0)
            add_cpu(handoff, id, id == bsp_id);
    }
}

static uint32_t own_apic_id(void)
{
    uint32_t a, b, c, d;

    if (__get_cpuid_max(0, NULL) >= 0xb) {
        __cpuid_count(0xb, 0, a, b, c, d);
        if (b != 0)
            return d;
    }
    __cpuid(1, a, b, c, d);
    return b >> 24;
}

/* Exactly one entry must be the boot processor, also when the list was cut at BH_MAX_CPUS. */
void platform_get_cpus(struct bh_handoff *handoff)
{
    uint32_t bsp_id = own_apic_id();

    cpus_from_mp_services(handoff);
    if (handoff->nr_cpus == 0)
        cpus_from_madt(handoff, bsp_id);
    for (uint32_t i = 0; i < handoff->nr_cpus; i++) {
        if (handoff->cpus[i].flags & BH_CPU_BSP)
            return;
    }
    if (handoff->nr_cpus == BH_MAX_CPUS)
        handoff->nr_cpus--;
    add_cpu(handoff, bsp_id, true);
}

/* ---- ACPI root ---- */

void platform_get_rsdp(struct bh_handoff *handoff)
{
    static const EFI_GUID acpi20 = ACPI_20_TABLE_GUID;
    static const EFI_GUID acpi10 = ACPI_TABLE_GUID;

    for (UINTN i = 0; i < efi_st->NumberOfTableEntries; i++) {
        const EFI_CONFIGURATION_TABLE *table = &efi_st->ConfigurationTable[i];
        if (memcmp(&table->VendorGuid, &acpi20, sizeof(acpi20)) == 0) {
            handoff->rsdp = (uintptr_t)table->VendorTable;
            return;
        }
        if (memcmp(&table->VendorGuid, &acpi10, sizeof(acpi10)) == 0)
            handoff->rsdp = (uintptr_t)table->VendorTable;
    }
}

/* ---- time ---- */

/* Days from 1970-01-01 to a Gregorian date, counting years from March so that leap days come last.
 */
static uint64_t days_since_1970(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t y = month > 2 ? year : year - 1;
    uint32_t m = month > 2 ? month - 3 : month + 9;
    uint64_t leap_days = y / 4 - y / 100 + y / 400;

    return (uint64_t)y * 365 + leap_days + (153 * m + 2) / 5 + day - 1 - 719468;
}

void platform_get_time(struct bh_handoff *handoff)
{
    EFI_TIME t;

    if (efi_st->RuntimeServices->GetTime(&t, NULL) != EFI_SUCCESS || t.Year < 1970 || t.Month < 1 ||
        t.Month > 12)
        return;
    uint64_t seconds = days_since_1970(t.Year, t.Month, t.Day) * 86400 + (uint64_t)t.Hour * 3600 +
                       (uint64_t)t.Minute * 60 + t.Second;
    /* UTC = local time + TimeZone minutes (UEFI, 8.3 GetTime); unspecified: the clock runs UTC. */
    if (t.TimeZone != EFI_UNSPECIFIED_TIMEZONE)
        seconds += (uint64_t)((int64_t)t.TimeZone * 60);
    handoff->wallclock_sec = seconds;
    handoff->wallclock_nsec = t.Nanosecond;
}

/* ---- random seed ---- */

static bool random_word(bool rdseed, uint64_t *out)
{
    for (unsigned int i = 0; i < 1000; i++) {
        bool ok;
        if (rdseed)
            __asm__ volatile("rdseed %0" : "=r"(*out), "=@ccc"(ok));
        else
            __asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
        if (ok)
            return true;
        __asm__ volatile("pause");
    }
    return false;
}

static uint32_t seed_from_cpu(uint8_t *seed)
{
    uint32_t a, b = 0, c, d;
    bool rdseed = __get_cpuid_max(0, NULL) >= 7;

    if (rdseed) {
        __cpuid_count(7, 0, a, b, c, d);
        rdseed = (b & bit_RDSEED) != 0;
    }
    __cpuid(1, a, b, c, d);
    if (!rdseed && (c & bit_RDRND) == 0)
        return 0;
    for (uint32_t at = 0; at < BH_SEED_BYTES; at += 8) {
        uint64_t word;
        if (!random_word(rdseed, &word))
            return at;
        memcpy(seed + at, &word, sizeof(word));
    }
    return BH_SEED_BYTES;
}

void platform_get_seed(struct bh_handoff *handoff)
{
    static EFI_GUID guid = EFI_RNG_PROTOCOL_GUID;
    EFI_RNG_PROTOCOL *rng = NULL;

    if (efi_bs->LocateProtocol(&guid, NULL, (void **)&rng) == EFI_SUCCESS &&
        rng->GetRNG(rng, NULL, BH_SEED_BYTES, handoff->seed) == EFI_SUCCESS)
        handoff->seed_len = BH_SEED_BYTES;
    else
        handoff->seed_len = seed_from_cpu(handoff->seed);
}

bool platform_has_huge_pages(void)
{
    uint32_t a, b, c, d;

    __cpuid(0x80000000, a, b, c, d);
    if (a < 0x80000001)
        return false;
    __cpuid(0x80000001, a, b, c, d);
    return (d & (1U << 26)) != 0; /* Page1GB */
}
