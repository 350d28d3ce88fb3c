/* SPDX-License-Identifier: MIT */
/*
 * The smaller calls: memory, vcpu, version, console; random arguments to all of them; several CPUs
 * at once.
 */
#include "abi_machine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <hv/control.h>
#include <hv/errno.h>
#include <hv/event.h>
#include <hv/guest_access.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#include "../../../hv/core/grant_table.h"
#include "test.h"

static struct domain *mgmt, *net, *box;

static void start(void)
{
    sim_start();
    mgmt = sim_domain(BH_DOMID_MGMT, 1, 64);
    net = sim_domain(BH_DOMID_NET, 1, 64);
    box = sim_domain(~0U, 2, 64);
}

#define MEMORY(cmd, arg) sim_call_arg(box, __HYPERVISOR_memory_op, cmd, &(arg), sizeof(arg))

TEST(version_answers)
{
    struct xen_feature_info f = {.submap_idx = 0};
    char text[16];

    start();
    CHECK_EQ(sim_call(box, __HYPERVISOR_xen_version, XENVER_version, 0, 0), 4 << 16 | 17);
    CHECK_EQ(sim_call(box, __HYPERVISOR_xen_version, XENVER_extraversion, 0x5000, 0), 0);
    sim_get(box, 0x5000, text, sizeof(text));
    CHECK(text[15] == 0);
    CHECK_EQ(sim_call_arg(box, __HYPERVISOR_xen_version, XENVER_get_features, &f, sizeof(f)), 0);
    CHECK(f.submap >> XENFEAT_auto_translated_physmap & 1);
    CHECK(!(f.submap >> XENFEAT_hvm_pirqs & 1));
    f.submap_idx = 1;
    CHECK_EQ(sim_call_arg(box, __HYPERVISOR_xen_version, XENVER_get_features, &f, sizeof(f)),
             -EINVAL);
    CHECK_EQ(sim_call(box, __HYPERVISOR_xen_version, XENVER_pagesize, 0, 0), 4096);
    CHECK_EQ(sim_call(box, __HYPERVISOR_xen_version, XENVER_capabilities, 63 * PAGE_SIZE + 3500, 0),
             -EFAULT);
    CHECK_EQ(sim_call(box, __HYPERVISOR_xen_version, 99, 0, 0), -ENOSYS);
    CHECK(sim_end());
}

TEST(a_sandbox_says_nothing_on_the_console)
{
    start();
    memset(sim_page(mgmt, 9), 0x1b, PAGE_SIZE); /* shown as question marks, or the machine panics */
    CHECK_EQ(sim_call(mgmt, __HYPERVISOR_console_io, 0, 5000, 9 * PAGE_SIZE), 0);
    CHECK_EQ(sim_call(mgmt, __HYPERVISOR_console_io, 0, ~0U, 9 * PAGE_SIZE), -EFAULT);
    CHECK_EQ(sim_call(box, __HYPERVISOR_console_io, 0, ~0U, 1ULL << 40), 0);
    CHECK_EQ(sim_call(box, __HYPERVISOR_console_io, 1, 10, 0), 0);
    CHECK_EQ(sim_call(box, __HYPERVISOR_console_io, 2, 0, 0), -ENOSYS);
    CHECK(sim_end());
}

TEST(special_frames_replace_ram_and_frames_are_counted)
{
    struct xen_add_to_physmap add = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = 50};
    uint64_t ram;

    start();
    ram = box->ram_frames;
    CHECK_EQ(MEMORY(XENMEM_add_to_physmap, add), 0);
    CHECK(sim_page(box, 50) == (void *)box->shared_info);
    CHECK_EQ(box->ram_frames, ram - 1);
    CHECK_EQ(MEMORY(XENMEM_add_to_physmap, add), 0); /* again: no RAM there any more */
    CHECK_EQ(box->ram_frames, ram - 1);
    add.gpfn = 1ULL << 40;
    CHECK_EQ(MEMORY(XENMEM_add_to_physmap, add), -EINVAL);
    add.space = XENMAPSPACE_gmfn;
    CHECK_EQ(MEMORY(XENMEM_add_to_physmap, add), -EINVAL);
    add.domid = BH_DOMID_NET;
    CHECK_EQ(MEMORY(XENMEM_add_to_physmap, add), -EPERM);
    CHECK(sim_end());
}

