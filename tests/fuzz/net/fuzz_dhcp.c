/* SPDX-License-Identifier: MIT */
/*
 * Messages to the DHCP server: each input is one UDP payload; the fixed part that the first checks
 * want is filled in. The reply must stay in its buffer and speak of the port's address alone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dhcpd.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static const struct dhcpd_lease lease = {.mac = {2, 0x42, 0x48, 0, 1, 0},
                                             .ip = 0x0a4d0100,
                                             .mask = 0xffff0000,
                                             .gateway = 0x0a4d0001,
                                             .dns = 1,
                                             .seconds = 60};
    struct dhcpd_reply reply;
    uint8_t *message = malloc(size + 1); /* exact: a byte beyond is found */

    memcpy(message, input, size);
    if (size > 240) {
        message[0] = message[1] = 1;
        message[2] = 6;
        memset(message + 24, 0, 4);
        memcpy(message + 28, lease.mac, 6);
        wire_put32(message + 236, 0x63825363);
    }
    message = realloc(message, size == 0 ? 1 : size);
    if (dhcpd_answer(&lease, message, size, &reply) == 0) {
        uint32_t yours = wire_get32(reply.bytes + 16);

        if (reply.len > DHCP_REPLY_MAX || (yours != 0 && yours != lease.ip) ||
            (reply.dst_ip != lease.ip && reply.dst_ip != 0xffffffff))
            abort();
    }
    free(message);
    return 0;
}
