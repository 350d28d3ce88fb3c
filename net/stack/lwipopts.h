/* SPDX-License-Identifier: MIT */
/*
 * lwIP as the uplink's own stack: ARP, DHCP client, ICMP echo. No TCP, no IPv6, no fragments, no
 * system. All memory is static; lwIP's own allocation failing costs one packet.
 */
#ifndef NET_LWIPOPTS_H
#define NET_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_TIMERS 1
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0

#define MEM_ALIGNMENT 8
/* Packets that wait for ARP take at most 127 entries * 3 packets * 600 bytes: half of it. */
#define MEM_SIZE (512 * 1024)
#define PBUF_POOL_SIZE 32
#define PBUF_POOL_BUFSIZE 1536
#define MEMP_NUM_UDP_PCB 4
#define MEMP_NUM_SYS_TIMEOUT 8

#define LWIP_ARP 1
#define ARP_TABLE_SIZE 127
#define ARP_QUEUEING 1
#define ARP_QUEUE_LEN 3
#define MEMP_NUM_ARP_QUEUE 381
#define ETHARP_TRUST_IP_MAC 0

#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define IP_FORWARD 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define IP_OPTIONS_ALLOWED 0
#define LWIP_ICMP 1
#define LWIP_BROADCAST_PING 0
#define LWIP_MULTICAST_PING 0
#define LWIP_RAW 0
#define LWIP_TCP 0
#define LWIP_UDP 1

#define LWIP_DHCP 1
#define DHCP_DOES_ARP_CHECK 0 /* costs a second at start; servers probe before they offer */
#define LWIP_DHCP_BOOTP_FILE 0
#define LWIP_DNS 1 /* for the server that DHCP tells; nothing is resolved here */
#define DNS_MAX_SERVERS 1
#define DNS_TABLE_SIZE 1

#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_LINK_CALLBACK 0
#define LWIP_STATS 0
#define LWIP_CHECKSUM_ON_COPY 0

#endif