static long reservation(uint64_t cmd, uint64_t count, unsigned int order)
{
    struct xen_memory_reservation op = {
        .nr_extents = count, .extent_order = order, .domid = DOMID_SELF};

    *(uint64_t *)&op.extent_start = 0x4000;
    return MEMORY(cmd, op);
}

TEST(ballooning_goes_down_and_up_within_the_limit)
{
    uint64_t list[200], free;

    start();
    sim_preempt_every = 2;
    free = frames_free();
    for (uint32_t i = 0; i < 20; i++)
        list[i] = 30 + i;
    sim_put(box, 0x4000, list, sizeof(list));
    CHECK_EQ(reservation(XENMEM_decrease_reservation, 20, 0), 20);
    CHECK_EQ(frames_free(), free + 20);
    CHECK_EQ(reservation(XENMEM_decrease_reservation, 20, 0), 0); /* nothing there */
    CHECK_EQ(reservation(XENMEM_populate_physmap, 20, 0), 20);
    CHECK_EQ(reservation(XENMEM_populate_physmap, 20, 0), 0); /* in the way */
    CHECK_EQ(frames_free(), free);
    list[0] = 1024;
    list[1] = 1536;
    sim_put(box, 0x4000, list, sizeof(list));
    CHECK_EQ(reservation(XENMEM_populate_physmap, 2, 9), 2); /* all that it may have */
    CHECK_EQ(reservation(XENMEM_decrease_reservation, 2, 9), 2);
    CHECK_EQ(reservation(XENMEM_populate_physmap, 2, 5), 0);
    CHECK_EQ(reservation(XENMEM_populate_physmap, ~0ULL, 0), 0);
    CHECK_EQ(reservation(XENMEM_decrease_reservation, 1ULL << 57, 9), 0);
    list[0] = ~0ULL;
    sim_put(box, 0x4000, list, sizeof(list));
    CHECK_EQ(reservation(XENMEM_decrease_reservation, 1, 0), 0);
    CHECK_EQ(reservation(XENMEM_populate_physmap, 1, 0), 0);
    CHECK_EQ(reservation(XENMEM_increase_reservation, 1, 0), -ENOSYS);
    CHECK(sim_end());
}

TEST(memory_figures)
{
    domid_t self = DOMID_SELF;

    start();
    CHECK_EQ(MEMORY(XENMEM_current_reservation, self), 64);
    CHECK_EQ(MEMORY(XENMEM_maximum_reservation, self), 64 + 1024);
    CHECK_EQ(MEMORY(XENMEM_maximum_gpfn, self), 63);
    self = BH_DOMID_MGMT;
    CHECK_EQ(MEMORY(XENMEM_current_reservation, self), -EPERM);
    CHECK_EQ(MEMORY(XENMEM_memory_map, self), -ENOSYS);
    CHECK_EQ(MEMORY(XENMEM_memory_map | 1ULL << 40, self), -ENOSYS);
    CHECK(sim_end());
}

static long vcpu_op(uint64_t cmd, uint64_t id, void *arg, size_t size)
{
    sim_put(box, SIM_ARG, arg, size);
    return sim_call(box, __HYPERVISOR_vcpu_op, cmd, id, SIM_ARG);
}

TEST(vcpu_info_moves_once_with_what_was_pending)
{
    struct vcpu_register_vcpu_info op = {.mfn = 20, .offset = 64};
    struct vcpu_info *at;

    start();
    box->vcpus[0]->vcpu_info->evtchn_upcall_pending = 0;
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_info, 0, &op, sizeof(op)), 0);
    at = (struct vcpu_info *)(sim_page(box, 20) + 64);
    CHECK(box->vcpus[0]->vcpu_info == at);
    CHECK(at->evtchn_upcall_pending == 1 && at->evtchn_pending_sel == ~0UL);
    CHECK_EQ(at->time.tsc_to_system_mul, 0x12345678);
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_info, 0, &op, sizeof(op)), -EINVAL);
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_info, 1, &op, sizeof(op)), 0); /* is not up */
    op.offset = PAGE_SIZE - 56;
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_info, 0, &op, sizeof(op)), -EINVAL);
    op.offset = ~0U;
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_info, 0, &op, sizeof(op)), -EINVAL);
    op = (struct vcpu_register_vcpu_info){.mfn = ~0ULL};
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_info, 0, &op, sizeof(op)), -EINVAL);
    CHECK_EQ(frame_pins(frame_of(at)), 2);
    CHECK(sim_end());
}

