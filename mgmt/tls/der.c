/* SPDX-License-Identifier: MIT */
/* The DER writer. See der.h. */
#include "tls/der.h"

#include <stdio.h>
#include <string.h>

#include "http/date.h"

void der_init(struct der *d, uint8_t *buf, size_t size)
{
    d->buf = buf;
    d->at = size;
    d->size = size;
    d->overflow = false;
}

size_t der_mark(const struct der *d)
{
    return d->at;
}

void der_put(struct der *d, const void *data, size_t len)
{
    if (d->overflow || len > d->at) {
        d->overflow = true;
        return;
    }
    d->at -= len;
    memcpy(d->buf + d->at, data, len);
}

static void put_byte(struct der *d, unsigned int byte)
{
    uint8_t b = (uint8_t)byte;

    der_put(d, &b, 1);
}

void der_wrap(struct der *d, unsigned int tag, size_t mark)
{
    size_t len = mark - d->at;

    if (len < 0x80) {
        put_byte(d, (unsigned int)len);
    } else {
        unsigned int bytes = 0;

        for (size_t rest = len; rest != 0; rest >>= 8) {
            put_byte(d, rest & 0xff);
            bytes++;
        }
        put_byte(d, 0x80U | bytes);
    }
    put_byte(d, tag);
}

void der_element(struct der *d, unsigned int tag, const void *data, size_t len)
{
    size_t mark = der_mark(d);

    der_put(d, data, len);
    der_wrap(d, tag, mark);
}

void der_integer(struct der *d, const uint8_t *data, size_t len)
{
    size_t mark = der_mark(d);

    while (len > 1 && data[0] == 0) {
        data++;
        len--;
    }
    der_put(d, data, len);
    if (data[0] & 0x80)
        put_byte(d, 0);
    der_wrap(d, DER_INTEGER, mark);
}

void der_time(struct der *d, uint64_t unix_seconds)
{
    struct date t = date_from_unix(unix_seconds);
    char text[40];
    int len;

    if (t.year < 2050) {
        len = snprintf(text, sizeof text, "%02u%02u%02u%02u%02u%02uZ", t.year % 100, t.month, t.day,
                       t.hour, t.minute, t.second);
        der_element(d, DER_UTC_TIME, text, (size_t)len);
    } else {
        len = snprintf(text, sizeof text, "%04u%02u%02u%02u%02u%02uZ", t.year, t.month, t.day,
                       t.hour, t.minute, t.second);
        der_element(d, DER_GENERALIZED_TIME, text, (size_t)len);
    }
}

bool der_ok(const struct der *d)
{
    return !d->overflow;
}
