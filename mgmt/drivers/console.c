/* SPDX-License-Identifier: MIT */
/*
 * The console's ring: drained by the worker whenever the sandbox says that it wrote.
 */
#include "console.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/console.h>

#include <rt/event.h>
#include <rt/grant.h>

#include "shm.h"
#include "worker.h"

#define CONSOLE_GRANT_REF 0U

struct console {
    struct work work; /* first */
    struct xencons_interface *page;
    struct gnt_mapping map;
    evtchn_port port;
    uint32_t cons; /* ours */
    struct console_log *log;
};

void console_log_add(struct console_log *log, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        log->text[log->written++ % CONSOLE_KEEP] = text[i];
}

size_t console_log_tail(const struct console_log *log, char *buf, size_t len)
{
    uint64_t have = log->written < CONSOLE_KEEP ? log->written : CONSOLE_KEEP;
    uint64_t from;

    if (len > have)
        len = (size_t)have;
    from = log->written - len;
    for (size_t i = 0; i < len; i++)
        buf[i] = log->text[(from + i) % CONSOLE_KEEP];
    return len;
}

/* At most one ring's worth; returns whether there was anything. */
static bool drain(struct console *c)
{
    char text[sizeof(c->page->out)];
    uint32_t n = shm_read32(&c->page->out_prod) - c->cons;
    uint32_t at = c->cons % (uint32_t)sizeof(text), first;

    if (n == 0)
        return false;
    if (n > sizeof(text)) { /* nonsense: take it as empty from here on */
        c->cons += n;
        shm_write32(&c->page->out_cons, c->cons);
        return false;
    }
    first = n < sizeof(text) - at ? n : (uint32_t)sizeof(text) - at;
    shm_copy(text, c->page->out + at, first);
    shm_copy(text + first, c->page->out, n - first);
    c->cons += n;
    shm_write32(&c->page->out_cons, c->cons);
    console_log_add(c->log, text, n);
    return true;
}

static bool serve(struct work *w)
{
    struct console *c = (struct console *)w;

    if (!drain(c))
        return false;
    (void)evtchn_send(c->port); /* there is room again */
    return true;
}

void guest_console_flush(struct console *c)
{
    if (c != NULL)
        (void)drain(c);
}

int guest_console_create(uint16_t domid, uint32_t remote_port, struct console_log *log,
                         struct console **out)
{
    static const grant_ref ref = CONSOLE_GRANT_REF;
    struct console *c = calloc(1, sizeof(*c));
    int rc;

    if (c == NULL)
        return -ENOMEM;
    c->work.fn = serve;
    c->log = log;
    rc = gnt_map(domid, &ref, 1, false, &c->map);
    if (rc != 0)
        goto fail;
    c->page = c->map.addr;
    rc = evtchn_bind_interdomain(domid, remote_port, &c->port);
    if (rc != 0)
        goto fail_unmap;
    rc = evtchn_set_handler(c->port, worker_event, &c->work);
    if (rc != 0)
        goto fail_close;
    worker_kick(&c->work);
    *out = c;
    return 0;
fail_close:
    (void)evtchn_close(c->port);
fail_unmap:
    gnt_unmap(&c->map);
fail:
    free(c);
    return rc;
}

void guest_console_destroy(struct console *c)
{
    if (c == NULL)
        return;
    (void)evtchn_close(c->port);
    worker_cancel(&c->work);
    (void)drain(c);
    gnt_unmap(&c->map);
    free(c);
}
