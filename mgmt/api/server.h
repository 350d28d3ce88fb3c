/* SPDX-License-Identifier: MIT */
/*
 * The HTTPS server: accepts streams, holds the caps on connections, and runs each connection in a
 * thread: TLS handshake, then HTTP. The same on the host in tests.
 */
#ifndef BH_API_SERVER_H
#define BH_API_SERVER_H

#include <stdint.h>

#include "tls/identity.h"

struct server_config {
    uint16_t port;
    unsigned int max_connections; /* at once */
    unsigned int max_per_peer;
};

/* Prints identity and, if it was made here, the key. 0 or -errno. */
int server_start(const struct server_config *config);
/* The default configuration with the options applied. */
struct server_config server_config_from_options(void);

#endif
