/* SPDX-License-Identifier: MIT */
/*
 * hv's own page tables: the image with W^X per segment, RAM in the direct map (no execute, without
 * the image), uncached windows for devices. Built once with the loader's identity map; afterwards
 * only mmio_map() and the trampoline page change anything. Boot CPU only, no lock.
 */
#include <hv/config.h>
#include <hv/device.h>
#include <hv/lib.h>
#include <hv/p2m.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/printk.h>
#include <hv/x86.h>

#define PTE_P 1ULL
#define PTE_W 2ULL
#define PTE_UC 0x18ULL
#define PTE_A 0x20ULL
#define PTE_D 0x40ULL
#define PTE_LARGE 0x80ULL
#define PTE_NX (1ULL << 63)

extern const char image_start[], text_end[], rodata_end[], image_end[];

static uint64_t root, table_base; /* table_base: 0 while the loader's identity map is in force */
static uint64_t early_next, early_floor; /* early_alloc goes down from the top of one range */
static uint64_t image_phys;
static uint64_t mmio_next = MMIO_MAP_BASE;
static bool pages_1g, allocator_ready;

uint64_t virt_to_phys(const void *p)
{
    uint64_t v = (uint64_t)p;

    return v >= HV_VIRT_BASE ? v - HV_VIRT_BASE + image_phys : v - DIRECT_MAP_BASE;
}

static uint64_t early_phys(uint64_t bytes)
{
    bytes = ALIGN_UP(bytes, PAGE_SIZE);
    if (early_next - early_floor < bytes)
        panic("no memory for hv");
    early_next -= bytes;
    memzero64((void *)(table_base + early_next), bytes);
    return early_next;
}

void *early_alloc(uint64_t bytes)
{
    return arch_phys_to_virt(early_phys(bytes));
}

static uint64_t table_alloc(void)
{
    mfn_t m;

    if (!allocator_ready)
        return early_phys(PAGE_SIZE);
    m = frame_alloc(0, FRAME_OWNER_HV);
    if (mfn_eq(m, MFN_NONE))
        panic("no memory for a page table");
    return m.n << PAGE_SHIFT;
}

/* Map [va, va + len) with the largest pages that fit. */
static void map(uint64_t va, uint64_t pa, uint64_t len, uint64_t flags)
{
    while (len) {
        unsigned int level = 0;
        uint64_t *t = (uint64_t *)(table_base + root), size = PAGE_SIZE;

        if (pages_1g && !((va | pa) & ((1ULL << 30) - 1)) && len >= 1ULL << 30)
            level = 2;
        else if (!((va | pa) & ((1ULL << 21) - 1)) && len >= 1ULL << 21)
            level = 1;
        for (unsigned int l = 3; l > level; l--) {
            uint64_t *e = &t[va >> (12 + 9 * l) & 511];

            if (!(*e & PTE_P))
                *e = table_alloc() | PTE_P | PTE_W | PTE_A;
            t = (uint64_t *)(table_base + (*e & P2M_ADDR_MASK));
        }
        size <<= 9 * level;
        t[va >> (12 + 9 * level) & 511] =
            pa | flags | PTE_P | PTE_A | PTE_D | (level ? PTE_LARGE : 0);
        va += size;
        pa += size;
        len -= size;
    }
}

static void map_image(void)
{
    uint64_t start = (uint64_t)image_start, text = (uint64_t)text_end, ro = (uint64_t)rodata_end;

    map(start, image_phys, text - start, 0);
    map(text, image_phys + (text - start), ro - text, PTE_NX);
    map(ro, image_phys + (ro - start), (uint64_t)image_end - ro, PTE_W | PTE_NX);
}

static bool is_ram(uint32_t type)
{
    return type >= BH_RANGE_RAM && type <= BH_RANGE_ACPI;
}

/* Everything but the image itself, whose text must have no writable alias. */
static void map_direct(uint64_t base, uint64_t size)
{
    uint64_t end = base + size, img_end = image_phys + (uint64_t)(image_end - image_start);
    uint64_t flags = PTE_W | PTE_NX;

    if (base < img_end && end > image_phys) {
        if (base < image_phys)
            map(DIRECT_MAP_BASE + base, base, image_phys - base, flags);
        base = MIN(img_end, end);
    }
    if (base < end)
        map(DIRECT_MAP_BASE + base, base, end - base, flags);
}

