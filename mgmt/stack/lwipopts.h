/* SPDX-License-Identifier: MIT */
/*
 * lwIP's options for mgmt: NO_SYS raw API, IPv4 and TCP only, everything bounded. Worst case is
 * about 3.5 MB: MEM_SIZE for data to send, the pool for frames being received, and the PCBs.
 */
#ifndef BH_LWIPOPTS_H
#define BH_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_TIMERS 1

#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_ARP 1
#define LWIP_ICMP 1
#define LWIP_RAW 0
#define LWIP_UDP 0
#define LWIP_DHCP 0
#define LWIP_AUTOIP 0
#define LWIP_DNS 0
#define LWIP_IGMP 0
#define IP_FORWARD 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define LWIP_SINGLE_NETIF 1
#define LWIP_NETIF_STATUS_CALLBACK 0
#define ARP_TABLE_SIZE 8
#define ARP_QUEUEING 0

#define LWIP_TCP 1
#define TCP_MSS 1460
#define TCP_WND (22 * TCP_MSS) /* STREAM_RX_MAX */
#define TCP_SND_BUF (32 * TCP_MSS)
#define TCP_SND_QUEUELEN (4 * TCP_SND_BUF / TCP_MSS)
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_PBUFS 16
#define TCP_LISTEN_BACKLOG 1
#define TCP_DEFAULT_LISTEN_BACKLOG 32
#define TCP_MSL 10000UL
#define LWIP_TCP_KEEPALIVE 1
#define TCP_KEEPIDLE_DEFAULT 60000UL
#define TCP_KEEPINTVL_DEFAULT 10000UL
#define TCP_KEEPCNT_DEFAULT 3U
#define LWIP_TCP_TIMESTAMPS 0

#define MEM_ALIGNMENT 8
#define MEM_LIBC_MALLOC 0
#define MEM_SIZE (2304 * 1024)
#define MEMP_NUM_TCP_PCB 128
#define MEMP_NUM_TCP_PCB_LISTEN 2
#define MEMP_NUM_TCP_SEG 2048
#define MEMP_NUM_PBUF 64
#define PBUF_POOL_SIZE 256
#define PBUF_POOL_BUFSIZE 1536

#define LWIP_STATS 0
#define LWIP_DBG_MIN_LEVEL LWIP_DBG_LEVEL_SEVERE
#define LWIP_HAVE_LOOPIF 0
#define LWIP_NETIF_LOOPBACK 0
#define LWIP_HOOK_FILENAME "lwip_hooks.h"

#endif