TEST(vcpu_areas_and_timers)
{
    struct vcpu_register_time_memory_area area;
    struct vcpu_runstate_info run;
    struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = 1, .flags = VCPU_SSHOTTMR_future};

    start();
    area.addr.p = 0x7fd0;
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area, sizeof(area)), 0);
    CHECK_EQ(frame_pins(frame_of(sim_page(box, 7))), 1);
    area.addr.p = 0x7ff0; /* crosses a page */
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area, sizeof(area)), -EINVAL);
    area.addr.p = 0;
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area, sizeof(area)), 0);
    CHECK_EQ(frame_pins(frame_of(sim_page(box, 7))), 0);
    area.addr.p = 0x8ff0;
    CHECK_EQ(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area, sizeof(area)), 0);
    sim_get(box, 0x8ff0, &run, sizeof(run));
    CHECK_EQ(run.state, RUNSTATE_running);
    CHECK_EQ(run.time[0] + run.time[1] + run.time[2] + run.time[3], run.state_entry_time);
    CHECK_EQ(sim_call(box, __HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 1, 0x8000), 0);
    sim_get(box, 0x8000, &run, sizeof(run));
    CHECK_EQ(run.state, RUNSTATE_offline);
    CHECK_EQ(vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer, sizeof(timer)), -ETIME);
    timer.flags = 0;
    CHECK_EQ(vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer, sizeof(timer)), 0);
    CHECK_EQ(vcpu_op(VCPUOP_set_singleshot_timer, 1, &timer, sizeof(timer)), -EINVAL);
    timer.timeout_abs_ns = 1ULL << 40;
    CHECK_EQ(vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer, sizeof(timer)), 0);
    CHECK(box->vcpus[0]->singleshot.armed);
    CHECK_EQ(sim_call(box, __HYPERVISOR_vcpu_op, VCPUOP_stop_singleshot_timer, 0, 0), 0);
    CHECK(!box->vcpus[0]->singleshot.armed);
    CHECK_EQ(sim_call(box, __HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 1, 0), 0);
    CHECK_EQ(sim_call(box, __HYPERVISOR_vcpu_op, VCPUOP_is_up, 1, 0), 0);
    CHECK_EQ(sim_call(box, __HYPERVISOR_vcpu_op, VCPUOP_is_up, 2, 0), -ENOENT);
    CHECK_EQ(sim_call(box, __HYPERVISOR_vcpu_op, VCPUOP_up, 1, 0), -ENOSYS);
    CHECK(sim_end());
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return *state >> 24;
}

/* Small numbers mostly: that is where the calls have their cases. */
static uint64_t argument(uint64_t *state)
{
    uint64_t r = next_random(state);

    switch (r % 6) {
    case 0:
        return next_random(state) << 32 | next_random(state);
    case 1:
        return 0x2000 + next_random(state) % 0x3000;
    default:
        return next_random(state) % 16;
    }
}

static void random_calls(struct vcpu *v, uint64_t seed, unsigned int count)
{
    static const uint8_t numbers[] = {12, 17, 18, 20, 24, 29, 32, 34, 55, 32, 20, 12};
    uint64_t state = seed;

    for (unsigned int i = 0; i < count; i++) {
        uint64_t junk[64];

        for (unsigned int k = 0; k < 64; k++)
            junk[k] = argument(&state);
        if (guest_copy_to_gpa(v->d, 0x3000, junk, sizeof(junk)) ||
            guest_copy_to_gpa(v->d, 0x4000, junk, sizeof(junk)))
            return; /* it has ballooned itself away */
        (void)sim_call_vcpu(v, numbers[next_random(&state) % sizeof(numbers)],
                            next_random(&state) % 24, argument(&state), argument(&state));
    }
}

TEST(random_calls_of_every_domain_lose_nothing)
{
    for (uint64_t seed = 1; seed < 60; seed++) {
        start();
        sim_preempt_every = 3;
        for (unsigned int round = 0; round < 4; round++) {
            random_calls(box->vcpus[0], seed * 3 + round, 200);
            random_calls(net->vcpus[0], seed * 5 + round, 200);
            random_calls(mgmt->vcpus[0], seed * 7 + round, 200);
        }
        CHECK(sim_end());
    }
}

