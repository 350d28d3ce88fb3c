/* SPDX-License-Identifier: MIT */
/*
 * The agent channel: what mgmt and the in-guest agent say to each other over one libxenvchan
 * ring pair (Xen public/io/libxenvchan.h). Little-endian, packed by construction. Both sides treat
 * the other as hostile: every length is checked against the bounds here, unknown types end the
 * channel.
 *
 * Set-up. The agent (vchan server) grants a ring of 2^BH_AGENT_RING_ORDER bytes each way to domain
 * 0 and writes, relative to its xenstore home, data/bulkhead/ring-ref, data/bulkhead/event-channel
 * and last data/bulkhead/generation (a decimal number, larger with each offer). mgmt maps it and
 * sends BH_MSG_HELLO; the agent answers BH_MSG_HELLO. Then mgmt sends requests.
 *
 * Streams. mgmt chooses a stream id (never 0, not in use) with each BH_MSG_EXEC, _READ or _WRITE.
 * The stream ends with the agent's BH_MSG_DONE, after which neither side mentions it again, except
 * that mgmt's frames may still be in flight: the agent ignores frames for unknown streams.
 *
 * Flow control. Data frames (BH_MSG_STDIN, _STDOUT, _STDERR, _DATA) spend credit, one per payload
 * byte; each direction of a stream starts with BH_STREAM_WINDOW and the receiver returns what it
 * consumed with BH_MSG_CREDIT. STDOUT and STDERR share one window. A sender without credit waits;
 * it never blocks other streams.
 */
#ifndef BH_AGENT_PROTO_H
#define BH_AGENT_PROTO_H

#include <stdint.h>

#define BH_AGENT_VERSION 1U
#define BH_AGENT_RING_ORDER 16U   /* 64 KB each way */
#define BH_MSG_MAX_PAYLOAD 16384U /* bytes */
#define BH_STREAM_WINDOW 65536U   /* bytes of credit at start */
#define BH_MAX_STREAMS 128U       /* at once */

struct bh_msg {
    uint32_t length; /* payload bytes that follow, 0..BH_MSG_MAX_PAYLOAD */
    uint32_t stream; /* 0 for the channel itself */
    uint16_t type;   /* enum bh_msg_type */
    uint16_t flags;  /* 0 */
    uint32_t arg;    /* meaning per type, else 0 */
};

enum bh_msg_type {
    /* both ways, stream 0 */
    BH_MSG_HELLO = 1,  /* arg: BH_AGENT_VERSION. From the agent: payload "kernel release" text */
    BH_MSG_CREDIT = 2, /* any stream; arg: bytes returned */

    /* mgmt → agent */
    BH_MSG_CONFIG = 16, /* stream 0: payload lines "key=value": hostname, wallclock_ns, seed (hex).
                           Answered by DONE on stream 0 */
    BH_MSG_EXEC = 17,   /* payload: struct bh_exec_req and its strings */
    BH_MSG_STDIN = 18,  /* data */
    BH_MSG_STDIN_EOF = 19,
    BH_MSG_SIGNAL = 20, /* arg: signal number, to the stream's process group */
    BH_MSG_READ = 21,   /* payload: path. Agent sends STAT, DATA…, DONE */
    BH_MSG_WRITE =
        22, /* payload: struct bh_write_req and path; then DATA…, EOF; answered by DONE */
    BH_MSG_DATA = 23, /* file data, both ways */
    BH_MSG_EOF = 24,  /* end of DATA, both ways */
    BH_MSG_CANCEL =
        25, /* give the stream up: kill the group (SIGKILL) or drop the file; DONE follows */

    /* agent → mgmt */
    BH_MSG_STDOUT = 32,
    BH_MSG_STDERR = 33,
    BH_MSG_STAT = 34, /* payload: struct bh_stat */
    BH_MSG_DONE = 35, /* payload: struct bh_done */
};

/* Followed by argc NUL-terminated arguments, envc NUL-terminated "K=V", then NUL-terminated cwd and
 * user (each may be ""); exactly filling the payload. argc 0 is an error; a shell line is sent as
 * argv {"/bin/sh","-c",line} by mgmt. */
struct bh_exec_req {
    uint32_t argc;       /* 1..1024 */
    uint32_t envc;       /* 0..1024 */
    uint32_t timeout_ms; /* 0: none. On time-out the whole process group gets SIGTERM, 2 s later
                            SIGKILL */
    uint32_t flags;      /* BH_EXEC_* */
};
#define BH_EXEC_STDIN 1U /* stdin is a pipe fed by STDIN; without: /dev/null */
#define BH_EXEC_TTY 2U   /* reserved */

struct bh_write_req {
    uint32_t mode;  /* permission bits, & 07777; 0: 0644 */
    uint32_t flags; /* BH_WRITE_* */
};
#define BH_WRITE_MKDIRS 1U /* create missing parents */

struct bh_stat {
    uint64_t size; /* bytes; of a regular file */
    uint64_t mtime_ns;
    uint32_t mode;
    uint32_t pad;
};

enum bh_done_kind {
    BH_DONE_OK = 0,      /* file operation or CONFIG succeeded */
    BH_DONE_EXIT = 1,    /* code: exit status */
    BH_DONE_SIGNAL = 2,  /* code: signal number */
    BH_DONE_TIMEOUT = 3, /* killed by its time-out; code: signal that ended it */
    BH_DONE_ERROR = 4, /* code: errno of the guest's Linux; text follows the struct (≤ 256 bytes) */
};

struct bh_done {
    uint32_t kind;
    uint32_t code;
    uint64_t wall_ns; /* of an exec: run time */
};

_Static_assert(sizeof(struct bh_msg) == 16, "agent ABI");
_Static_assert(sizeof(struct bh_exec_req) == 16, "agent ABI");
_Static_assert(sizeof(struct bh_stat) == 24, "agent ABI");
_Static_assert(sizeof(struct bh_done) == 16, "agent ABI");

#endif
