/* SPDX-License-Identifier: MIT */
/*
 * The loader's way through: gather modules from our own image and from the ESP, load hv, take the
 * facts of the machine, end boot services, jump. Everything that can fail does so before boot
 * services end, with a message, and returns to the firmware.
 */
#include <errno.h>
#include <string.h>
#include "efi_env.h"

#define STACK_BYTES (32ULL << 10)
#define CR4_LA57 (1ULL << 12)

EFI_SYSTEM_TABLE *efi_st;
EFI_BOOT_SERVICES *efi_bs;

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table);

struct boot {
    EFI_HANDLE image;
    const uint8_t *pe; /* our own image in memory */
    uint64_t pe_size;
    struct esp esp;
    struct bh_handoff *handoff;
    struct hv_plan plan;
    uint64_t arena; /* handoff, stack, page tables */
    uint64_t arena_size;
    uint64_t stack_top;
    struct memory_map map;
};

static void set_name(char *to, const char *name)
{
    for (unsigned int i = 0; i < 15 && name[i] != '\0'; i++)
        to[i] = name[i];
}

static bool add_module(struct boot *b, const char *name, uint64_t base, uint64_t size)
{
    struct bh_handoff *h = b->handoff;

    if (h->nr_modules == BH_MAX_MODULES)
        return console_fail(name, "too many modules");
    struct bh_module *module = &h->modules[h->nr_modules++];
    set_name(module->name, name);
    module->base = base;
    module->size = size;
    return true;
}

static bool has_module(const struct boot *b, const char *name)
{
    for (uint32_t i = 0; i < b->handoff->nr_modules; i++) {
        if (strcmp(b->handoff->modules[i].name, name) == 0)
            return true;
    }
    return false;
}

/* ---- modules inside our own image: handed over where the firmware put them ---- */

static bool add_section_modules(struct boot *b)
{
    static const struct {
        const char *section;
        const char *module;
    } carried[] = {
        {".mgmt", "mgmt"},     {".net", "net"},        {".kernel", "kernel"},
        {".initrd", "initrd"}, {".bhash", "basehash"},
    };

    for (unsigned int i = 0; i < sizeof(carried) / sizeof(carried[0]); i++) {
        struct pe_section s;
        int rc = pe_find_section(b->pe, b->pe_size, carried[i].section, &s);
        if (rc == 0) {
            uint64_t base = (uintptr_t)b->pe + s.offset;
            if (base % PAGE_BYTES != 0)
                return console_fail(carried[i].section, "section is not page-aligned");
            if (!add_module(b, carried[i].module, base, s.size))
                return false;
        } else if (rc != -ENOENT) {
            return console_fail(carried[i].section, "section out of the image's bounds");
        }
    }
    return true;
}

/* ---- modules from the ESP ---- */

static bool add_file_module(struct boot *b, CHAR16 *path, const char *name)
{
    struct file_data file;

    if (!esp_read(&b->esp, path, &file))
        return false;
    return file.base == 0 || add_module(b, name, file.base, file.size);
}

static bool add_esp_modules(struct boot *b)
{
    if (!add_file_module(b, (CHAR16 *)u"\\bulkhead\\base.img", "base") ||
        !add_file_module(b, (CHAR16 *)u"\\bulkhead\\base.tree", "basetree"))
        return false;
    /* An image that carries mgmt is the appliance: nothing unsigned may run in mgmt's place. */
    if (has_module(b, "mgmt"))
        return true;
    if (!add_file_module(b, (CHAR16 *)u"\\bulkhead\\guest.elf", "guest"))
        return false;
    return has_module(b, "initrd") ||
           add_file_module(b, (CHAR16 *)u"\\bulkhead\\guest.initrd", "initrd");
}

/* ---- configuration: defaults, then the operator's lines, which override ---- */

static bool config_is_text(const uint8_t *text, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        if (text[i] < ' ' && text[i] != '\n' && text[i] != '\r' && text[i] != '\t')
            return false;
    }
    return true;
}

