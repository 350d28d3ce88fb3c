/* SPDX-License-Identifier: MIT */
/* The chunked decoder's state machine. See chunk.h. */
#include "http/chunk.h"

enum state {
    SIZE = 0,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START,
    TRAILER,
    TRAILER_LF,
    END_LF,
    ENDED,
    BAD,
};

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum state size_byte(struct http_chunk *c, uint8_t b)
{
    int v = hex_value(b);

    if (v >= 0) {
        if (++c->digits > 15)
            return BAD;
        c->left = c->left << 4 | (uint64_t)v;
        return SIZE;
    }
    if (c->digits == 0)
        return BAD;
    if (b == '\r')
        return SIZE_LF;
    return b == ';' || b == ' ' || b == '\t' ? EXTENSION : BAD;
}

static enum state size_end(struct http_chunk *c, uint8_t b)
{
    c->digits = 0;
    if (b != '\n')
        return BAD;
    return c->left > 0 ? DATA : TRAILER_START;
}

/* A byte of an extension or trailer line, which ends at CR. */
static enum state extra_byte(struct http_chunk *c, uint8_t b, enum state same, enum state at_end)
{
    if (b == '\r')
        return at_end;
    if (++c->extra > CHUNK_EXTRA_MAX || b == '\n' || b == '\0')
        return BAD;
    return same;
}

static enum state step(struct http_chunk *c, uint8_t b)
{
    switch ((enum state)c->state) {
    case SIZE:
        return size_byte(c, b);
    case EXTENSION:
        return extra_byte(c, b, EXTENSION, SIZE_LF);
    case SIZE_LF:
        return size_end(c, b);
    case DATA_CR:
        return b == '\r' ? DATA_LF : BAD;
    case DATA_LF:
        return b == '\n' ? SIZE : BAD;
    case TRAILER_START:
        return extra_byte(c, b, TRAILER, END_LF);
    case TRAILER:
        return extra_byte(c, b, TRAILER, TRAILER_LF);
    case TRAILER_LF:
        return b == '\n' ? TRAILER_START : BAD;
    case END_LF:
        return b == '\n' ? ENDED : BAD;
    case DATA:
    case ENDED:
    case BAD:
        break;
    }
    return BAD;
}

int http_chunk_next(struct http_chunk *c, const uint8_t *in, size_t len, size_t *used,
                    const uint8_t **data, size_t *data_len)
{
    size_t i = 0;

    *data = in;
    *data_len = 0;
    while (i < len && c->state != ENDED && c->state != BAD) {
        if (c->state == DATA) {
            size_t n = c->left < len - i ? (size_t)c->left : len - i;

            *data = in + i;
            *data_len = n;
            c->left -= n;
            i += n;
            if (c->left == 0)
                c->state = DATA_CR;
            break;
        }
        c->state = step(c, in[i++]);
    }
    *used = i;
    if (c->state == BAD)
        return -1;
    return c->state == ENDED ? 1 : 0;
}
