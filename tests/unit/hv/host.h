/* SPDX-License-Identifier: MIT */
/*
 * What host tests of hv share: machine memory as an arena, and panics that can be expected.
 */
#ifndef TEST_HV_HOST_H
#define TEST_HV_HOST_H

#include <setjmp.h>
#include <hv/types.h>

extern uint8_t *host_arena;
extern jmp_buf host_panic_jump;
extern bool host_panic_expected;

/* frames of fresh machine memory filled with 0xa5 (what a firmware leaves), under the frame
   allocator; mfn 0 is kept out. */
void host_memory(uint64_t frames);

/* True if the statement panics. */
#define PANICS(statement)                                                                          \
    (host_panic_expected = true,                                                                   \
     setjmp(host_panic_jump) ? true : ((statement), host_panic_expected = false, false))

#endif
