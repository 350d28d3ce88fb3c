/* SPDX-License-Identifier: MIT */
/*
 * What the gateway 10.77.0.1 answers itself to inner ports: ARP, echo, DHCP. Called by switch.c
 * with frames that passed its source checks. Each function keeps its hands on the frame: true means
 * that the frame was turned into the answer and must go back out of the port; false: drop it.
 */
#ifndef NET_LOCAL_H
#define NET_LOCAL_H

#include "packet.h"
#include "switch.h"

bool local_arp(const struct sw_port *port, struct frame *f, enum sw_drop *why);
bool local_echo(const struct sw_port *port, struct packet *p);
bool local_dhcp(const struct sw *sw, const struct sw_port *port, struct frame *f,
                const struct packet *p);

#endif
