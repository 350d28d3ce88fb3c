/* SPDX-License-Identifier: MIT */
/*
 * The control and device hypercalls: life of a domain with exact frame counts, sealing, refusals,
 * running out of memory at every point, PCI functions.
 */
#include "abi_machine.h"

#include <string.h>

#include <hv/control.h>
#include <hv/errno.h>
#include <xen/grant_table.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>

#include "test.h"

static struct domain *mgmt, *net;

static void start(void)
{
    sim_start();
    mgmt = sim_domain(BH_DOMID_MGMT, 1, 64);
    net = sim_domain(BH_DOMID_NET, 1, 64);
}

static long simple(uint32_t cmd, uint32_t domid)
{
    struct bh_control c = {.cmd = cmd, .domid = domid};

    return sim_control(mgmt, &c);
}

static long create(uint64_t frames, uint32_t vcpus, uint32_t *domid)
{
    struct bh_control c = {.cmd = BH_CTL_CREATE,
                           .u.create = {.max_frames = frames, .nr_vcpus = vcpus}};
    long rc = sim_control(mgmt, &c);

    *domid = c.domid;
    return rc;
}

static long populate(uint32_t domid, uint64_t gfn, uint64_t count)
{
    struct bh_control c = {.cmd = BH_CTL_POPULATE,
                           .domid = domid,
                           .u.populate = {.first_gfn = gfn, .nr_frames = count}};
    long rc;

    do {
        rc = sim_control(mgmt, &c);
    } while (rc == -EAGAIN);
    return rc;
}

static long destroy(uint32_t domid)
{
    long rc;

    do {
        rc = simple(BH_CTL_DESTROY, domid);
    } while (rc == -EAGAIN);
    return rc;
}

static long info(uint32_t domid, struct bh_ctl_info *out)
{
    struct bh_control c = {.cmd = BH_CTL_GETINFO, .domid = domid};
    long rc = sim_control(mgmt, &c);

    *out = c.u.info;
    return rc;
}

TEST(a_domain_comes_and_goes_without_a_frame_lost)
{
    struct bh_ctl_info i;
    uint32_t id, again;
    uint64_t before;

    start();
    before = frames_free();
    sim_preempt_every = 3;
    CHECK_EQ(create(2048, 2, &id), 0);
    CHECK(id >= BH_DOMID_FIRST_SANDBOX);
    CHECK_EQ(populate(id, 0, 1500), 0);
    CHECK_EQ(populate(id, 100, 1), -EEXIST);
    CHECK_EQ(populate(id, 4096, 549), -ENOMEM); /* more than it may have */
    CHECK_EQ(populate(id, 1ULL << 60, 1), -EINVAL);
    CHECK_EQ(populate(id, ~0ULL, 2), -EINVAL);
    CHECK_EQ(info(id, &i), 0);
    CHECK(i.state == BH_STATE_BUILDING && i.pause_count == 1 && i.nr_vcpus == 2);
    CHECK_EQ(i.ram_frames, 2048);
    CHECK_EQ(before - frames_free(), i.ram_frames + i.table_frames + i.struct_frames);
    CHECK_EQ(simple(BH_CTL_UNPAUSE, id), 0);
    CHECK_EQ(info(id, &i), 0);
    CHECK(i.state == BH_STATE_RUNNING && i.first_run_tsc);
    CHECK_EQ(destroy(id), 0);
    CHECK_EQ(frames_free(), before);
    CHECK_EQ(simple(BH_CTL_GETINFO, id), -ESRCH);
    CHECK_EQ(create(16, 1, &again), 0);
    CHECK(again != id); /* numbers come back late */
    CHECK(sim_end());
}

