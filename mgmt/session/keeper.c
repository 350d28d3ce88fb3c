/* SPDX-License-Identifier: MIT */
/*
 * The keeper: one thread that notices what happens to sessions by themselves (the agent is there,
 * the guest died, time is up) and starts the consequence. Kicked by VIRQ_DOM_EXC and by the
 * channels.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/sched.h>

#include <rt/event.h>
#include <rt/rt.h>

#include "audit/audit.h"
#include "build/ctl.h"

#define RECONNECT_NS 20000000000ULL /* a broken channel may be offered anew this long */

static struct waitq wake;
static bool kicked;
static bool domain_event;

void keeper_kick(void)
{
    kicked = true;
    waitq_wake_all(&wake);
}

static void on_domain_event(evtchn_port port, void *arg)
{
    (void)port;
    (void)arg;
    domain_event = true;
    keeper_kick();
}

/* ---- ending ---- */

static void end_thread(void *arg)
{
    struct session *s = arg;

    while (s->building)
        (void)waitq_wait(&s->changed, WAIT_FOREVER);
    life_end(s);
    s->ending = false;
    waitq_wake_all(&s->changed);
    if (s->delete_wanted)
        session_unlist(s);
    session_put(s);
}

void keeper_end(struct session *s, bool delete_it)
{
    if (delete_it) {
        s->delete_wanted = true;
        session_set_state(s, SESSION_DELETING, "%s", s->reason);
    }
    if (s->ending)
        return; /* its thread looks at delete_wanted when it is done */
    s->ending = true;
    session_hold(s);
    if (thread_create(end_thread, s, "end", 0) != 0) {
        s->ending = false;
        session_put(s);
        s->domain_event = true; /* tried again in the next round */
        rt_log("session %s: no memory for the thread that ends it\n", s->id);
    }
}

/* The guest's own words, if its console has them. */
static bool find_panic(const struct session *s, char *out, size_t size)
{
    static const char mark[] = "Kernel panic - not syncing: ";
    char *text = malloc(CONSOLE_KEEP + 1), *at;
    size_t n;

    if (text == NULL)
        return false;
    n = console_log_tail(&s->log, text, CONSOLE_KEEP);
    for (size_t i = 0; i < n; i++)
        text[i] = text[i] == '\n' || text[i] == '\r' || (text[i] >= 0x20 && text[i] < 0x7f)
                      ? text[i]
                      : '?';
    text[n] = '\0';
    at = strstr(text, mark);
    if (at != NULL) {
        at += strlen(mark);
        at[strcspn(at, "\r\n")] = '\0';
        snprintf(out, size, "%.60s", at);
    }
    free(text);
    return at != NULL;
}

static void describe_end(const struct session *s, uint32_t reason, char *out, size_t size)
{
    char panic[64];

    switch (reason) {
    case SHUTDOWN_poweroff:
        snprintf(out, size, "the guest powered off");
        break;
    case SHUTDOWN_reboot:
        snprintf(out, size, "the guest asked for a reboot");
        break;
    case SHUTDOWN_crash:
        if (find_panic(s, panic, sizeof(panic)))
            snprintf(out, size, "kernel panic: %s", panic);
        else
            snprintf(out, size, "kernel panic");
        break;
    case BH_REASON_TRIPLE_FAULT:
        snprintf(out, size, "triple fault");
        break;
    case BH_REASON_BAD_STATE:
        snprintf(out, size, "the processor refused the guest's state");
        break;
    case BH_REASON_HALTED:
        snprintf(out, size, "the guest halted");
        break;
    default:
        snprintf(out, size, "the guest ended with reason %u", reason);
        break;
    }
}

static void fail(struct session *s, const char *reason)
{
    audit_add("system", "", "session.fail", s->id, "error", "%s", reason);
    session_set_state(s, SESSION_FAILED, "%s", reason);
    keeper_end(s, false);
}

/* ---- looking after one session ---- */

static void check_domain(struct session *s)
{
    struct bh_ctl_info info;
    char reason[96];

    if (s->domid == SESSION_NO_DOMAIN || ctl_getinfo(s->domid, &info) != 0 ||
        info.state != BH_STATE_SHUTDOWN)
        return;
    guest_console_flush(s->console); /* what it wrote last may still be in its ring */
    describe_end(s, info.reason, reason, sizeof(reason));
    fail(s, reason);
}

static void check_channel(struct session *s, uint64_t now)
{
    enum channel_state state;
    char reason[96];

    if (s->channel == NULL)
        return;
    state = channel_get_state(s->channel);
    if (state == CHANNEL_READY) {
        if (s->state == SESSION_STARTING) {
            s->ready_ns = now - s->created_ns;
            session_set_state(s, SESSION_READY, "%s", "");
        }
        s->ready_deadline = 0;
    } else if (state == CHANNEL_LOST) {
        snprintf(reason, sizeof(reason), "agent lost: %s", channel_reason(s->channel));
        fail(s, reason);
    } else if (s->ready_deadline == 0) {
        s->ready_deadline = now + RECONNECT_NS;
    } else if (now >= s->ready_deadline) {
        fail(s, s->state == SESSION_STARTING ? "the agent did not start in time"
                                             : "agent lost: it did not come back");
    }
}

static void check(struct session *s)
{
    uint64_t now = rt_now();

    if (s->expires_ns != 0 && now >= s->expires_ns && s->state != SESSION_DELETING) {
        audit_add("system", "", "session.expire", s->id, "ok", "its time is up");
        keeper_end(s, true);
        return;
    }
    if (s->ending || s->building)
        return;
    if (s->delete_wanted) {
        keeper_end(s, true);
        return;
    }
    if (s->domain_event) {
        s->domain_event = false;
        if (s->state == SESSION_STARTING || s->state == SESSION_READY)
            check_domain(s);
        else if (s->domid != SESSION_NO_DOMAIN)
            keeper_end(s, false); /* the thread for it could not be made the last time */
    }
    if (s->state == SESSION_STARTING || s->state == SESSION_READY)
        check_channel(s, now);
}

static uint64_t next_deadline(void)
{
    uint64_t when = rt_now() + 1000000000ULL; /* at the latest */

    for (const struct session *s = session_first(); s != NULL; s = s->next) {
        if (s->ending || s->building || s->state == SESSION_DELETING)
            continue;
        if (s->expires_ns != 0 && s->expires_ns < when)
            when = s->expires_ns;
        if (s->ready_deadline != 0 && s->ready_deadline < when && s->state != SESSION_FAILED)
            when = s->ready_deadline;
    }
    return when;
}

/* Nothing in a round waits, so the list does not change under it but by what it does itself. */
static void keeper_run(void *arg)
{
    (void)arg;
    for (;;) {
        bool look = domain_event;

        kicked = domain_event = false;
        for (struct session *s = session_first(); s != NULL; s = s->next) {
            s->domain_event |= look;
            check(s);
        }
        if (!kicked)
            (void)waitq_wait(&wake, next_deadline());
    }
}

int keeper_start(void)
{
    evtchn_port port;
    int rc = evtchn_bind_virq(VIRQ_DOM_EXC, &port);

    if (rc == 0)
        rc = evtchn_set_handler(port, on_domain_event, NULL);
    if (rc != 0)
        return rc;
    return thread_create(keeper_run, NULL, "keeper", 0);
}
