/* SPDX-License-Identifier: MIT */
/* Calendar dates (proleptic Gregorian, UTC) and the Date header's format (RFC 9110, 5.6.7). */
#ifndef BH_DATE_H
#define BH_DATE_H

#include <stdint.h>

#define DATE_HTTP_LEN 30U /* "Sun, 06 Nov 1994 08:49:37 GMT", NUL included */

struct date {
    unsigned int year, month, day; /* month and day from 1 */
    unsigned int hour, minute, second;
    unsigned int weekday; /* 0: Sunday */
};

/* Years past 9999 are clamped to the last second of 9999. */
struct date date_from_unix(uint64_t seconds);
void date_format_http(uint64_t seconds, char out[DATE_HTTP_LEN]);

#endif
