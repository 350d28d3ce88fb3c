/* SPDX-License-Identifier: MIT */
/*
 * The loader's UEFI side: console, memory, files, facts about the platform. Functions that return
 * bool have said on the console what failed.
 */
#ifndef BOOT_EFI_ENV_H
#define BOOT_EFI_ENV_H

#include <efi.h>
#include "loader.h"

extern EFI_SYSTEM_TABLE *efi_st;
extern EFI_BOOT_SERVICES *efi_bs;

/* ---- console.c ---- */

void console_print(const char *text);
void console_print_hex(uint64_t value);
void console_print_dec(uint64_t value);
/* "bulkhead: <what>: <detail>" on a line of its own; returns false for `return console_fail(…)`. */
bool console_fail(const char *what, const char *detail);

/* ---- memory.c ---- */

/* Page-aligned memory below `limit` (0: anywhere), not zeroed; 0 when there is none. */
uint64_t memory_alloc(uint64_t size, uint64_t limit);
/* The same below 4 GB and 2 MB aligned; takes whole 2 MB pages. */
uint64_t memory_alloc_big(uint64_t size);
/* Highest end of any RAM the firmware knows of; 0 when it does not tell. */
uint64_t memory_top(void);

struct memory_map {
    uint8_t *entries;
    UINTN capacity;
    UINTN size;
    UINTN key;
    UINTN stride;
};

/* Reserves a buffer that has room for the map to grow. */
bool memory_map_prepare(struct memory_map *map);
/* Ends boot services; `map` is then the final one. No console after success. */
bool memory_exit_boot_services(EFI_HANDLE image, struct memory_map *map);

/* ---- file.c: the file system we were loaded from ---- */

struct esp {
    EFI_FILE_HANDLE root; /* NULL: none, as after a network boot */
};

struct file_data {
    uint64_t base; /* page-aligned, rest of the last page zero; 0: the file does not exist */
    uint64_t size;
};

void esp_open(EFI_HANDLE device, struct esp *esp);
/* Reads a whole file; an absent or empty one is not an error. */
bool esp_read(const struct esp *esp, CHAR16 *path, struct file_data *out);

/* ---- platform.c ---- */

void platform_get_cpus(struct bh_handoff *handoff);
void platform_get_rsdp(struct bh_handoff *handoff);
void platform_get_time(struct bh_handoff *handoff);
void platform_get_seed(struct bh_handoff *handoff);
bool platform_has_huge_pages(void);

#endif
