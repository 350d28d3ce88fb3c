/* SPDX-License-Identifier: MIT */
/*
 * What the toolstack writes into the xenstore for a domain: its home, and its network interface
 * with net's end of it. Addresses of sandboxes come from a pool here.
 */
#ifndef BH_HOME_H
#define BH_HOME_H

#include <stdbool.h>
#include <stdint.h>

#define HOME_ADDRESSES 1024U /* 10.77.1.0 .. 10.77.4.255 without .0 and .255 of each */

/* Home of a domain with data (its own) and control; sandbox: it is told the constant id. */
int home_create(uint16_t domid, bool sandbox);
void home_remove(uint16_t domid);

struct vif_spec {
    uint16_t domid;
    uint32_t address; /* IPv4, host byte order */
    uint8_t mac[6];
    const char *kind; /* "sandbox", "mgmt" */
    bool sandbox;
};
int home_add_vif(const struct vif_spec *v);
/* Asks net to let go of the interface and waits for that, bounded; then removes its end. */
void home_remove_vif(uint16_t domid);

/* An address nobody has. -ENOSPC. */
int home_take_address(uint32_t *address);
void home_return_address(uint32_t address);
void home_format_address(uint32_t address, char out[16]);
/* 02:42:48 and what tells the address from others. */
void home_mac_of(uint32_t address, uint8_t mac[6]);

#endif
