/* SPDX-License-Identifier: MIT */
/*
 * Xenstore's wire format and rings (Xen public/io/xs_wire.h) without any waiting: parsers of what
 * the store sent, which may be anything, and byte queues in shared memory, whose indices may be
 * anything. Pure.
 */
#ifndef RT_XS_WIRE_H
#define RT_XS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

/* 0, or -EPROTO: not a header that a client can get. */
int xs_check_header(const struct xsd_sockmsg *header);

/* Error name of an XS_ERROR payload → -errno; -EIO for names that are not known. */
int xs_parse_error(const char *payload, size_t len);

/* NUL-terminated names one after the other → a malloc'ed array with the strings behind it. The last
 * NUL may be missing only in an empty payload. 0, -EPROTO, -ENOMEM. */
int xs_parse_list(const char *payload, size_t len, char ***names, size_t *n);

/* Payload of XS_WATCH_EVENT: path and token, pointers into it. 0 or -EPROTO. */
int xs_parse_watch(const char *payload, size_t len, const char **path, const char **token);

/* A whole decimal number of at most 20 digits. 0 or -EINVAL. */
int xs_parse_u64(const char *text, size_t len, uint64_t *value);

/* Moves up to len bytes; *moved says how many (0: empty or full). The indices are read once;
 * -EPROTO when they are impossible. *was_empty/-full: tell the other side. */
int xs_ring_read(struct xenstore_domain_interface *ring, void *data, size_t len, size_t *moved);
int xs_ring_write(struct xenstore_domain_interface *ring, const void *data, size_t len,
                  size_t *moved);

#endif
