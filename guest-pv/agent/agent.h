/* SPDX-License-Identifier: MIT */
/*
 * The in-guest agent: one process, one loop, no threads. It serves the streams that mgmt opens over
 * the agent channel (public/agent_proto.h): commands and files.
 */
#ifndef AGENT_H
#define AGENT_H

#include "vchan.h"
#include "include/public/agent_proto.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AGENT_POLL_MAX (2 + 3 * BH_MAX_STREAMS)
#define AGENT_FOREVER UINT64_MAX

enum stream_kind { STREAM_FREE, STREAM_EXEC, STREAM_READ, STREAM_WRITE };

struct exec_state {
    pid_t pid;          /* process group leader; 0 once reaped */
    int in, out, err;   /* our ends of the pipes, -1 when closed */
    int cgroup;         /* directory of its own cgroup, -1: none */
    int status;         /* wait status, valid when pid is 0 */
    uint8_t *stdin_buf; /* BH_STREAM_WINDOW bytes, or NULL */
    uint32_t stdin_head, stdin_len;
    bool stdin_eof;
    bool timed_out, cancelled;
    uint64_t started, deadline; /* CLOCK_MONOTONIC ns; deadline AGENT_FOREVER: none */
    uint64_t kill_at;           /* when SIGKILL follows SIGTERM */
};

struct file_state {
    int fd, dir;    /* dir: of the target, for the rename */
    uint64_t left;  /* bytes still to send (READ) */
    uint8_t *slurp; /* content of a file without a size, as in /proc */
    uint32_t slurp_at;
    bool eof_sent;
    char temp[32];  /* name of the unfinished file (WRITE), "" once renamed */
    char name[256]; /* its final name */
    mode_t mode;
};

struct stream {
    uint32_t id;
    enum stream_kind kind;
    uint32_t credit; /* bytes we may still send */
    uint32_t taken;  /* bytes received and not yet credited back */
    union {
        struct exec_state x;
        struct file_state f;
    };
};

struct agent {
    struct vchan vc;
    int event_fd;            /* readable when the peer notified */
    int child_fd;            /* signalfd of SIGCHLD */
    const char *cgroup_root; /* where exec cgroups are made, NULL: none */
    unsigned int next_cgroup;
    bool want_space; /* somebody waits for room in the ring */
    struct stream streams[BH_MAX_STREAMS];
    uint8_t payload[BH_MSG_MAX_PAYLOAD];
    struct bh_msg head; /* of the frame being received */
    bool have_head;
};

uint64_t agent_now(void); /* CLOCK_MONOTONIC, ns */

/* Serves the channel until it breaks; returns -errno. `drain` acknowledges event_fd. */
int agent_run(struct agent *a, void (*drain)(void *ctx));

/* frame.c: sending. agent_room() is how much payload a frame may carry right now (0: none). */
uint32_t agent_room(struct agent *a);
void agent_send(struct agent *a, uint32_t stream, enum bh_msg_type type, uint32_t arg,
                const void *payload, uint32_t len);
/* Ends a stream: sends DONE when there is room (else returns false, try again) and frees it. */
bool agent_done(struct agent *a, struct stream *s, enum bh_done_kind kind, uint32_t code,
                uint64_t wall_ns, const char *text);
/* Refuses a request whose stream could not be opened. */
void agent_refuse(struct agent *a, uint32_t id, int error, const char *text);
/* Takes received data into account; false: the peer exceeded its window. */
bool agent_take(struct stream *s, uint32_t len);
void agent_credit(struct agent *a, struct stream *s, uint32_t len);

/* exec.c, file.c: opening from a request, 0 or -errno with *text for people. */
int exec_open(struct agent *a, struct stream *s, const uint8_t *req, uint32_t len,
              const char **text);
int exec_stdin(struct stream *s, const uint8_t *data, uint32_t len);
void exec_stdin_eof(struct stream *s);
void exec_signal(struct stream *s, int sig);
void exec_cancel(struct stream *s);
void exec_reaped(struct agent *a, pid_t pid, int status);
/* Moves data; returns whether anything happened. */
bool exec_pump(struct agent *a, struct stream *s, uint64_t now);
/* Adds what to poll for; returns how many were added. */
unsigned int exec_poll(const struct agent *a, const struct stream *s, struct pollfd *p,
                       uint64_t *wake);
void exec_close(struct stream *s);

int file_read_open(struct agent *a, struct stream *s, const uint8_t *req, uint32_t len,
                   const char **text);
int file_write_open(struct stream *s, const uint8_t *req, uint32_t len, const char **text);
int file_data(struct stream *s, const uint8_t *data, uint32_t len);
int file_commit(struct stream *s);
bool file_pump(struct agent *a, struct stream *s);
void file_close(struct stream *s);

/* config.c: applies "key=value" lines; 0 or -errno. */
int config_apply(const uint8_t *text, uint32_t len);

#endif