TEST(building_stops_at_the_first_unpause)
{
    static const uint32_t building[] = {BH_CTL_POPULATE, BH_CTL_WRITE, BH_CTL_SET_ENTRY,
                                        BH_CTL_SET_PARAM, BH_CTL_SEED_GRANT};
    uint32_t id;

    start();
    CHECK_EQ(create(64, 1, &id), 0);
    CHECK_EQ(populate(id, 0, 16), 0);
    CHECK_EQ(simple(BH_CTL_SET_ENTRY, id), 0);
    CHECK_EQ(simple(BH_CTL_UNPAUSE, id), 0);
    CHECK_EQ(simple(BH_CTL_PAUSE, id), 0);
    for (unsigned int i = 0; i < sizeof(building) / sizeof(building[0]); i++) {
        CHECK_EQ(simple(building[i], id), -EPERM);
        CHECK_EQ(simple(building[i], BH_DOMID_NET), -EPERM);
        CHECK_EQ(simple(building[i], BH_DOMID_MGMT), -EPERM);
        CHECK_EQ(simple(building[i], 500), -ESRCH);
    }
    CHECK(sim_end());
}

TEST(write_copies_zeroes_and_checks_its_range)
{
    struct bh_control c = {.cmd = BH_CTL_WRITE};
    struct domain *d;

    start();
    sim_preempt_every = 2;
    d = sim_new_domain(~0U, 1, 512);
    c.domid = d->id;
    memset(sim_page(mgmt, 30), 0x77, PAGE_SIZE);
    c.u.write = (struct bh_ctl_write){.gpa = 0x2ffe, .buffer = 30 * PAGE_SIZE, .length = 4};
    CHECK_EQ(sim_control(mgmt, &c), 0);
    CHECK(sim_page(d, 2)[4095] == 0x77 && sim_page(d, 3)[1] == 0x77 && sim_page(d, 3)[2] == 0);
    memset(sim_page(d, 400), 0x55, PAGE_SIZE);
    c.u.write = (struct bh_ctl_write){.gpa = PAGE_SIZE, .length = 511 * PAGE_SIZE};
    CHECK_EQ(sim_control(mgmt, &c), 0);
    CHECK(sim_page(d, 3)[1] == 0 && sim_page(d, 400)[4095] == 0);
    c.u.write = (struct bh_ctl_write){.gpa = 511 * PAGE_SIZE, .length = PAGE_SIZE + 1};
    CHECK_EQ(sim_control(mgmt, &c), -EFAULT);
    c.u.write = (struct bh_ctl_write){.gpa = ~0ULL, .length = 2};
    CHECK_EQ(sim_control(mgmt, &c), -EFAULT);
    c.u.write = (struct bh_ctl_write){.gpa = 0, .buffer = 1ULL << 33, .length = 8};
    CHECK_EQ(sim_control(mgmt, &c), -EFAULT);
    c.u.write = (struct bh_ctl_write){.gpa = 0, .length = ~0ULL};
    CHECK_EQ(sim_control(mgmt, &c), -EFAULT);
    CHECK(sim_end());
}

TEST(only_mgmt_controls_and_never_itself)
{
    struct bh_control c = {.cmd = BH_CTL_SYSINFO};
    struct domain *box;

    start();
    box = sim_domain(~0U, 1, 64);
    CHECK_EQ(sim_control(net, &c), -EPERM);
    CHECK_EQ(sim_control(box, &c), -EPERM);
    CHECK_EQ(simple(BH_CTL_PAUSE, BH_DOMID_MGMT), -EINVAL);
    CHECK_EQ(simple(BH_CTL_DESTROY, BH_DOMID_MGMT), -EINVAL);
    CHECK_EQ(simple(BH_CTL_SHUTDOWN, BH_DOMID_MGMT), -EINVAL);
    CHECK_EQ(simple(BH_CTL_UNPAUSE, BH_DOMID_MGMT), -EINVAL);
    CHECK_EQ(simple(0, 1), -EINVAL);
    CHECK_EQ(simple(BH_CTL_LIST + 1, 1), -EINVAL);
    CHECK_EQ(simple(~0U, 1), -EINVAL);
    CHECK_EQ(sim_call(mgmt, __HYPERVISOR_bh_control, 1ULL << 50, 0, 0), -EFAULT);
    c.pad = 1;
    CHECK_EQ(sim_control(mgmt, &c), -EINVAL);
    CHECK(sim_end());
}

