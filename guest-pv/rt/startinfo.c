/* SPDX-License-Identifier: MIT */
/*
 * The PVH start information (Xen public/arch-x86/hvm/start_info.h): copies the RAM map, command
 * line and module list out of it, and answers questions about options, modules and the own domain
 * id. The builder is trusted, but a mistake in it should be named rather than crash us.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

#include <xen/arch-x86/hvm/start_info.h>

#include "option.h"
#include "rt/xs.h"

#define MAX_MODULES 16U
#define MAX_CMDLINE 2048U
#define MODULE_NAME 32U

static struct {
    uint32_t flags;
    uint32_t nr_ram, nr_modules;
    struct ram_range ram[MAX_RAM_RANGES];
    struct {
        char name[MODULE_NAME];
        uint64_t base, size;
    } modules[MAX_MODULES];
    char cmdline[MAX_CMDLINE];
} info;

/* Address of [address, address + size), which must lie in the identity map. */
static const void *checked(uint64_t address, uint64_t size)
{
    if (address == 0 || address >= ADDRESS_LIMIT || size > ADDRESS_LIMIT - address)
        rt_panic("rt: start_info points to 0x%lx\n", address);
    return (const void *)address;
}

static void copy_string(char *to, size_t size, uint64_t address)
{
    size_t len;

    to[0] = '\0';
    if (address == 0)
        return;
    len = strnlen(checked(address, size), size - 1);
    memcpy(to, (const void *)address, len);
    to[len] = '\0';
}

static void read_memmap(const struct hvm_start_info *si)
{
    const struct hvm_memmap_table_entry *map =
        checked(si->memmap_paddr, (uint64_t)si->memmap_entries * sizeof(*map));

    for (uint32_t i = 0; i < si->memmap_entries; i++) {
        uint64_t end = map[i].addr + map[i].size;

        if (map[i].type != XEN_HVM_MEMMAP_TYPE_RAM || end < map[i].addr ||
            map[i].addr >= ADDRESS_LIMIT)
            continue;
        if (end > ADDRESS_LIMIT)
            end = ADDRESS_LIMIT;
        if (info.nr_ram == MAX_RAM_RANGES)
            rt_panic("rt: more than %u RAM ranges\n", MAX_RAM_RANGES);
        info.ram[info.nr_ram++] = (struct ram_range){map[i].addr, end - map[i].addr};
    }
}

/* A module's command line is its name, perhaps followed by words of others. */
static void read_modules(const struct hvm_start_info *si)
{
    const struct hvm_modlist_entry *list;

    if (si->nr_modules == 0)
        return;
    if (si->nr_modules > MAX_MODULES)
        rt_panic("rt: %u modules\n", si->nr_modules);
    list = checked(si->modlist_paddr, si->nr_modules * sizeof(*list));
    for (uint32_t i = 0; i < si->nr_modules; i++) {
        checked(list[i].paddr, list[i].size);
        copy_string(info.modules[i].name, MODULE_NAME, list[i].cmdline_paddr);
        info.modules[i].name[strcspn(info.modules[i].name, " ")] = '\0';
        info.modules[i].base = list[i].paddr;
        info.modules[i].size = list[i].size;
    }
    info.nr_modules = si->nr_modules;
}

void startinfo_read(uint64_t address)
{
    const struct hvm_start_info *si = checked(address, sizeof(*si));

    if (si->magic != XEN_HVM_START_MAGIC_VALUE || si->version < 1)
        rt_panic("rt: bad start_info: magic 0x%x, version %u\n", si->magic, si->version);
    info.flags = si->flags;
    copy_string(info.cmdline, sizeof(info.cmdline), si->cmdline_paddr);
    read_memmap(si);
    read_modules(si);
}

uint32_t startinfo_ram(const struct ram_range **ranges)
{
    *ranges = info.ram;
    return info.nr_ram;
}

bool startinfo_is_initdomain(void)
{
    return (info.flags & SIF_INITDOMAIN) != 0;
}

bool startinfo_module_range(uint32_t i, uint64_t *base, uint64_t *size)
{
    if (i >= info.nr_modules)
        return false;
    *base = info.modules[i].base;
    *size = info.modules[i].size;
    return true;
}

const char *startinfo_cmdline(void)
{
    return info.cmdline;
}

int rt_module_find(const char *name, struct rt_module *m)
{
    for (uint32_t i = 0; i < info.nr_modules; i++) {
        if (strcmp(info.modules[i].name, name) == 0) {
            m->data = (const uint8_t *)info.modules[i].base;
            m->size = info.modules[i].size;
            return 0;
        }
    }
    return -ENOENT;
}

int rt_option(const char *key, char *value, size_t len)
{
    struct rt_module config;

    if (rt_module_find("config", &config) == 0 &&
        option_find((const char *)config.data, config.size, '\n', key, value, len) == 0)
        return 0;
    return option_find(info.cmdline, sizeof(info.cmdline), ' ', key, value, len);
}

uint64_t rt_option_u64(const char *key, uint64_t fallback)
{
    char text[32];
    uint64_t value;

    if (rt_option(key, text, sizeof(text)) != 0)
        return fallback;
    if (option_parse_u64(text, &value) != 0) {
        rt_log("rt: option %s: \"%s\" is not a number\n", key, text);
        return fallback;
    }
    return value;
}

uint16_t rt_domid(void)
{
    static uint16_t domid = DOMID_INVALID;
    uint64_t value = DOMID_INVALID;

    if (domid != DOMID_INVALID)
        return domid;
    if (startinfo_is_initdomain())
        value = 0;
    else
        value = rt_option_u64("domid", DOMID_INVALID);
    if (value >= DOMID_FIRST_RESERVED)
        xs_read_u64(XS_TX_NONE, "domid", &value);
    if (value < DOMID_FIRST_RESERVED)
        domid = (uint16_t)value;
    return domid;
}
