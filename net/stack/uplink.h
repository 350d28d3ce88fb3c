/* SPDX-License-Identifier: MIT */
/*
 * The uplink's own IPv4 endpoint, on lwIP: gets an address by DHCP or takes the fixed one, answers
 * ARP and echo for it, knows the neighbours' MAC addresses. One uplink; everything from the
 * switch's thread.
 */
#ifndef NET_UPLINK_H
#define NET_UPLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "switch.h"

struct uplink_config {
    bool fixed; /* else DHCP */
    struct sw_uplink address;
};

/* The functions that sw_init() wants; they may be called before uplink_start(). */
struct sw_env uplink_env(void);
/* Begins on an uplink port that the switch has. now_ms: any monotonic clock, as for uplink_tick().
 */
void uplink_start(struct sw *sw, struct sw_port *port, const struct uplink_config *config,
                  uint32_t now_ms);
/* Runs lwIP's timers and tells the switch when the address changed: then true. Each 50 ms or so. */
bool uplink_tick(uint32_t now_ms);

/* "A.B.C.D"; false and *ip untouched if it is not one. */
bool uplink_parse_ip(const char *text, uint32_t *ip);
/* "A.B.C.D/LEN", LEN 1..30. */
bool uplink_parse_cidr(const char *text, uint32_t *ip, uint32_t *mask);

/* Given by the program: a random number, and the end after a failed assertion in lwIP. */
uint32_t uplink_random(void);
_Noreturn void uplink_assert(const char *what);

#endif
