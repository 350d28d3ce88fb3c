/* SPDX-License-Identifier: MIT */
/*
 * Xenstore client over the shared ring: threads send requests one after the other and wait; one
 * reader thread takes answers and watch events off the ring and hands them on by request id. What
 * the store sends is bounded and checked; nonsense ends the connection, not the program.
 */
#include "internal.h"
#include "xs_transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen/hvm/params.h>

#include "rt/event.h"
#include "xs_wire.h"

struct request {
    uint32_t id, type;
    struct request *next;
    bool done;
    int result;
    char *payload; /* malloc'ed, one NUL behind its end */
    size_t len;
    struct waitq answered;
};

static struct xenstore_domain_interface *ring;
static evtchn_port port;
static struct waitq ring_changed;
static struct rt_mutex sending;
static struct request *waiting;
static uint32_t last_id;
static int broken; /* -errno once the connection is of no more use */

static void fail_connection(int error)
{
    rt_log("rt: xenstore connection lost: %d\n", error);
    broken = error;
    while (waiting != NULL) {
        struct request *r = waiting;

        waiting = r->next;
        r->result = error;
        r->done = true;
        waitq_wake_all(&r->answered);
    }
    waitq_wake_all(&ring_changed);
}

static int send_bytes(const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        size_t moved;
        int r = broken != 0 ? broken : xs_ring_write(ring, p, len, &moved);

        if (r != 0)
            return r;
        if (moved == 0) {
            waitq_wait(&ring_changed, WAIT_FOREVER);
            continue;
        }
        p += moved;
        len -= moved;
        evtchn_send(port);
    }
    return 0;
}

static int receive_bytes(void *data, size_t len)
{
    char *p = data;

    while (len > 0) {
        size_t moved;
        int r = broken != 0 ? broken : xs_ring_read(ring, p, len, &moved);

        if (r != 0)
            return r;
        if (moved == 0) {
            waitq_wait(&ring_changed, WAIT_FOREVER);
            continue;
        }
        p += moved;
        len -= moved;
        evtchn_send(port);
    }
    return 0;
}

static struct request *take_request(uint32_t id)
{
    for (struct request **link = &waiting; *link != NULL; link = &(*link)->next) {
        struct request *r = *link;

        if (r->id == id) {
            *link = r->next;
            return r;
        }
    }
    return NULL;
}

/* Takes ownership of payload. */
static void deliver(const struct xsd_sockmsg *header, char *payload)
{
    const char *path, *token;
    struct request *r;

    if (header->type == XS_WATCH_EVENT) {
        if (xs_parse_watch(payload, header->len, &path, &token) == 0)
            xs_deliver_watch(path, token);
        free(payload);
        return;
    }
    r = take_request(header->req_id);
    if (r == NULL) {
        free(payload);
        return;
    }
    if (header->type == XS_ERROR)
        r->result = xs_parse_error(payload, header->len);
    else if (header->type != r->type)
        r->result = -EPROTO;
    if (r->result == 0) {
        r->payload = payload;
        r->len = header->len;
    } else {
        free(payload);
    }
    r->done = true;
    waitq_wake_all(&r->answered);
}

static int receive_message(void)
{
    struct xsd_sockmsg header;
    char *payload;
    int r = receive_bytes(&header, sizeof(header));

    if (r == 0)
        r = xs_check_header(&header);
    if (r != 0)
        return r;
    payload = malloc(header.len + 1);
    if (payload == NULL)
        return -ENOMEM;
    r = receive_bytes(payload, header.len);
    if (r != 0) {
        free(payload);
        return r;
    }
    payload[header.len] = '\0';
    deliver(&header, payload);
    return 0;
}

static void reader(void *arg)
{
    int r;

    (void)arg;
    do {
        r = receive_message();
    } while (r == 0);
    fail_connection(r);
}

static int send_request(const struct request *r, uint32_t tx, const void *in, size_t in_len)
{
    struct xsd_sockmsg header = {
        .type = r->type, .req_id = r->id, .tx_id = tx, .len = (uint32_t)in_len};
    int result;

    rt_mutex_lock(&sending);
    result = send_bytes(&header, sizeof(header));
    if (result == 0)
        result = send_bytes(in, in_len);
    rt_mutex_unlock(&sending);
    return result;
}

int xs_ring_call(void *ctx, uint32_t type, uint32_t tx, const void *in, size_t in_len, void **out,
                 size_t *out_len)
{
    struct request r = {.id = ++last_id, .type = type};
    int result;

    (void)ctx;
    if (in_len > XENSTORE_PAYLOAD_MAX)
        return -E2BIG;
    if (broken != 0)
        return broken;
    r.next = waiting;
    waiting = &r;
    result = send_request(&r, tx, in, in_len);
    if (result != 0) {
        take_request(r.id);
        free(r.payload);
        return result;
    }
    while (!r.done)
        waitq_wait(&r.answered, WAIT_FOREVER);
    *out = r.payload;
    *out_len = r.len;
    return r.result;
}

int xs_init_ring(void)
{
    uint64_t pfn, store_port;
    int r = xen_hvm_param(HVM_PARAM_STORE_PFN, &pfn);

    if (r == 0)
        r = xen_hvm_param(HVM_PARAM_STORE_EVTCHN, &store_port);
    if (r != 0)
        return r;
    if (pfn == 0 || pfn >= ADDRESS_LIMIT / RT_PAGE || store_port == 0)
        return -ENODEV;
    ring = (struct xenstore_domain_interface *)(pfn * RT_PAGE);
    port = (evtchn_port)store_port;
    r = evtchn_wake_on(port, &ring_changed);
    if (r == 0)
        r = thread_create(reader, NULL, "xenstore", 0);
    if (r == 0)
        xs_init_local(xs_ring_call, NULL);
    return r;
}
