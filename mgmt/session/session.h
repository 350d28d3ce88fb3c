/* SPDX-License-Identifier: MIT */
/*
 * Sessions: what the API may do with a sandbox. Served by mgmt/session, used by mgmt/api. Calls run
 * in cooperative threads and may wait; a session can end at any wait, after which calls on it
 * return -ENOENT or -ECONNRESET. Handles (struct exec, struct file) belong to the caller and must
 * be closed once, also after an error or the session's end. Nothing here trusts the sandbox.
 */
#ifndef BH_SESSION_H
#define BH_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESSION_ID_LEN                                                                             \
    20U /* "s-" and 16 hex digits from the random source, NUL included with slack */
#define SESSION_NAME_MAX 64U
#define SESSION_MAX 400U /* each takes 37 of the 16,384 grant mappings mgmt may have */
#define SESSION_MIN_MEMORY_MB 96U
#define SESSION_DEFAULT_MEMORY_MB 256U
#define SESSION_MAX_MEMORY_MB 65536U

enum session_state {
    SESSION_STARTING = 1,
    SESSION_READY = 2,
    SESSION_FAILED = 3, /* ended by itself: reason says how (panic, triple fault, agent lost …) */
    SESSION_DELETING = 4,
};

struct session_spec {
    char name[SESSION_NAME_MAX]; /* "": none; letters, digits, '-', '_', '.' */
    uint32_t memory_mb;          /* 0: default */
    uint32_t vcpus;              /* 0: 1; at most 4 */
    uint64_t timeout_s;          /* 0: none; the session is deleted when it has lived that long */
};

struct session_info {
    char id[SESSION_ID_LEN];
    char name[SESSION_NAME_MAX];
    enum session_state state;
    char reason[96]; /* of SESSION_FAILED, for people */
    uint32_t memory_mb;
    uint32_t vcpus;
    char address[16];         /* IPv4 in the sandbox network, "" until known */
    uint64_t created_ms;      /* UTC */
    uint64_t ready_ns;        /* create → agent ready, 0 until then */
    uint64_t expires_ms;      /* UTC, 0: never */
    uint64_t memory_frames;   /* guest RAM now, 4 KB */
    uint64_t overhead_frames; /* hypervisor structures and tables */
    uint64_t cpu_ns;
};

/* Must be called once, before the API serves. Starts the reaper thread. */
int session_init(void);

/*
 * Creates a session and waits until its agent is ready (wait = true), or returns as soon as it
 * exists. -EINVAL with *why set to a static text naming the field; -ENOSPC: no memory or no slot;
 * -ETIMEDOUT / -EIO: the sandbox did not come up (it is gone again). */
int session_create(const struct session_spec *spec, bool wait, struct session_info *out,
                   const char **why);
int session_get(const char *id, struct session_info *out); /* -ENOENT */
/* Copies up to n infos of all sessions from position `first` (creation order); returns how many. */
size_t session_list(size_t first, struct session_info *out, size_t n);
/* Ends everything in it, unmaps, destroys, scrubs; returns when all memory is back. -ENOENT. */
int session_delete(const char *id);
/* Last console output of the sandbox's kernel, at most len bytes; returns the count or -ENOENT. */
long session_console(const char *id, char *buf, size_t len);

struct sys_info {
    uint64_t total_frames, free_frames, hv_frames;
    uint64_t mgmt_heap_used, mgmt_pages_free;
    uint32_t cpus, sessions;
    const char *cpu_vendor; /* "vt-x" or "amd-v" */
    bool iommu;
    uint64_t uptime_ns;
    uint64_t boot_ns;                 /* the firmware's hand-over → mgmt's first instruction */
    uint64_t mgmt_frames, net_frames; /* all of them, hypervisor structures and modules included */
};
void session_sysinfo(struct sys_info *out);
/* Counts free frames of the machine that hold the pattern. -EPERM without the option selftest=1. */
int session_scan_free(uint64_t pattern, uint64_t *found);

/* ---- running commands ---- */

#define EXEC_MAX_ARGS 1024U
#define EXEC_MAX_BYTES 16000U /* argv, environment, cwd and user together */

struct exec_spec {
    const char *const *argv; /* argc strings */
    size_t argc;
    const char *const *env; /* "K=V" */
    size_t envc;
    const char *cwd;     /* NULL: / or the user's home */
    const char *user;    /* NULL: root */
    uint32_t timeout_ms; /* 0: none */
    bool with_stdin;
};

struct exec;

enum exec_event_kind { EXEC_STDOUT = 1, EXEC_STDERR = 2, EXEC_DONE = 3 };

struct exec_event {
    enum exec_event_kind kind;
    const uint8_t *data; /* STDOUT, STDERR: valid until the next exec_next() */
    size_t len;
    /* DONE: */
    const char *how; /* "exit", "signal", "timeout", "error" */
    int code;        /* exit status, signal number or errno */
    char text[257];  /* of "error" */
    uint64_t wall_ns;
};

/* -ENOENT no such session, -EAGAIN not ready, -EMFILE too many streams, -E2BIG, -EINVAL. */
int session_exec(const char *id, const struct exec_spec *spec, struct exec **out);
const char *exec_id(const struct exec *e); /* unique within the session, e.g. "x-12" */
/* Waits for the next event. 0; -ETIMEDOUT at the deadline; -ECONNRESET: the session ended. After
 * EXEC_DONE only exec_close() is left. Reading returns credit to the agent. */
int exec_next(struct exec *e, struct exec_event *ev, uint64_t deadline);
/* Ends the handle; kills the command if it still runs. */
void exec_close(struct exec *e);

/* From other requests, by id: both wait for credit or delivery. -ENOENT when the exec is over. */
int session_exec_stdin(const char *id, const char *exec, const uint8_t *data, size_t len, bool eof);
int session_exec_signal(const char *id, const char *exec, int signal);

/* ---- files ---- */

struct file;
struct file_stat {
    uint64_t size;
    uint64_t mtime_ns;
    uint32_t mode;
};

#define FILE_PATH_MAX 4096U

/* Path: absolute, no NUL; ".." is resolved inside the sandbox and can reach nothing else. Errors of
 * the guest come as its own errno, negated (-ENOENT of the FILE is reported as BH_EFILE_NOENT to
 * tell it from the session's). */
#define BH_EFILE_NOENT 1000
int session_file_read(const char *id, const char *path, struct file_stat *st, struct file **out);
/* Next bytes: >0 count, 0 end of file, <0 error. */
long file_read(struct file *f, uint8_t *buf, size_t len, uint64_t deadline);
int session_file_write(const char *id, const char *path, uint32_t mode, bool mkdirs,
                       struct file **out);
int file_write(struct file *f, const uint8_t *data, size_t len, uint64_t deadline);
/* Ends a write: commits, waits for the guest's word. The file appears whole or not at all. */
int file_commit(struct file *f, uint64_t deadline);
void file_close(struct file *f); /* a write not committed is dropped in the guest */

#endif
