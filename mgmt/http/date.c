/* SPDX-License-Identifier: MIT */
/* Dates from seconds since 1970. See date.h. */
#include "http/date.h"

#include <stdio.h>

#define DAY 86400U
#define LAST_SECOND 253402300799ULL /* 9999-12-31T23:59:59Z */

struct date date_from_unix(uint64_t seconds)
{
    if (seconds > LAST_SECOND)
        seconds = LAST_SECOND;

    uint32_t days = (uint32_t)(seconds / DAY);
    uint32_t rest = (uint32_t)(seconds % DAY);
    /* Counted from 0000-03-01, so that the leap day ends a year; eras of 400 years. */
    uint32_t z = days + 719468U;
    uint32_t era = z / 146097U, doe = z % 146097U;
    uint32_t yoe = (doe - doe / 1460U + doe / 36524U - doe / 146096U) / 365U;
    uint32_t doy = doe - (365U * yoe + yoe / 4U - yoe / 100U);
    uint32_t mp = (5U * doy + 2U) / 153U;
    struct date d = {
        .day = doy - (153U * mp + 2U) / 5U + 1U,
        .month = mp < 10 ? mp + 3 : mp - 9,
        .hour = rest / 3600,
        .minute = rest / 60 % 60,
        .second = rest % 60,
        .weekday = (days + 4) % 7,
    };

    d.year = yoe + era * 400U + (d.month <= 2 ? 1U : 0U);
    return d;
}

void date_format_http(uint64_t seconds, char out[DATE_HTTP_LEN])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct date d = date_from_unix(seconds);
    char text[64];

    snprintf(text, sizeof text, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + 3 * d.weekday,
             d.day, months + 3 * (d.month - 1), d.year, d.hour, d.minute, d.second);
    for (unsigned int i = 0; i < DATE_HTTP_LEN; i++)
        out[i] = i + 1 < DATE_HTTP_LEN ? text[i] : '\0';
}
