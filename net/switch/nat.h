/* SPDX-License-Identifier: MIT */
/*
 * Network address translation between the inner network and the uplink address: source NAT for
 * what inner ports start, one forwarded TCP port (the API) for what comes from outside, and the
 * ICMP errors about either. Endpoint-dependent filtering (RFC 4787): nothing else gets in.
 */
#ifndef NET_NAT_H
#define NET_NAT_H

#include "flow.h"
#include "packet.h"

struct nat {
    struct flow_table flows;
    uint32_t outer_ip; /* 0: no uplink address, nothing passes */
    /* The forwarded port; api_owner NULL: closed. */
    uint16_t api_outer_port, api_inner_port;
    uint32_t api_inner_ip;
    struct flow_owner *api_owner;
};

/* Outgoing packet of an inner port. True: rewritten, to be sent from outer_ip. False: drop it. */
bool nat_outgoing(struct nat *nat, struct packet *p, struct flow_owner *owner, uint64_t now);
/* Incoming packet for outer_ip. Rewritten: the owner it is for. NULL: not ours to forward. */
struct flow_owner *nat_incoming(struct nat *nat, struct packet *p, uint64_t now);
/* The uplink got another address: what was tracked is void. */
void nat_set_outer_ip(struct nat *nat, uint32_t ip);

#endif