struct racer {
    struct domain *d;
    uint16_t peer; /* may be gone */
    uint32_t cpu;
    uint64_t seed;
};

/* Maps, copies, signals and closes against a peer that does the same. */
static void *race(void *arg)
{
    struct racer *r = arg;
    uint64_t state = r->seed;

    sim_pcpu = pcpus[r->cpu];
    for (unsigned int i = 0; i < 3000; i++) {
        uint32_t ref = 8 + (uint32_t)next_random(&state) % 4;
        struct gnttab_map_grant_ref map = {.host_addr = 0x10000000 + i * PAGE_SIZE,
                                           .flags = GNTMAP_host_map,
                                           .ref = ref,
                                           .dom = r->peer};
        struct gnttab_copy copy = {.source = {.u.ref = ref, .domid = r->peer},
                                   .dest = {.u.gmfn = 20, .domid = DOMID_SELF},
                                   .len = 4096,
                                   .flags = GNTCOPY_source_gref};
        struct evtchn_bind_interdomain bind = {.remote_dom = r->peer, .remote_port = 1 + ref % 4};
        struct evtchn_send send = {.port = 5 + ref % 4};

        (void)sim_call_arg(r->d, __HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, &map,
                           sizeof(map));
        (void)sim_call_arg(r->d, __HYPERVISOR_grant_table_op, GNTTABOP_copy, &copy, sizeof(copy));
        (void)sim_call_arg(r->d, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, &bind,
                           sizeof(bind));
        (void)sim_call_arg(r->d, __HYPERVISOR_event_channel_op, EVTCHNOP_send, &send, sizeof(send));
        (void)sim_call_arg(r->d, __HYPERVISOR_event_channel_op, EVTCHNOP_close,
                           next_random(&state) % 2 ? &send.port : &bind.local_port, 4);
        if (map.status == GNTST_okay) {
            struct gnttab_unmap_grant_ref unmap = {.host_addr = map.host_addr,
                                                   .handle = map.handle};

            (void)sim_call_arg(r->d, __HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, &unmap,
                               sizeof(unmap));
        }
    }
    return NULL;
}

TEST(cpus_that_race_leave_all_counts_at_zero)
{
    struct racer racers[3];
    pthread_t threads[3];

    start();
    for (uint32_t i = 0; i < 3; i++) {
        struct domain *all[3] = {mgmt, net, box};

        racers[i] = (struct racer){all[i], all[(i + 1) % 3]->id, i + 1, i + 7};
        for (uint32_t ref = 8; ref < 12; ref++)
            all[i]->grant->shared[0][ref] = (struct grant_entry_v1){
                .flags = GTF_permit_access, .domid = all[(i + 2) % 3]->id, .frame = 30 + ref};
        for (uint32_t p = 0; p < 4; p++) {
            uint32_t port;

            CHECK_EQ(evtchn_alloc_unbound(all[i], all[(i + 2) % 3]->id, &port), 0);
        }
    }
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (uint32_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(racers[i].d->grant->in_use, 0);
        for (uint32_t ref = 8; ref < 12; ref++) {
            CHECK_EQ(racers[i].d->grant->shared[0][ref].flags, GTF_permit_access);
            CHECK_EQ(frame_pins(frame_of(sim_page(racers[i].d, 30 + ref))), 0);
        }
    }
    CHECK(sim_end());
}

TEST(a_domain_ends_while_others_use_it)
{
    struct racer racers[2];
    pthread_t threads[2];
    int rc;

    for (uint32_t round = 0; round < 3; round++) {
        start();
        for (uint32_t ref = 8; ref < 12; ref++)
            box->grant->shared[0][ref] = (struct grant_entry_v1){
                .flags = GTF_permit_access, .domid = BH_DOMID_NET, .frame = 30 + ref};
        racers[0] = (struct racer){net, box->id, 1, round + 1};
        racers[1] = (struct racer){mgmt, box->id, 2, round + 2};
        for (uint32_t i = 0; i < 2; i++)
            CHECK_EQ(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        do {
            rc = sim_destroy(box);
        } while (rc == -EBUSY);
        for (uint32_t i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        CHECK_EQ(rc, 0);
        CHECK(sim_end());
    }
}
