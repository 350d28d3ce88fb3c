/* SPDX-License-Identifier: MIT */
/* Inside mgmt/api: the part of the start that is the same in mgmt and on the host. */
#ifndef BH_API_START_H
#define BH_API_START_H

#include "api/server.h"

/* Makes the identity and the key, starts the server and says on the console what clients need. */
extern uint64_t api_ready_at; /* rt_now() when the API began to serve */
int api_serve(const struct server_config *config);

#endif
