/* SPDX-License-Identifier: MIT */
/*
 * Boot options: lines "key=value" of the handoff's text; the last of several wins, "#" starts a
 * comment line.
 */
#include <hv/control.h>
#include <hv/lib.h>

#include "boot.h"

static const char *text = "";

void options_init(const char *options)
{
    text = options;
}

static size_t line_length(const char *line)
{
    size_t n = 0;

    while (line[n] && line[n] != '\n')
        n++;
    return n;
}

const char *option_get(const char *key, char *buf, size_t size)
{
    size_t key_len = strlen(key), value_len = 0;
    const char *value = NULL;

    for (const char *line = text; *line;) {
        size_t n = line_length(line);

        if (n > key_len && !memcmp(line, key, key_len) && line[key_len] == '=') {
            value = line + key_len + 1;
            value_len = n - key_len - 1;
        }
        line += n + (line[n] == '\n');
    }
    if (!value || !size)
        return NULL;
    if (value_len && value[value_len - 1] == '\r')
        value_len--;
    if (value_len >= size)
        value_len = size - 1;
    memcpy(buf, value, value_len);
    buf[value_len] = '\0';
    return buf;
}

uint64_t option_get_number(const char *key, uint64_t fallback)
{
    char buf[24];
    uint64_t n = 0;

    if (!option_get(key, buf, sizeof(buf)) || !buf[0])
        return fallback;
    for (const char *p = buf; *p; p++) {
        if (*p < '0' || *p > '9' || n > UINT64_MAX / 10 - 1)
            return fallback;
        n = n * 10 + (uint64_t)(*p - '0');
    }
    return n;
}