static bool load_config(struct boot *b)
{
    struct pe_section s = {0};
    struct file_data file;

    int rc = pe_find_section(b->pe, b->pe_size, ".config", &s);
    if (rc != 0 && rc != -ENOENT)
        return console_fail(".config", "section out of the image's bounds");
    if (!esp_read(&b->esp, (CHAR16 *)u"\\bulkhead\\bulkhead.cfg", &file))
        return false;

    uint64_t size = s.size + 1 + file.size;
    if (size >= BH_MAX_OPTIONS)
        return console_fail("bulkhead.cfg", "too long: 2 KB together with the defaults");
    uint8_t *text = (uint8_t *)(uintptr_t)memory_alloc(PAGE_BYTES, 0);
    if (text == NULL)
        return console_fail("configuration", "out of memory");
    memset(text, 0, PAGE_BYTES);
    memcpy(text, b->pe + s.offset, s.size);
    text[s.size] = '\n'; /* whatever the defaults end with, the operator starts a new line */
    if (file.size != 0)
        memcpy(text + s.size + 1, (const uint8_t *)(uintptr_t)file.base, file.size);
    if (!config_is_text(text, size))
        return console_fail("bulkhead.cfg", "not a text file");
    memcpy(b->handoff->options, text, size);
    return add_module(b, "config", (uintptr_t)text, size);
}

/* ---- hv ---- */

static bool load_hv(struct boot *b)
{
    struct pe_section s;
    const char *why = "";

    if (pe_find_section(b->pe, b->pe_size, ".hv", &s) != 0)
        return console_fail("hv", "this image carries no hypervisor");
    if (elf_plan_hv(b->pe + s.offset, s.size, &b->plan, &why) != 0)
        return console_fail("hv", why);
    uint64_t base = memory_alloc_big(b->plan.size);
    if (base == 0)
        return console_fail("hv", "out of memory below 4 GB");
    memset((uint8_t *)(uintptr_t)base, 0, align_up(b->plan.size, BIG_PAGE_BYTES));
    elf_place_hv(b->pe + s.offset, &b->plan, (uint8_t *)(uintptr_t)base);
    b->handoff->hv_phys = base;
    b->handoff->hv_size = b->plan.size;
    return add_module(b, "hv", base, b->plan.size);
}

/* ---- our own memory: handoff, stack and page tables in one piece ---- */

static bool prepare_arena(struct boot *b, uint64_t *top, struct page_pool *pool)
{
    uint64_t handoff_bytes = align_up(sizeof(struct bh_handoff), PAGE_BYTES);

    *top = memory_top();
    if (*top == 0)
        return false;
    if (*top < FOUR_GB)
        *top = FOUR_GB;
    b->arena_size = handoff_bytes + STACK_BYTES +
                    paging_pages_needed(*top, platform_has_huge_pages()) * PAGE_BYTES;
    b->arena = memory_alloc(b->arena_size, FOUR_GB);
    if (b->arena == 0)
        return console_fail("loader", "out of memory below 4 GB");
    memset((uint8_t *)(uintptr_t)b->arena, 0, b->arena_size);

    b->handoff = (struct bh_handoff *)(uintptr_t)b->arena;
    b->stack_top = b->arena + handoff_bytes + STACK_BYTES;
    pool->next = b->stack_top;
    pool->end = b->arena + b->arena_size;
    return true;
}

/* ---- memory ranges, from the final map ---- */

static void fill_ranges(struct boot *b, struct range_list *list)
{
    struct bh_handoff *h = b->handoff;

    *list = (struct range_list){.ranges = h->ranges, .capacity = BH_MAX_RANGES};
    for (UINTN at = 0; at + b->map.stride <= b->map.size; at += b->map.stride) {
        const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(b->map.entries + at);
        ranges_set(list, d->PhysicalStart, d->NumberOfPages * PAGE_BYTES,
                   ranges_type_of_efi(d->Type));
    }
    /* Address 0 would look like "none"; nobody misses the page. */
    ranges_set(list, 0, PAGE_BYTES, BH_RANGE_RESERVED);
    ranges_set(list, (uintptr_t)b->pe, align_up(b->pe_size, PAGE_BYTES), BH_RANGE_LOADER);
    for (uint32_t i = 0; i < h->nr_modules; i++)
        ranges_set(list, h->modules[i].base, align_up(h->modules[i].size, PAGE_BYTES),
                   BH_RANGE_MODULE);
    ranges_set(list, b->arena, b->arena_size, BH_RANGE_LOADER);
    ranges_set(list, h->hv_phys, align_up(h->hv_size, BIG_PAGE_BYTES), BH_RANGE_LOADER);
    ranges_set(list, h->trampoline, PAGE_BYTES, BH_RANGE_LOADER);
    h->nr_ranges = list->count;
}

