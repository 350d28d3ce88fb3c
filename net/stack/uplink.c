/* SPDX-License-Identifier: MIT */
/*
 * The uplink on lwIP; see uplink.h. The switch filters and budgets what comes here: ARP, echo
 * requests for our address, DHCP answers.
 */
#include "uplink.h"

#include <string.h>

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <netif/ethernet.h>

#define QUEUED_PACKET_MAX 512U /* a packet to keep while ARP asks: see MEM_SIZE in lwipopts.h */

static struct {
    struct sw *sw;
    struct sw_port *port; /* NULL: not started */
    struct netif netif;
    struct sw_uplink known; /* what the switch was told */
    struct uplink_config config;
    uint32_t now_ms;
} uplink;

u32_t sys_now(void)
{
    return uplink.now_ms;
}

/* ---- between the switch and lwIP ---- */

static err_t link_output(struct netif *netif, struct pbuf *p)
{
    struct frame *f;

    if (p->tot_len > netif->mtu + SIZEOF_ETH_HDR)
        return ERR_BUF;
    f = frame_get(uplink.sw->pool);
    if (f == NULL)
        return ERR_MEM;
    f->len = pbuf_copy_partial(p, f->data, p->tot_len, 0);
    sw_output(uplink.sw, uplink.port, f);
    return ERR_OK;
}

static void local_input(void *ctx, const uint8_t *frame, size_t len)
{
    struct pbuf *p;

    (void)ctx;
    if (uplink.port == NULL)
        return;
    p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_POOL);
    if (p == NULL)
        return;
    pbuf_take(p, frame, (u16_t)len);
    if (uplink.netif.input(p, &uplink.netif) != ERR_OK)
        pbuf_free(p);
}

static bool resolve(void *ctx, uint32_t ip, uint8_t mac[6])
{
    ip4_addr_t address = {lwip_htonl(ip)};
    struct eth_addr *eth;
    const ip4_addr_t *found;

    (void)ctx;
    if (uplink.port == NULL || etharp_find_addr(&uplink.netif, &address, &eth, &found) < 0)
        return false;
    memcpy(mac, eth->addr, 6);
    return true;
}

static void resolve_start(void *ctx, uint32_t ip, const uint8_t *packet, size_t len)
{
    ip4_addr_t address = {lwip_htonl(ip)};
    struct pbuf *p = NULL;

    (void)ctx;
    if (uplink.port == NULL)
        return;
    if (len <= QUEUED_PACKET_MAX) {
        p = pbuf_alloc(PBUF_LINK, (u16_t)len, PBUF_RAM);
        if (p != NULL)
            pbuf_take(p, packet, (u16_t)len);
    }
    etharp_query(&uplink.netif, &address, p);
    if (p != NULL)
        pbuf_free(p);
}

struct sw_env uplink_env(void)
{
    return (struct sw_env){
        .uplink_local = local_input, .resolve = resolve, .resolve_start = resolve_start};
}

/* ---- the address ---- */

static err_t netif_setup(struct netif *netif)
{
    netif->name[0] = 'u';
    netif->name[1] = 'p';
    netif->hostname = "bulkhead";
    netif->mtu = 1500;
    netif->hwaddr_len = 6;
    memcpy(netif->hwaddr, uplink.port->mac, 6);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    netif->output = etharp_output;
    netif->linkoutput = link_output;
    return ERR_OK;
}

static struct sw_uplink current_address(void)
{
    struct sw_uplink now = {0};

    if (uplink.config.fixed)
        return uplink.config.address;
    if (!dhcp_supplied_address(&uplink.netif))
        return now;
    now.ip = lwip_ntohl(netif_ip4_addr(&uplink.netif)->addr);
    now.mask = lwip_ntohl(netif_ip4_netmask(&uplink.netif)->addr);
    now.gateway = lwip_ntohl(netif_ip4_gw(&uplink.netif)->addr);
    now.dns = lwip_ntohl(dns_getserver(0)->addr);
    /* The operator's word on names counts more than the network's. */
    if (uplink.config.address.dns != 0)
        now.dns = uplink.config.address.dns;
    return now;
}

bool uplink_tick(uint32_t now_ms)
{
    struct sw_uplink now;

    if (uplink.port == NULL)
        return false;
    uplink.now_ms = now_ms;
    sys_check_timeouts();
    now = current_address();
    if (memcmp(&now, &uplink.known, sizeof(now)) == 0)
        return false;
    uplink.known = now;
    sw_set_uplink(uplink.sw, &now);
    if (now.gateway != 0) { /* have the answer before the first packet needs it */
        ip4_addr_t gateway = {lwip_htonl(now.gateway)};

        etharp_query(&uplink.netif, &gateway, NULL);
    }
    return true;
}

void uplink_start(struct sw *sw, struct sw_port *port, const struct uplink_config *config,
                  uint32_t now_ms)
{
    ip4_addr_t ip = {0}, mask = {0}, gateway = {0};

    uplink.sw = sw;
    uplink.port = port;
    uplink.config = *config;
    uplink.now_ms = now_ms;
    lwip_init();
    if (config->fixed) {
        ip.addr = lwip_htonl(config->address.ip);
        mask.addr = lwip_htonl(config->address.mask);
        gateway.addr = lwip_htonl(config->address.gateway);
    }
    netif_add(&uplink.netif, &ip, &mask, &gateway, NULL, netif_setup, ethernet_input);
    netif_set_default(&uplink.netif);
    netif_set_link_up(&uplink.netif);
    netif_set_up(&uplink.netif);
    if (!config->fixed)
        dhcp_start(&uplink.netif);
}

/* ---- options ---- */

/* A decimal number of at most three digits; NULL: none, or above max. */
static const char *parse_number(const char *s, uint32_t max, uint32_t *value)
{
    uint32_t v = 0;
    unsigned int digits = 0;

    for (; *s >= '0' && *s <= '9' && digits < 3; s++, digits++)
        v = v * 10 + (uint32_t)(*s - '0');
    *value = v;
    return digits != 0 && v <= max ? s : NULL;
}

static const char *parse_quad(const char *s, uint32_t *ip)
{
    uint32_t value = 0;

    for (unsigned int i = 0; i < 4; i++) {
        uint32_t byte;

        if (i != 0 && *s++ != '.')
            return NULL;
        s = parse_number(s, 255, &byte);
        if (s == NULL)
            return NULL;
        value = value << 8 | byte;
    }
    *ip = value;
    return s;
}

bool uplink_parse_ip(const char *text, uint32_t *ip)
{
    uint32_t value;
    const char *end = parse_quad(text, &value);

    if (end == NULL || *end != '\0')
        return false;
    *ip = value;
    return true;
}

bool uplink_parse_cidr(const char *text, uint32_t *ip, uint32_t *mask)
{
    uint32_t value, bits;
    const char *end = parse_quad(text, &value);

    if (end == NULL || *end != '/')
        return false;
    end = parse_number(end + 1, 30, &bits);
    if (end == NULL || *end != '\0' || bits == 0)
        return false;
    *ip = value;
    *mask = ~0U << (32 - bits);
    return true;
}