TEST(values_out_of_range_are_refused)
{
    struct bh_control c = {.domid = BH_DOMID_NET};
    uint32_t id;

    start();
    CHECK_EQ(create(64, 0, &id), -EINVAL);
    CHECK_EQ(create(64, BH_MAX_VCPUS + 1, &id), -EINVAL);
    c.cmd = BH_CTL_CREATE;
    c.u.create = (struct bh_ctl_create){.max_frames = 1, .nr_vcpus = 1, .flags = 1};
    CHECK_EQ(sim_control(mgmt, &c), -EINVAL);
    c = (struct bh_control){.cmd = BH_CTL_SCHED, .domid = BH_DOMID_NET};
    CHECK_EQ(sim_control(mgmt, &c), -EINVAL); /* weight 0 */
    c.u.sched.weight = 65535;
    CHECK_EQ(sim_control(mgmt, &c), 0);
    c.u.sched.weight = 65536;
    CHECK_EQ(sim_control(mgmt, &c), -EINVAL);
    c = (struct bh_control){
        .cmd = BH_CTL_SHUTDOWN, .domid = BH_DOMID_NET, .u.shutdown.reason = SHUTDOWN_MAX + 1};
    CHECK_EQ(sim_control(mgmt, &c), -EINVAL);
    c = (struct bh_control){.cmd = BH_CTL_POWER, .u.power.action = 2};
    CHECK_EQ(sim_control(mgmt, &c), -EINVAL);
    for (unsigned int i = 0; i < 255; i++)
        CHECK_EQ(simple(BH_CTL_PAUSE, BH_DOMID_NET), 0);
    CHECK_EQ(simple(BH_CTL_PAUSE, BH_DOMID_NET), -EOVERFLOW);
    CHECK(sim_end());
}

TEST(creation_fails_cleanly_at_each_allocation)
{
    bool worked = false;

    for (uint64_t n = 0; n < 60 && !worked; n++) {
        struct bh_control c = {.cmd = BH_CTL_CREATE, .u.create = {.max_frames = 64, .nr_vcpus = 3}};
        long rc;

        start();
        sim_keep_free(n);
        rc = sim_control(mgmt, &c);
        CHECK(rc == 0 || rc == -ENOMEM);
        worked = rc == 0;
        if (!worked)
            CHECK_EQ(frames_free(), n);
        CHECK(sim_end());
    }
    CHECK(worked);
}

TEST(populate_fails_cleanly_at_each_allocation)
{
    for (uint64_t n = 0; n < 40; n++) {
        struct bh_ctl_info i;
        uint32_t id;
        long rc;

        start();
        CHECK_EQ(create(4096, 1, &id), 0);
        sim_keep_free(n);
        rc = populate(id, 0x7fff0, 30);
        CHECK(rc == 0 || rc == -ENOMEM);
        CHECK(n < 36 || rc == 0);
        CHECK_EQ(info(id, &i), 0);
        CHECK(rc || i.ram_frames == 30);
        CHECK_EQ(destroy(id), 0);
        CHECK(sim_end());
    }
}

TEST(what_a_domain_wrote_is_gone_when_it_ends)
{
    struct bh_control c = {.cmd = BH_CTL_SCAN_FREE};
    uint64_t secret = 0x5ec2e7005ec2e700;
    struct domain *box;

    start();
    c.u.scan.pattern = secret;
    sim_selftest = 0;
    CHECK_EQ(sim_control(mgmt, &c), -EPERM);
    sim_selftest = 1;
    box = sim_domain(~0U, 1, 1024);
    for (uint32_t i = 0; i < 1024; i++)
        sim_put(box, i * PAGE_SIZE + 8, &secret, 8);
    CHECK_EQ(sim_destroy(box), 0);
    memset(sim_page(mgmt, 3), 0, PAGE_SIZE);
    while (sim_control(mgmt, &c) == -EAGAIN)
        ;
    CHECK_EQ(c.u.scan.found, 0);
    CHECK(sim_end());
}