/* The largest free range below 4 GB: application processors load CR3 in 32-bit mode. */
static void early_init(const struct bh_handoff *h)
{
    uint64_t best = 0;

    for (uint32_t i = 0; i < h->nr_ranges; i++) {
        const struct bh_range *r = &h->ranges[i];
        uint64_t base = MAX(r->base, 1ULL << 20), end = MIN(r->base + r->size, 1ULL << 32);

        if (r->type == BH_RANGE_RAM && end > base && end - base > best) {
            best = end - base;
            early_floor = base;
            early_next = end;
        }
    }
    if (!best)
        panic("no RAM below 4 GB");
}

void paging_init(const struct bh_handoff *h)
{
    image_phys = h->hv_phys;
    pages_1g = cpuid(0x80000001, 0).edx & (1U << 26);
    early_init(h);
    root = early_phys(PAGE_SIZE);
    map_image();
    for (uint32_t i = 0; i < h->nr_ranges; i++)
        if (is_ram(h->ranges[i].type))
            map_direct(h->ranges[i].base, h->ranges[i].size);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
    WRITE_CR(0, READ_CR(0) | CR0_WP);
    WRITE_CR(3, root);
    table_base = DIRECT_MAP_BASE;
}

void paging_done(const struct bh_handoff *h)
{
    uint64_t max = 0, taken_from;

    for (uint32_t i = 0; i < h->nr_ranges; i++)
        if (is_ram(h->ranges[i].type))
            max = MAX(max, h->ranges[i].base + h->ranges[i].size);
    if (max >> MAX_PHYS_BITS) {
        printk("memory above %u GB is not used", 1U << (MAX_PHYS_BITS - 30));
        max = 1ULL << MAX_PHYS_BITS;
    }
    frame_init(early_alloc(frame_table_bytes(max >> PAGE_SHIFT)), max >> PAGE_SHIFT);
    taken_from = early_next;
    for (uint32_t i = 0; i < h->nr_ranges; i++) {
        const struct bh_range *r = &h->ranges[i];
        uint64_t base = MAX(r->base, 1ULL << 20), end = MIN(r->base + r->size, max);

        if (r->type != BH_RANGE_RAM || base >= end)
            continue;
        if (taken_from >= base && taken_from < end) {
            /* the early allocations sit at the top of this range, below 4 GB */
            uint64_t top = MIN(end, 1ULL << 32);

            frame_add_range(MFN(base >> PAGE_SHIFT), (taken_from - base) >> PAGE_SHIFT);
            frame_claim(MFN(taken_from >> PAGE_SHIFT), (top - taken_from) >> PAGE_SHIFT,
                        FRAME_OWNER_HV);
            base = top;
        }
        if (base < end)
            frame_add_range(MFN(base >> PAGE_SHIFT), (end - base) >> PAGE_SHIFT);
    }
    allocator_ready = true;
}

uint64_t paging_cr3(void)
{
    return root;
}

void paging_identity(uint64_t pa, bool map_it)
{
    uint64_t *t = arch_phys_to_virt(root);

    if (map_it)
        map(pa, pa, PAGE_SIZE, PTE_W);
    else
        t[0] = 0;
    WRITE_CR(3, root);
}

void *mmio_map(uint64_t pa, uint64_t len)
{
    uint64_t offset = pa & (PAGE_SIZE - 1), va = mmio_next;

    len = ALIGN_UP(len + offset, PAGE_SIZE);
    if (!len || len > 1ULL << 32)
        return NULL;
    /* keep 2 MB congruence so that large windows take large pages */
    va = ALIGN_UP(va, 1ULL << 21) + (pa & ((1ULL << 21) - 1) & PAGE_MASK);
    map(va, pa - offset, len, PTE_W | PTE_NX | PTE_UC);
    mmio_next = va + len;
    return (void *)(va + offset);
}
