/* SPDX-License-Identifier: MIT */
/*
 * Inside of mgmt/session: the session table (table.c), a session's life (life.c), the keeper that
 * watches over all of them (keeper.c), and what exec.c and file.c need.
 *
 * No lock guards a session: threads switch only at waits. Whoever keeps a pointer over a wait holds
 * a reference and looks at the state again afterwards.
 */
#ifndef BH_SESSION_INTERNAL_H
#define BH_SESSION_INTERNAL_H

#include <rt/thread.h>

#include "blkback/blkback.h"
#include "channel/channel.h"
#include "drivers/console.h"
#include "session.h"
#include "xenstore/server.h"

#define SESSION_NO_DOMAIN 0xffffU

struct session {
    struct session *next; /* creation order */
    unsigned int refs;
    char id[SESSION_ID_LEN];
    char name[SESSION_NAME_MAX];
    enum session_state state;
    char reason[96];
    uint32_t memory_mb, vcpus;
    uint32_t address; /* 0: none */
    uint64_t created_ms, expires_ms;
    uint64_t created_ns, expires_ns; /* rt_now(); expires 0: never */
    uint64_t ready_ns;               /* duration */
    uint64_t ready_deadline;         /* while STARTING, and while the channel is broken */
    uint64_t frames_due;             /* of its RAM, not yet taken from the hypervisor */
    bool listed;                     /* still in the table */
    bool building;                   /* its creator works on it */
    bool ending;                     /* a thread takes its domain down */
    bool delete_wanted;
    bool domain_event; /* look at the domain again */
    uint16_t domid;    /* SESSION_NO_DOMAIN: none */
    struct xs_domain *store;
    struct console *console;
    struct blkback *disk;
    struct channel *channel;
    struct exec *execs;
    uint32_t last_exec;
    struct waitq changed; /* state, listed, building, ending */
    struct console_log log;
};

/* table.c */
void table_init(void);
struct session *session_find(const char *id); /* no reference taken */
struct session *
session_new(const struct session_spec *spec); /* listed, with a reference; NULL: no memory */
void session_unlist(struct session *s);       /* and drops the table's reference */
void session_hold(struct session *s);
void session_put(struct session *s);
struct session *session_first(void);
unsigned int session_count(void);
void session_set_state(struct session *s, enum session_state state, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Frames promised to sessions that are still being built. */
uint64_t session_frames_due(void);

/* life.c */
/* Builds and starts the sandbox of a new session. On failure everything but the entry is gone. */
int life_start(struct session *s);
/* Takes the domain and all that belongs to it down; waits until its memory is back. */
void life_end(struct session *s);

/* keeper.c */
int keeper_start(void);
void keeper_kick(void);
/* Starts the end of a session in a thread of its own, unless that is under way. */
void keeper_end(struct session *s, bool delete_it);

/* image.c: the modules every sandbox is made of. */
struct images {
    const uint8_t *kernel, *initrd;
    size_t kernel_size, initrd_size;
    struct hashtree base;
    char cmdline[1024];
};
int images_open(struct images *out);
extern struct images images;

/* reserve.c: once, before the first session. */
void reserve_tables(void);

/* Resolves an id to a READY session, for exec.c and file.c: 0, -ENOENT, -EAGAIN. */
int session_ready(const char *id, struct session **out);

#endif