TEST(figures_and_lists)
{
    struct bh_control c = {.cmd = BH_CTL_SYSINFO};

    start();
    CHECK_EQ(sim_control(mgmt, &c), 0);
    CHECK(c.u.sysinfo.total_frames == SIM_FRAMES - 16 && c.u.sysinfo.nr_domains == 2);
    CHECK(c.u.sysinfo.free_frames == frames_free() && c.u.sysinfo.vendor == 2);
    c = (struct bh_control){.cmd = BH_CTL_LIST, .domid = BH_DOMID_MGMT};
    CHECK_EQ(sim_control(mgmt, &c), 0);
    CHECK_EQ(c.u.list.next, BH_DOMID_NET);
    c = (struct bh_control){.cmd = BH_CTL_EXITS, .domid = BH_DOMID_MGMT};
    CHECK_EQ(sim_control(mgmt, &c), 0);
    CHECK_EQ(c.u.exits.hypercall[__HYPERVISOR_bh_control], 3);
    CHECK_EQ(sim_call(mgmt, 63, 0, 0, 0), -ENOSYS);
    CHECK_EQ(sim_call(mgmt, ~0ULL, 0, 0, 0), -ENOSYS);
    CHECK(sim_end());
}

TEST(parameters_have_an_allowlist)
{
    struct bh_control c = {.cmd = BH_CTL_SET_PARAM};
    struct xen_hvm_param p = {.domid = DOMID_SELF, .index = HVM_PARAM_STORE_PFN, .value = 5};
    struct domain *d;

    start();
    d = sim_new_domain(~0U, 1, 64);
    c.domid = d->id;
    c.u.param = (struct bh_ctl_param){.index = HVM_PARAM_STORE_PFN, .value = 0x1234};
    CHECK_EQ(sim_control(mgmt, &c), 0);
    c.u.param.index = HVM_PARAM_COUNT;
    CHECK_EQ(sim_control(mgmt, &c), -EINVAL);
    c.u.param.index = HVM_PARAM_IDENT_PT;
    CHECK_EQ(sim_control(mgmt, &c), -EPERM);
    CHECK_EQ(domain_unpause(d), 0);
#define HOP(name) sim_call_arg(d, __HYPERVISOR_hvm_op, name, &p, sizeof(p))
    CHECK_EQ(HOP(HVMOP_set_param), -EPERM);
    CHECK_EQ(HOP(HVMOP_get_param), 0);
    CHECK_EQ(p.value, 0x1234);
    p.index = HVM_PARAM_CALLBACK_IRQ;
    p.value = 2ULL << 56 | 0xf3;
    CHECK_EQ(HOP(HVMOP_set_param), 0);
    CHECK_EQ(d->callback_vector, 0xf3);
    p.value = 2ULL << 56 | 3;
    CHECK_EQ(HOP(HVMOP_set_param), -EINVAL);
    p.value = 5;
    CHECK_EQ(HOP(HVMOP_set_param), -EINVAL);
    p.value = 0;
    CHECK_EQ(HOP(HVMOP_set_param), 0);
    CHECK_EQ(d->callback_vector, 0);
    p.index = ~0U;
    CHECK_EQ(HOP(HVMOP_get_param), -EINVAL);
    p.domid = BH_DOMID_MGMT;
    CHECK_EQ(HOP(HVMOP_get_param), -EPERM);
    CHECK_EQ(HOP(HVMOP_pagetable_dying), -ENOSYS);
    CHECK(sim_end());
}

static void plug(void)
{
    sim_pci[0] = (struct sim_pci){.bdf = 0x0018, .bar_mask = {0xfffff000, 0, ~0xffU, 0, 0, 0}};
    sim_pci[0].reg[0] = 0x10001af4;
    sim_pci[0].reg[1] = 7; /* left on by the firmware */
    sim_pci[0].reg[2] = 0x02000001;
    sim_pci[0].reg[4] = 0xfe000000;
    sim_pci[0].reg[6] = 0xfe001100;
    sim_pci[1] = (struct sim_pci){.bdf = 0x0020, .bar_mask = {~0x1fU, ~0xffU, 0xfff00000}};
    sim_pci[1].reg[0] = 0x12341234;
    sim_pci[1].reg[4] = 0xc001;
    sim_pci[1].reg[5] = 0xfe001200; /* in the page of the other one's BAR 2 */
    sim_pci[1].reg[6] = 0x00100000; /* RAM */
    sim_pci[2] = (struct sim_pci){.bdf = 0x0028};
    sim_pci[2].reg[0] = 0x11111111;
    sim_pci[2].reg[3] = 1 << 16; /* a bridge */
    sim_pci[3] = (struct sim_pci){.bdf = 0x0009};
    sim_pci[3].reg[0] = 0x70108086;
    sim_pci[3].reg[2] = 0x01018000; /* IDE in compatibility mode */
}

