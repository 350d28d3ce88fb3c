/* SPDX-License-Identifier: MIT */
/*
 * The DHCP server of the inner network (RFC 2131): stateless, since every port has exactly one
 * address that mgmt chose. A pure function from a request to the reply.
 */
#ifndef NET_DHCPD_H
#define NET_DHCPD_H

#include <stddef.h>
#include <stdint.h>

#define DHCP_SERVER_PORT 67U
#define DHCP_CLIENT_PORT 68U
#define DHCP_REPLY_MAX 300U

struct dhcpd_lease {
    uint8_t mac[6];
    uint32_t ip; /* the port's address */
    uint32_t mask;
    uint32_t gateway; /* also the server's own address */
    uint32_t dns;     /* 0: leave the option out */
    uint32_t seconds;
};

struct dhcpd_reply {
    uint8_t bytes[DHCP_REPLY_MAX]; /* UDP payload, `len` used */
    size_t len;
    uint32_t dst_ip; /* 255.255.255.255 or the client's address */
};

/*
 * Answers one request (UDP payload). Returns 0 with the reply, or -EINVAL: malformed, for somebody
 * else, or a message that has no answer.
 */
int dhcpd_answer(const struct dhcpd_lease *lease, const uint8_t *request, size_t len,
                 struct dhcpd_reply *reply);

#endif
