/* SPDX-License-Identifier: MIT */
/*
 * What the runtime's files share among themselves; programs use include/rt only. In the order of
 * start-up, which start.c drives.
 */
#ifndef RT_INTERNAL_H
#define RT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>

#include "rt/rt.h"
#include "rt/thread.h"

/* entry.S, pv.ld */
extern uint64_t rt_pml4[512], rt_pdpt[512], rt_gdt[5];
extern const char rt_text_start[], rt_text_end[], rt_rodata_end[], rt_image_end[];
extern const char rt_entry_guard[]; /* guard page of the scheduler's stack */
_Noreturn void rt_start(uint64_t start_info);

#define ADDRESS_LIMIT (UINT64_C(64) << 30) /* end of the identity map */

/* lowlevel.S */
extern uint8_t rt_use_vmmcall;
void context_switch(uintptr_t *save, uintptr_t load);
void context_start(void);

/* traps.c */
void traps_init(void);

/* startinfo.c: everything is copied; nothing of the original is used afterwards. */
struct ram_range {
    uint64_t base, size; /* bytes */
};
#define MAX_RAM_RANGES 64U
void startinfo_read(uint64_t address);
uint32_t startinfo_ram(const struct ram_range **ranges);
bool startinfo_is_initdomain(void);
/* i-th module's memory; false past the last */
bool startinfo_module_range(uint32_t i, uint64_t *base, uint64_t *size);
const char *startinfo_cmdline(void);

/* memory.c */
void memory_init(void);
int window_take(size_t pages, uint64_t *address); /* frames outside RAM; 0 or -ENOMEM */
void window_give(uint64_t address, size_t pages);
/* Next run of free RAM pages at or after *address; false at the end. For test guests. */
bool memory_next_free(uint64_t *address, size_t *pages);

/* paging.c. Permissions of whole pages; 0 or -ENOMEM (a table could not be had, some pages of the
 * range may have changed). */
enum page_access { PAGE_NONE, PAGE_RO, PAGE_RW, PAGE_RX };
void paging_init(void);
int paging_protect(uint64_t address, uint64_t size, enum page_access access);

/* xen.c */
extern struct shared_info *rt_shared_info;
void xen_detect(void); /* chooses the hypercall instruction */
void xen_map_shared_info(void);
int xen_add_to_physmap(unsigned int space, uint64_t index, uint64_t address);
int xen_hvm_param(unsigned int index, uint64_t *value);

/* console.c */
void console_write(const char *text, size_t len);
void console_flush(void);

/* time.c */
uint64_t time_wake_at(uint64_t deadline); /* arms the one-shot timer; returns what is armed */
void time_wake_came(void);                /* its event was seen: the next call arms it again */

/* event.c */
void event_init(void);
bool event_dispatch(void); /* runs the handlers of what is pending; true if there was any */
void event_block(void);    /* sleeps until an event is pending */
bool event_run_pollers(void);
uint64_t event_poll_interval(void); /* 0: no pollers */

/* random.c */
void random_init(void);

/* libc/start.c */
void libc_init(void);

/* thread.c */
_Noreturn void scheduler_run(void);     /* on the entry stack */
bool thread_is_guard(uint64_t address); /* in the guard page of who runs? */

/* probe: lowlevel.S */
int rt_probe_read(const void *p, uint8_t *out); /* 0 or -EFAULT */
int rt_probe_write(void *p, uint8_t value);

#endif
