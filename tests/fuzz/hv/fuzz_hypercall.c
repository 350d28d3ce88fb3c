/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: hypercalls of three domains (mgmt, net, a sandbox) over the simulated machine
 * of the unit tests. An input is a list of steps of fixed size; each is a call with its argument
 * structure, a write to a guest's memory (page tables, grant entries), or a change of its paging.
 * After each input all domains are destroyed: a frame, pin or reference that was lost ends the run.
 */
#include "../../unit/hv/abi_machine.h"

#include <stdlib.h>
#include <string.h>

#include <hv/device.h>
#include <hv/errno.h>
#include <hv/guest_access.h>

/* The last one may be short: the rest is zero. */
struct step {
    uint8_t kind;
    uint8_t domain;
    uint8_t cmd;
    uint8_t flags;
    uint32_t small; /* frame or offset */
    uint64_t a2, a3;
    uint8_t arg[48];
};

#define MAX_STEPS 64U
#define RAM_FRAMES 64U
#define PML4_GFN 32U

static struct domain *domains[3];

static void boot(void)
{
    uint64_t large = 0x87, table = (PML4_GFN + 1) * PAGE_SIZE | 7;

    sim_start();
    sim_pci[0] = (struct sim_pci){.bdf = 0x18, .bar_mask = {0xfffff000, ~0x1fU}};
    sim_pci[0].reg[0] = 0x10001af4;
    sim_pci[0].reg[4] = 0xfe000000;
    sim_pci[0].reg[5] = 0xc001;
    domains[0] = sim_domain(BH_DOMID_MGMT, 1, RAM_FRAMES);
    domains[1] = sim_domain(BH_DOMID_NET, 1, RAM_FRAMES);
    domains[2] = sim_domain(~0U, 2, RAM_FRAMES);
    if (device_assign(domains[1], 0x18))
        abort();
    for (unsigned int i = 0; i < 3; i++) {
        sim_put(domains[i], PML4_GFN * PAGE_SIZE, &table, 8);
        sim_put(domains[i], (PML4_GFN + 1) * PAGE_SIZE, &large, 8);
    }
}

static void call(struct domain *d, const struct step *s)
{
    static const uint8_t numbers[] = {12, 17, 18, 20, 24, 29, 32, 34, 54, 55, 20, 32, 54};
    uint8_t number = numbers[s->kind % sizeof(numbers)];
    uint64_t where = s->flags & 1 ? s->a2 : SIM_ARG + (s->flags & 2 ? PAGE_SIZE - 8 : 0);

    if (number == 54) {
        struct bh_control c = {.version = s->flags & 4 ? s->small : BH_CONTROL_VERSION,
                               .cmd = s->cmd,
                               .domid = s->small & 1023};

        if (c.cmd == BH_CTL_POWER)
            return;
        memcpy(&c.u, s->arg, sizeof(s->arg));
        (void)!guest_copy_to_gpa(d, where, &c, sizeof(c));
        (void)sim_call(d, number, where, 0, 0);
        return;
    }
    (void)!guest_copy_to_gpa(d, where, s->arg, sizeof(s->arg));
    if (number == 55)
        (void)sim_call(d, number, where, 0, 0);
    else if (number == 24)
        (void)sim_call(d, number, s->cmd, s->small & 3, where);
    else if (number == 18)
        (void)sim_call(d, number, s->cmd, s->small & 0xffff, where);
    else
        (void)sim_call(d, number, s->flags & 8 ? s->a3 : s->cmd, where, s->small & 31);
}

/* Only the control call can make d go; its step looks it up again. */
static struct domain *find(unsigned int index)
{
    uint32_t id = index < 2 ? index : BH_DOMID_FIRST_SANDBOX;
    struct domain *d = domain_get(index < 2 ? id : domain_next(BH_DOMID_NET));

    if (d)
        domain_put(d);
    return d && !d->dying ? d : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct step s;

    boot();
    sim_preempt_every = 3;
    sim_selftest = 1;
    for (unsigned int i = 0; i < MAX_STEPS && size; i++) {
        size_t n = size < sizeof(s) ? size : sizeof(s);
        struct domain *d;

        memset(&s, 0, sizeof(s));
        memcpy(&s, data, n);
        data += n;
        size -= n;
        d = find(s.domain % 3);
        if (!d)
            continue;
        if (s.kind < 0xe0)
            call(d, &s);
        else if (s.kind < 0xf8)
            (void)!guest_copy_to_gpa(d, s.small % (RAM_FRAMES * PAGE_SIZE), s.arg, sizeof(s.arg));
        else
            sim_paging = (struct guest_paging){.cr0 = s.flags & 1 ? 1U << 31 | 1U << 16 : 0,
                                               .cr3 = s.flags & 2 ? s.a2 : PML4_GFN * PAGE_SIZE,
                                               .efer = 1U << 10};
    }
    sim_paging = (struct guest_paging){0};
    if (!sim_end())
        abort();
    return 0;
}
