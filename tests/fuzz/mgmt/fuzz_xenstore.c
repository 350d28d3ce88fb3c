/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: a sandbox's xenstore ring. The input is a stream of steps; each writes bytes
 * into the request ring, reads replies, sets an index to anything, or lets mgmt change a node
 * meanwhile.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/wire.h"

static void ignore_event(struct xs_conn *c, const char *path, const char *token)
{
    (void)c;
    (void)path;
    (void)token;
}

static void mgmt_request(struct xs_conn *c, uint32_t type, const char *in, size_t len)
{
    char out[XS_REPLY_MAX];
    size_t out_len;

    (void)store_request(c, type, 0, in, len, out, &out_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct xenstore_domain_interface page;
    struct store store;
    struct xs_conn mgmt;
    struct xs_ring *ring = malloc(sizeof(*ring));

    memset(&page, 0, sizeof(page));
    if (ring == NULL || store_init(&store) != 0)
        abort();
    store_open(&store, &mgmt, 0, false, &xs_quota_mgmt, ignore_event, NULL);
    wire_open(ring, &store, 7, true, &xs_quota_sandbox, &page, NULL);
    mgmt_request(&mgmt, XS_MKDIR, "/local/domain/7/data", 21);
    mgmt_request(&mgmt, XS_SET_PERMS, "/local/domain/7/data\0n7", 24);
    while (size >= 2) {
        unsigned int op = data[0] & 7U, n = data[1];

        data += 2, size -= 2;
        if (n > size)
            n = (unsigned int)size;
        if (op == 0) {
            page.rsp_cons = page.rsp_prod - n;
        } else if (op == 1 && n >= 4) {
            memcpy(&page.req_prod, data, 4);
        } else if (op == 2) {
            mgmt_request(&mgmt, XS_WRITE, "/local/domain/7/data/x\0y", 24);
        } else { /* a whole request: its type is the first byte, a transaction id the second */
            struct xsd_sockmsg h = {.type = n > 0 ? data[0] % 26U : 0,
                                    .tx_id = n > 1 ? data[1] & 3U : 0,
                                    .len = op == 3 ? n * 17U
                                           : n > 2 ? n - 2
                                                   : 0};

            for (size_t i = 0; i < sizeof(h); i++)
                page.req[MASK_XENSTORE_IDX(page.req_prod++)] = ((const char *)&h)[i];
            for (unsigned int i = 2; i < n; i++)
                page.req[MASK_XENSTORE_IDX(page.req_prod++)] = (char)data[i];
            page.rsp_cons = page.rsp_prod;
        }
        data += n, size -= n;
        (void)wire_pump(ring, 4);
    }
    wire_close(ring);
    store_close(&mgmt);
    store_destroy(&store);
    free(ring);
    return 0;
}
