/* SPDX-License-Identifier: MIT */
/* The stream contract (mgmt/stack/stream.h) over the host's sockets. */
#define _GNU_SOURCE
#include "stack/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rt/rt.h>

#include "host.h"

struct stream {
    int fd;
    bool reset;
    uint32_t peer;
    char peer_text[STREAM_PEER_LEN];
};

struct stream_listener {
    int fd;
};

/* Waits for events with the big lock let go. */
static bool wait_for(int fd, short events, uint64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = events};
    int rc;

    host_block();
    rc = poll(&p, 1, host_timeout_ms(deadline));
    host_unblock();
    return rc > 0;
}

int stream_listen(uint16_t port, struct stream_listener **out)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct stream_listener *l = calloc(1, sizeof *l);
    int one = 1;

    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(l->fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(l->fd, 128) != 0) {
        close(l->fd);
        free(l);
        return -EADDRINUSE;
    }
    *out = l;
    return 0;
}

int stream_accept(struct stream_listener *l, struct stream **out, uint64_t deadline)
{
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    int fd, one = 1, buffer = (int)STREAM_RX_MAX;
    struct stream *s;

    if (!wait_for(l->fd, POLLIN, deadline))
        return -ETIMEDOUT;
    fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return -ETIMEDOUT;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    s = calloc(1, sizeof *s);
    s->fd = fd;
    s->peer = ntohl(from.sin_addr.s_addr);
    inet_ntop(AF_INET, &from.sin_addr, s->peer_text, sizeof s->peer_text);
    *out = s;
    return 0;
}

const char *stream_peer(const struct stream *s)
{
    return s->peer_text;
}

uint32_t stream_peer_address(const struct stream *s)
{
    return s->peer;
}

long stream_read(struct stream *s, void *buf, size_t len, uint64_t deadline)
{
    for (;;) {
        ssize_t n;

        if (s->reset)
            return -ECONNRESET;
        n = recv(s->fd, buf, len, 0);
        if (n >= 0)
            return s->reset ? -ECONNRESET : n;
        if (errno != EAGAIN)
            return -ECONNRESET;
        if (!wait_for(s->fd, POLLIN, deadline))
            return -ETIMEDOUT;
    }
}

int stream_write(struct stream *s, const void *buf, size_t len, uint64_t deadline)
{
    const char *p = buf;

    while (len > 0) {
        ssize_t n = s->reset ? -1 : send(s->fd, p, len, MSG_NOSIGNAL);

        if (n >= 0) {
            p += n;
            len -= (size_t)n;
            continue;
        }
        if (s->reset || errno != EAGAIN)
            return -ECONNRESET;
        if (!wait_for(s->fd, POLLOUT, deadline))
            return -ETIMEDOUT;
    }
    return 0;
}

bool stream_peer_gone(const struct stream *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};

    return s->reset || (poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
}

void stream_abort(struct stream *s)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    s->reset = true;
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    shutdown(s->fd, SHUT_RDWR);
}

void stream_close(struct stream *s)
{
    close(s->fd);
    free(s);
}
