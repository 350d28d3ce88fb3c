/* SPDX-License-Identifier: MIT */
/* Option text parsing: see option.h. */
#include "option.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void copy_bounded(char *value, size_t size, const char *from, size_t len)
{
    if (size == 0)
        return;
    if (len > size - 1)
        len = size - 1;
    memcpy(value, from, len);
    value[len] = '\0';
}

int option_find(const char *text, size_t len, char separator, const char *key, char *value,
                size_t size)
{
    const char *end = text + strnlen(text, len);
    size_t key_len = strlen(key);
    int result = -ENOENT;

    while (text < end) {
        const char *item = text, *item_end;

        for (item_end = item; item_end < end && *item_end != separator && *item_end != '\n';)
            item_end++;
        text = item_end < end ? item_end + 1 : end;
        while (item < item_end && is_blank(*item))
            item++;
        while (item_end > item && is_blank(item_end[-1]))
            item_end--;
        if ((size_t)(item_end - item) <= key_len || memcmp(item, key, key_len) != 0 ||
            item[key_len] != '=')
            continue;
        item += key_len + 1;
        copy_bounded(value, size, item, (size_t)(item_end - item));
        result = 0;
    }
    return result;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

int option_parse_u64(const char *text, uint64_t *value)
{
    uint64_t v = 0;
    int base = 10;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    if (*text == '\0')
        return -EINVAL;
    for (; *text != '\0'; text++) {
        int digit = digit_value(*text);

        if (digit >= base || __builtin_mul_overflow(v, (uint64_t)base, &v) ||
            __builtin_add_overflow(v, (uint64_t)digit, &v))
            return -EINVAL;
    }
    *value = v;
    return 0;
}

size_t option_parse_hex(const char *text, uint8_t *out, size_t size)
{
    size_t n = 0;

    while (n < size && digit_value(text[0]) < 16 && digit_value(text[1]) < 16) {
        out[n++] = (uint8_t)(digit_value(text[0]) << 4 | digit_value(text[1]));
        text += 2;
    }
    return n;
}
