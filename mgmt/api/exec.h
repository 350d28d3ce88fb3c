/* SPDX-License-Identifier: MIT */
/* Inside mgmt/api: one exec request between its parsing (exec_request.c) and its running (exec.c).
 */
#ifndef BH_API_EXEC_H
#define BH_API_EXEC_H

#include "api/handlers.h"

struct exec_request {
    struct exec_spec spec; /* points into what follows and into body */
    bool stream, interactive;
    char summary[96];    /* for the audit log: the beginning of the command line */
    uint8_t *stdin_data; /* malloc'ed, NULL: none */
    size_t stdin_len;

    cJSON *body;
    size_t charged;
    const char **argv, **env; /* malloc'ed */
    char *env_text;           /* malloc'ed, what env points to */
};

/* Reads and checks the request. False: the problem is answered and nothing is left to free. */
bool exec_request_read(struct http_exchange *x, struct exec_request *r);
void exec_request_free(struct exec_request *r);

#endif