/*
 * The firmware zeroes a section up to its virtual size only, and may have mapped it read-only; by
 * now our own tables are in force.
 */
static void zero_module_tails(const struct bh_handoff *h)
{
    for (uint32_t i = 0; i < h->nr_modules; i++) {
        uint64_t end = h->modules[i].base + h->modules[i].size;
        memset((uint8_t *)(uintptr_t)end, 0, align_up(end, PAGE_BYTES) - end);
    }
}

static uint64_t read_tsc(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static bool prepare(struct boot *b)
{
    struct page_pool pool;
    uint64_t top;

    if (!prepare_arena(b, &top, &pool) || !load_config(b) || !load_hv(b) ||
        !add_section_modules(b) || !add_esp_modules(b))
        return false;

    struct bh_handoff *h = b->handoff;
    h->magic = BH_HANDOFF_MAGIC;
    h->version = BH_HANDOFF_VERSION;
    h->size = sizeof(*h);
    h->trampoline = memory_alloc(PAGE_BYTES, 0xa0000);
    if (h->trampoline == 0)
        return console_fail("loader", "no memory below 640 KB to start processors");
    h->efi_cr3 = paging_build(&pool, top, platform_has_huge_pages(), &b->plan, h->hv_phys);
    if (h->efi_cr3 == 0)
        return console_fail("loader", "page tables do not fit");
    h->efi_reset_system = (uintptr_t)efi_st->RuntimeServices->ResetSystem;
    platform_get_rsdp(h);
    platform_get_cpus(h);
    platform_get_time(h);
    platform_get_seed(h);

    struct range_list list;
    if (!memory_map_prepare(&b->map))
        return false;
    fill_ranges(b, &list); /* the map hardly changes any more: see now whether it fits */
    if (list.lost != 0)
        return console_fail("memory map", "too many ranges");
    return true;
}

static void say_summary(const struct bh_handoff *h)
{
    console_print("hv at ");
    console_print_hex(h->hv_phys);
    console_print(", ");
    console_print_dec(h->hv_size / 1024);
    console_print(" KB; ");
    console_print_dec(h->nr_cpus);
    console_print(" CPUs, ");
    console_print_dec(h->nr_modules);
    console_print(" modules, ");
    console_print_dec(h->nr_ranges);
    console_print(" memory ranges; ACPI ");
    console_print(h->rsdp != 0 ? "yes" : "no");
    console_print(h->seed_len == BH_SEED_BYTES ? ", seeded\n" : ", no entropy\n");
}

static bool check_paging_mode(void)
{
    uint64_t cr4;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    if ((cr4 & CR4_LA57) != 0)
        return console_fail("firmware", "runs with 5-level paging; turn that off in its set-up");
    return true;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
    static EFI_GUID loaded_image_guid = LOADED_IMAGE_PROTOCOL;
    static struct boot boot;
    EFI_LOADED_IMAGE *loaded = NULL;

    efi_st = system_table;
    efi_bs = system_table->BootServices;
    efi_bs->SetWatchdogTimer(0, 0, 0, NULL);
    console_print("\nBulkhead loader\n");

    if (efi_bs->HandleProtocol(image, &loaded_image_guid, (void **)&loaded) != EFI_SUCCESS) {
        console_fail("loader", "the firmware does not tell where it is");
        return EFI_LOAD_ERROR;
    }
    boot.image = image;
    boot.pe = loaded->ImageBase;
    boot.pe_size = loaded->ImageSize;
    esp_open(loaded->DeviceHandle, &boot.esp);
    if (!check_paging_mode() || !prepare(&boot))
        return EFI_LOAD_ERROR;
    say_summary(boot.handoff);

    if (!memory_exit_boot_services(image, &boot.map))
        return EFI_LOAD_ERROR;
    boot.handoff->tsc_at_entry = read_tsc();
    __asm__ volatile("cli");

    struct range_list list;
    fill_ranges(&boot, &list);
    __asm__ volatile("mov %0, %%cr3" : : "r"(boot.handoff->efi_cr3) : "memory");
    zero_module_tails(boot.handoff);
    enter_hv(boot.arena, boot.handoff->efi_cr3, boot.stack_top, boot.plan.entry);
}