static long assign(uint32_t domid, uint16_t bdf)
{
    struct bh_control c = {.cmd = BH_CTL_PCI_ASSIGN, .domid = domid, .u.pci.bdf = bdf};

    return sim_control(mgmt, &c);
}

TEST(pci_functions_go_to_driver_domains_only_and_once)
{
    struct bh_control c = {.cmd = BH_CTL_PCI_CFG, .u.pcicfg = {.bdf = 0x18, .width = 4}};
    struct bh_device g = {.cmd = BH_DEV_GET};
    struct domain *box;

    start();
    plug();
    box = sim_domain(~0U, 1, 64);
    CHECK_EQ(sim_control(mgmt, &c), 0);
    CHECK_EQ(c.u.pcicfg.value, 0x10001af4);
    c.u.pcicfg = (struct bh_ctl_pcicfg){.bdf = 0x18, .offset = 2, .width = 2};
    CHECK_EQ(sim_control(mgmt, &c), 0);
    CHECK_EQ(c.u.pcicfg.value, 0x1000);
    c.u.pcicfg.offset = 3;
    CHECK_EQ(sim_control(mgmt, &c), -EINVAL);
    c.u.pcicfg.offset = 4096;
    CHECK_EQ(sim_control(mgmt, &c), -EINVAL);
    c.u.pcicfg = (struct bh_ctl_pcicfg){.bdf = 0x18, .width = 4, .write = 1};
    CHECK_EQ(sim_control(mgmt, &c), -EPERM);
    CHECK_EQ(assign(box->id, 0x18), -EPERM);
    CHECK_EQ(assign(BH_DOMID_NET, 0x50), -ENODEV);
    CHECK_EQ(assign(BH_DOMID_NET, 0x28), -EOPNOTSUPP);
    CHECK_EQ(assign(BH_DOMID_NET, 0x18), 0);
    CHECK_EQ(assign(BH_DOMID_MGMT, 0x18), -EBUSY);
    CHECK_EQ(sim_pci[0].reg[1] & 7, 0); /* stopped */
    CHECK_EQ(sim_pci[0].reg[4], 0xfe000000);
    CHECK_EQ(sim_device(box, &g), -EPERM);
    CHECK_EQ(sim_device(mgmt, &g), -ENOENT);
    CHECK_EQ(sim_device(net, &g), 0);
    CHECK(g.u.get.bdf == 0x18 && g.u.get.vendor == 0x1af4 && g.u.get.class_code == 0x020000);
    g.u.get.index = 1;
    CHECK_EQ(sim_device(net, &g), -ENOENT);
    CHECK(sim_end());
}

TEST(an_owner_writes_the_command_register_only)
{
    struct bh_device c = {
        .cmd = BH_DEV_CFG,
        .u.cfg = {.bdf = 0x18, .offset = 4, .width = 2, .write = 1, .value = 0xffff}};

    start();
    plug();
    CHECK_EQ(assign(BH_DOMID_NET, 0x18), 0);
    CHECK_EQ(sim_device(mgmt, &c), -ENODEV);
    CHECK_EQ(sim_device(net, &c), 0);
    CHECK_EQ(sim_pci[0].reg[1] & 0xffff, 0x407);
    for (uint16_t offset = 0; offset < 256; offset += 4) {
        c.u.cfg = (struct bh_ctl_pcicfg){
            .bdf = 0x18, .offset = offset, .width = 4, .write = 1, .value = ~0U};
        CHECK_EQ(sim_device(net, &c), -EPERM);
    }
    CHECK_EQ(sim_destroy(net), 0);
    CHECK_EQ(sim_pci[0].reg[1] & 7, 0); /* no DMA after its owner */
    CHECK_EQ(assign(BH_DOMID_MGMT, 0x18), 0);
    CHECK(sim_end());
}

