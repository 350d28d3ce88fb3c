/* SPDX-License-Identifier: MIT */
/*
 * Nodes of domains and of network interfaces (Xen docs/misc/xenstore-paths.pandoc, io/netif.h). A
 * sandbox reads XS_VIEW_DOMID wherever its own id would stand.
 */
#include "home.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include <rt/rt.h>
#include <rt/thread.h>
#include <rt/xs.h>

#include "bulkhead.h"
#include "xenstore/server.h"

#define FIRST_ADDRESS 0x0a4d0100U /* 10.77.1.0 */
#define VIF_CLOSE_NS 3000000000ULL
#define VIF_CLOSE_STEP_NS 1000000ULL

static uint32_t taken[HOME_ADDRESSES / 32];
static uint32_t next_address;

int home_take_address(uint32_t *address)
{
    for (uint32_t i = 0; i < HOME_ADDRESSES; i++) {
        uint32_t n = (next_address + i) % HOME_ADDRESSES;

        if ((n & 0xffU) == 0 || (n & 0xffU) == 0xffU || (taken[n / 32] >> (n % 32) & 1U) != 0)
            continue;
        taken[n / 32] |= 1U << (n % 32);
        next_address = n + 1; /* reuse as late as possible: others may still remember it */
        *address = FIRST_ADDRESS + n;
        return 0;
    }
    return -ENOSPC;
}

void home_return_address(uint32_t address)
{
    uint32_t n = address - FIRST_ADDRESS;

    if (n < HOME_ADDRESSES)
        taken[n / 32] &= ~(1U << (n % 32));
}

void home_format_address(uint32_t address, char out[16])
{
    snprintf(out, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255U, address >> 8 & 255U,
             address & 255U);
}

void home_mac_of(uint32_t address, uint8_t mac[6])
{
    uint32_t n = address - FIRST_ADDRESS + 0x10000U; /* apart from mgmt's 00:00:02 */

    mac[0] = 0x02;
    mac[1] = 0x42;
    mac[2] = 0x48;
    mac[3] = (uint8_t)(n >> 16);
    mac[4] = (uint8_t)(n >> 8);
    mac[5] = (uint8_t)n;
}

static int put(const char *dir, const char *key, const char *value)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    return xs_write(XS_TX_NONE, path, value);
}

static int put_number(const char *dir, const char *key, unsigned int value)
{
    char text[12];

    snprintf(text, sizeof(text), "%u", value);
    return put(dir, key, text);
}

static int make_dir(const char *home, const char *name, uint16_t owner, uint16_t reader)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/%s", home, name);
    return xenstore_make(path, NULL, owner, reader);
}

int home_create(uint16_t domid, bool sandbox)
{
    char home[32];
    int rc;

    snprintf(home, sizeof(home), "/local/domain/%u", domid);
    rc = xenstore_make(home, NULL, BH_DOMID_MGMT, domid);
    if (rc == 0)
        rc = put_number(home, "domid", sandbox ? XS_VIEW_DOMID : domid);
    if (rc == 0)
        rc = make_dir(home, "device", BH_DOMID_MGMT, domid);
    if (rc == 0)
        rc = make_dir(home, "data", domid, domid);
    if (rc == 0)
        rc = make_dir(home, "control", domid, domid);
    if (rc == 0 && !sandbox)
        rc = make_dir(home, "backend", domid, domid);
    if (rc == 0 && !sandbox)
        rc = make_dir(home, "backend/vif", domid, domid);
    return rc;
}

void home_remove(uint16_t domid)
{
    char home[32];

    snprintf(home, sizeof(home), "/local/domain/%u", domid);
    (void)xs_rm(XS_TX_NONE, home);
}

static void back_dir(uint16_t domid, char out[64])
{
    snprintf(out, 64, "/local/domain/%u/backend/vif/%u/0", BH_DOMID_NET, domid);
}

/* "frontend-id" and "online" come last: net takes the interface up once all is there. */
static int make_back(const struct vif_spec *v, const char *back, const char *front, const char *mac,
                     const char *address)
{
    int rc = xenstore_make(back, NULL, BH_DOMID_NET, v->domid);

    if (rc == 0)
        rc = put(back, "mac", mac);
    if (rc == 0)
        rc = put(back, "bulkhead/kind", v->kind);
    if (rc == 0)
        rc = put(back, "bulkhead/ip", address);
    if (rc == 0)
        rc = put_number(back, "handle", 0);
    if (rc == 0)
        rc = put_number(back, "state", XenbusStateInitialising);
    if (rc == 0)
        rc = put_number(back, "online", 1);
    if (rc == 0)
        rc = put_number(back, "frontend-id", v->domid);
    if (rc == 0)
        rc = put(back, "frontend", front);
    return rc;
}

int home_add_vif(const struct vif_spec *v)
{
    char back[64], seen_back[64], front[64], mac[18], address[16];
    int rc;

    back_dir(v->domid, back);
    back_dir(v->sandbox ? (uint16_t)XS_VIEW_DOMID : v->domid, seen_back);
    snprintf(front, sizeof(front), "/local/domain/%u/device/vif/0", v->domid);
    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", v->mac[0], v->mac[1], v->mac[2],
             v->mac[3], v->mac[4], v->mac[5]);
    home_format_address(v->address, address);
    rc = xenstore_make(front, NULL, v->domid, BH_DOMID_NET);
    if (rc == 0)
        rc = put(front, "backend", seen_back);
    if (rc == 0)
        rc = put_number(front, "backend-id", BH_DOMID_NET);
    if (rc == 0)
        rc = put_number(front, "handle", 0);
    if (rc == 0)
        rc = put(front, "mac", mac);
    if (rc == 0)
        rc = put_number(front, "state", XenbusStateInitialising);
    return rc == 0 ? make_back(v, back, front, mac, address) : rc;
}

void home_remove_vif(uint16_t domid)
{
    uint64_t deadline = rt_now() + VIF_CLOSE_NS;
    char back[64], path[80];
    unsigned int state;

    back_dir(domid, back);
    if (xenbus_read_state(back, &state) != 0)
        return;
    /* In state Initialising net has never looked at it, so it holds nothing. */
    if (state != XenbusStateInitialising && put_number(back, "online", 0) == 0) {
        while (xenbus_read_state(back, &state) == 0 && state != XenbusStateClosed &&
               rt_now() < deadline)
            thread_sleep(VIF_CLOSE_STEP_NS);
    }
    snprintf(path, sizeof(path), "/local/domain/%u/backend/vif/%u", BH_DOMID_NET, domid);
    (void)xs_rm(XS_TX_NONE, path);
}
