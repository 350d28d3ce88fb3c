/* SPDX-License-Identifier: MIT */
/*
 * Event channels for PV programs (Xen public/event_channel.h, 2-level ABI). Handlers run on the
 * scheduler's stack between threads, never inside one: they must not wait; typically they wake a
 * waitq. The pending bit is cleared BEFORE the handler runs, so that no event is lost.
 */
#ifndef RT_EVENT_H
#define RT_EVENT_H

#include <stdint.h>

typedef uint32_t evtchn_port;
typedef void evtchn_fn(evtchn_port port, void *arg);

/* All return 0 or -errno (Xen's code, negated Linux numbering); *port untouched on failure. */
/* dom: DOMID_SELF, or (mgmt) a sandbox not yet sealed: the port is then in that domain and no
 * handler applies. */
int evtchn_alloc_unbound(uint16_t dom, uint16_t remote, evtchn_port *port);
int evtchn_bind_interdomain(uint16_t remote, evtchn_port remote_port, evtchn_port *port);
int evtchn_bind_virq(uint32_t virq, evtchn_port *port);             /* on vcpu 0 */
int evtchn_set_handler(evtchn_port port, evtchn_fn *fn, void *arg); /* also unmasks; NULL masks */
int evtchn_send(evtchn_port port);
int evtchn_close(evtchn_port port); /* removes the handler first */

/* Convenience: a handler that wakes a waitq. */
struct waitq;
int evtchn_wake_on(evtchn_port port, struct waitq *wq);

/* Work run once per scheduler round while idle, for polled devices: fn returns non-zero if it did
 * something (then the scheduler does not block). At most 4. Before blocking with pollers present
 * the runtime limits the sleep to rt_poll_interval_ns (default 1 ms). */
typedef int rt_poll_fn(void *arg);
int rt_poll_add(rt_poll_fn *fn, void *arg);
void rt_poll_set_interval(uint64_t ns);

#endif