TEST(bars_are_mapped_where_nothing_else_is)
{
    struct bh_device m = {.cmd = BH_DEV_MAP_BAR, .u.bar = {.bdf = 0x18, .gfn = 0x10000}};
    struct p2m_entry e;

    start();
    plug();
    CHECK_EQ(assign(BH_DOMID_NET, 0x18), 0);
    CHECK_EQ(assign(BH_DOMID_NET, 0x20), 0);
    CHECK_EQ(assign(BH_DOMID_MGMT, 0x09), 0);
    CHECK_EQ(sim_device(net, &m), 0);
    CHECK(!m.u.bar.is_io && m.u.bar.base == 0 && m.u.bar.length == 4096);
    CHECK_EQ(p2m_lookup(&net->p2m, GFN(0x10000), P2M_READ, &e), -EACCES); /* no memory to hv */
    CHECK_EQ(sim_device(net, &m), -EEXIST);
    m.u.bar.gfn = 3;
    CHECK_EQ(sim_device(net, &m), -EEXIST);
    m.u.bar = (struct bh_dev_bar){.bdf = 0x18, .bar = 1, .gfn = 0x10001};
    CHECK_EQ(sim_device(net, &m), -ENXIO);
    m.u.bar.bar = 6;
    CHECK_EQ(sim_device(net, &m), -EINVAL);
    m.u.bar.bar = 2;
    CHECK_EQ(sim_device(net, &m), -EBUSY); /* shares its page */
    m.u.bar = (struct bh_dev_bar){.bdf = 0x20, .bar = 2, .gfn = 0x10001};
    CHECK_EQ(sim_device(net, &m), -EPERM); /* lies in RAM */
    m.u.bar = (struct bh_dev_bar){.bdf = 0x20, .bar = 0};
    CHECK_EQ(sim_device(net, &m), 0);
    CHECK(m.u.bar.is_io && m.u.bar.base == 0xc000 && m.u.bar.length == 32);
    m.u.bar = (struct bh_dev_bar){.bdf = 0x09, .bar = 1};
    CHECK_EQ(sim_device(mgmt, &m), 0);
    CHECK(m.u.bar.is_io && m.u.bar.base == 0x3f6 && m.u.bar.length == 1);
    m.u.bar = (struct bh_dev_bar){.bdf = 0x18, .gfn = 0x20000};
    CHECK_EQ(sim_device(mgmt, &m), -ENODEV);
    CHECK(sim_end());
}

TEST(dma_pools_are_contiguous_pinned_and_come_back)
{
    struct bh_device p = {.cmd = BH_DEV_DMA_POOL, .u.pool = {.gfn = 0x10000, .nr_frames = 64}};
    struct xen_memory_reservation op = {.nr_extents = 1, .domid = DOMID_SELF};
    uint64_t gfn = 0x10005, before;

    start();
    plug();
    before = net->ram_frames;
    CHECK_EQ(sim_device(net, &p), -EPERM); /* owns no device */
    CHECK_EQ(assign(BH_DOMID_NET, 0x18), 0);
    CHECK_EQ(sim_device(net, &p), 0);
    for (uint32_t i = 0; i < 64; i++)
        CHECK(sim_page(net, 0x10000 + i) == sim_ram + p.u.pool.bus + i * PAGE_SIZE);
    CHECK_EQ(net->ram_frames, before + 64);
    sim_put(net, 0x4000, &gfn, 8);
    *(uint64_t *)&op.extent_start = 0x4000;
    CHECK_EQ(
        sim_call_arg(net, __HYPERVISOR_memory_op, XENMEM_decrease_reservation, &op, sizeof(op)), 0);
    CHECK_EQ(sim_device(net, &p), -EEXIST);
    CHECK_EQ(net->ram_frames, before + 64);
    p.u.pool.nr_frames = 3;
    CHECK_EQ(sim_device(net, &p), -EINVAL);
    p.u.pool.nr_frames = 4096;
    CHECK_EQ(sim_device(net, &p), -EINVAL);
    p.u.pool = (struct bh_dev_pool){.gfn = 0x20000, .nr_frames = 2048};
    sim_keep_free(1000);
    CHECK_EQ(sim_device(net, &p), -ENOMEM);
    CHECK_EQ(net->max_frames, 64 + 1024 + 64);
    CHECK(sim_end());
}
