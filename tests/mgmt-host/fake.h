/* SPDX-License-Identifier: MIT */
/* Between the two halves of the host's session layer: sessions with files, and commands. */
#ifndef BH_MGMT_HOST_FAKE_H
#define BH_MGMT_HOST_FAKE_H

#include "session/session.h"

struct fake_session {
    struct session_info info;
    char dir[48];
    unsigned int next_exec;
    struct exec *execs;
    struct fake_session *next;
};

struct fake_session *fake_find(const char *id);
void fake_end_execs(struct fake_session *s);
void fake_delete_all(void);

#endif
