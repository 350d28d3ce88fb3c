/* SPDX-License-Identifier: MIT */
/*
 * An agent at the other end of the channel, as a thread of the fake runtime: an honest one that
 * knows a few commands, and hostile ones.
 */
#ifndef FAKE_AGENT_H
#define FAKE_AGENT_H

#include <stdint.h>

enum fake_agent_mode {
    AGENT_GOOD,
    AGENT_NEVER,     /* offers nothing */
    AGENT_BAD_REF,   /* offers what cannot be mapped */
    AGENT_BAD_ORDER, /* offers rings of another size */
    AGENT_BAD_VERSION,
    AGENT_LONG_FRAME, /* a frame longer than any may be, after READY */
    AGENT_BAD_INDEX,  /* producer index out of range */
    AGENT_UNKNOWN_STREAM,
    AGENT_OVERRUN, /* more data than its window */
    AGENT_BAD_CREDIT,
    AGENT_BAD_TYPE,
    AGENT_COMES_BACK, /* breaks the channel once, then offers it anew and is good */
};

extern enum fake_agent_mode fake_agent_mode;
void fake_agent_start(uint16_t domid); /* for fake_on_start */

#endif
