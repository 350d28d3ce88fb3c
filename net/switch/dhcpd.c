/* SPDX-License-Identifier: MIT */
/*
 * DHCP server; see dhcpd.h. Options that are not understood are skipped, option overload (52) is
 * ignored: what matters to us fits in the options field of every client.
 */
#include "dhcpd.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "wire.h"

#define BOOTP_REQUEST 1U
#define BOOTP_REPLY 2U
#define OFF_XID 4U
#define OFF_FLAGS 10U
#define OFF_CIADDR 12U
#define OFF_YIADDR 16U
#define OFF_GIADDR 24U
#define OFF_CHADDR 28U
#define OFF_COOKIE 236U
#define OFF_OPTIONS 240U
#define COOKIE 0x63825363U
#define FLAG_BROADCAST 0x8000U

enum {
    OPT_PAD = 0,
    OPT_MASK = 1,
    OPT_ROUTER = 3,
    OPT_DNS = 6,
    OPT_MTU = 26,
    OPT_REQUESTED = 50,
    OPT_LEASE = 51,
    OPT_TYPE = 53,
    OPT_SERVER = 54,
    OPT_END = 255
};
enum { DISCOVER = 1, OFFER = 2, REQUEST = 3, ACK = 5, NAK = 6, INFORM = 8 };

struct request {
    uint8_t type;
    bool has_server, has_requested;
    uint32_t server, requested, ciaddr;
};

static bool parse_options(const uint8_t *p, size_t len, struct request *r)
{
    size_t i = 0;

    while (i < len && p[i] != OPT_END) {
        if (p[i] == OPT_PAD) {
            i++;
            continue;
        }
        if (len - i < 2 || len - i - 2 < p[i + 1])
            return false;

        const uint8_t *value = p + i + 2;
        uint8_t size = p[i + 1];

        if (p[i] == OPT_TYPE && size == 1) {
            r->type = value[0];
        } else if (p[i] == OPT_SERVER && size == 4) {
            r->has_server = true;
            r->server = wire_get32(value);
        } else if (p[i] == OPT_REQUESTED && size == 4) {
            r->has_requested = true;
            r->requested = wire_get32(value);
        }
        i += 2 + (size_t)size;
    }
    return true;
}

static bool parse(const struct dhcpd_lease *lease, const uint8_t *m, size_t len, struct request *r)
{
    memset(r, 0, sizeof(*r));
    if (len < OFF_OPTIONS || m[0] != BOOTP_REQUEST || m[1] != 1 || m[2] != 6)
        return false;
    if (wire_get32(m + OFF_COOKIE) != COOKIE || memcmp(m + OFF_CHADDR, lease->mac, 6) != 0)
        return false;
    if (wire_get32(m + OFF_GIADDR) != 0) /* relayed: there are no relays here */
        return false;
    r->ciaddr = wire_get32(m + OFF_CIADDR);
    return parse_options(m + OFF_OPTIONS, len - OFF_OPTIONS, r);
}

/* RFC 2131, section 4.3: which message answers this one; 0: none. */
static uint8_t answer_type(const struct dhcpd_lease *lease, const struct request *r)
{
    uint32_t wanted = r->has_requested ? r->requested : r->ciaddr;

    if (r->has_server && r->server != lease->gateway)
        return 0; /* the client chose somebody else */
    switch (r->type) {
    case DISCOVER:
        return OFFER;
    case REQUEST:
        return wanted == lease->ip ? ACK : NAK;
    case INFORM:
        return ACK;
    default:
        return 0;
    }
}

static uint8_t *put_option32(uint8_t *p, uint8_t code, uint32_t value)
{
    p[0] = code;
    p[1] = 4;
    wire_put32(p + 2, value);
    return p + 6;
}

static uint8_t *put_lease(uint8_t *p, const struct dhcpd_lease *lease, bool with_time)
{
    if (with_time)
        p = put_option32(p, OPT_LEASE, lease->seconds);
    p = put_option32(p, OPT_MASK, lease->mask);
    p = put_option32(p, OPT_ROUTER, lease->gateway);
    if (lease->dns != 0)
        p = put_option32(p, OPT_DNS, lease->dns);
    *p++ = OPT_MTU;
    *p++ = 2;
    wire_put16(p, 1500);
    return p + 2;
}

int dhcpd_answer(const struct dhcpd_lease *lease, const uint8_t *request, size_t len,
                 struct dhcpd_reply *reply)
{
    struct request r;
    uint8_t type, *m = reply->bytes, *p = m + OFF_OPTIONS;
    uint16_t flags;

    if (!parse(lease, request, len, &r))
        return -EINVAL;
    type = answer_type(lease, &r);
    if (type == 0)
        return -EINVAL;
    flags = wire_get16(request + OFF_FLAGS) & FLAG_BROADCAST;
    memset(m, 0, sizeof(reply->bytes));
    m[0] = BOOTP_REPLY;
    m[1] = 1;
    m[2] = 6;
    memcpy(m + OFF_XID, request + OFF_XID, 4);
    wire_put16(m + OFF_FLAGS, flags);
    memcpy(m + OFF_CHADDR, lease->mac, 6);
    wire_put32(m + OFF_COOKIE, COOKIE);
    *p++ = OPT_TYPE;
    *p++ = 1;
    *p++ = type;
    p = put_option32(p, OPT_SERVER, lease->gateway);
    if (type != NAK) {
        if (r.type != INFORM)
            wire_put32(m + OFF_YIADDR, lease->ip);
        if (r.type == REQUEST || r.type == INFORM)
            wire_put32(m + OFF_CIADDR, r.ciaddr);
        p = put_lease(p, lease, r.type != INFORM);
    }
    *p++ = OPT_END;
    reply->len = DHCP_REPLY_MAX; /* zeros behind the end: BOOTP clients want 300 bytes */
    /* No ARP stands between: the reply goes to the port's MAC either way. */
    reply->dst_ip = type == NAK || flags != 0 ? 0xffffffffU : lease->ip;
    return 0;
}
