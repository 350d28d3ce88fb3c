/* SPDX-License-Identifier: MIT */
/*
 * The HTTPS API: what main starts once sessions can be made. Brings up the TCP/IP stack over
 * device/vif/0, makes or takes the identity and the API key, prints both on the console and serves
 * port 443 from threads of its own.
 *
 * Options: api.key (preset API key), api.max_connections (64), api.max_per_peer (60),
 * tls.key (P-256 private key, 64 hex digits; else a new one at each start).
 */
#ifndef BH_API_H
#define BH_API_H

#define BULKHEAD_VERSION "0.1.0"

#define API_PORT 443U

/* After session_init(). 0, or -errno when the network or memory for it is not there. */
int api_start(void);

#endif
