/* SPDX-License-Identifier: MIT */
/* Base64, hex and UTF-8. See text.h. */
#include "http/text.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t encode(const uint8_t *in, size_t len, char *out, const char *set, bool pad)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t v = (uint32_t)in[i] << 16;

        if (left > 1)
            v |= (uint32_t)in[i + 1] << 8;
        if (left > 2)
            v |= in[i + 2];
        out[n++] = set[v >> 18];
        out[n++] = set[v >> 12 & 63];
        if (left > 1)
            out[n++] = set[v >> 6 & 63];
        else if (pad)
            out[n++] = '=';
        if (left > 2)
            out[n++] = set[v & 63];
        else if (pad)
            out[n++] = '=';
    }
    out[n] = '\0';
    return n;
}

size_t base64_encode(const uint8_t *in, size_t len, char *out)
{
    return encode(in, len, out, alphabet, true);
}

size_t base64url_encode(const uint8_t *in, size_t len, char *out)
{
    return encode(in, len, out, url_alphabet, false);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

long base64_decode(const char *in, size_t len, uint8_t *out)
{
    size_t n = 0, pad = 0;

    if (len % 4 != 0)
        return -1;
    for (size_t i = 0; i < len; i += 4) {
        uint32_t v = 0;

        for (size_t k = 0; k < 4; k++) {
            int d = base64_value(in[i + k]);

            if (d < 0) {
                if (in[i + k] != '=' || i + 4 != len || k < 2)
                    return -1;
                pad++;
                d = 0;
            } else if (pad > 0) {
                return -1;
            }
            v = v << 6 | (uint32_t)d;
        }
        if ((pad == 1 && (v & 0xff) != 0) || (pad == 2 && (v & 0xffff) != 0))
            return -1;
        out[n++] = (uint8_t)(v >> 16);
        if (pad < 2)
            out[n++] = (uint8_t)(v >> 8);
        if (pad < 1)
            out[n++] = (uint8_t)v;
    }
    return (long)n;
}

void hex_encode(const uint8_t *in, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * len] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int hex_decode(const char *in, size_t len, uint8_t *out)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        int high = hex_value(in[i]), low = hex_value(in[i + 1]);

        if (high < 0 || low < 0)
            return -1;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return len % 2 == 0 ? 0 : -1;
}

/* Length of the sequence that a lead byte begins, 0 for none; *low and *high bound its second byte.
 */
static size_t sequence_length(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    if (lead < 0xe0)
        return 2;
    if (lead == 0xe0)
        *low = 0xa0;
    if (lead == 0xed)
        *high = 0x9f;
    if (lead == 0xf0)
        *low = 0x90;
    if (lead == 0xf4)
        *high = 0x8f;
    return lead < 0xf0 ? 3 : 4;
}

/* True if the bytes are a sequence or the beginning of one. */
static bool sequence_prefix(const uint8_t *s, size_t len, size_t *whole)
{
    uint8_t low, high;

    *whole = sequence_length(s[0], &low, &high);
    if (*whole == 0)
        return false;
    if (len > 1 && *whole > 1 && (s[1] < low || s[1] > high))
        return false;
    for (size_t i = 2; i < len && i < *whole; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return false;
    }
    return true;
}

bool utf8_valid(const uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t whole;

        if (!sequence_prefix(s + i, len - i, &whole) || whole > len - i)
            return false;
        i += whole;
    }
    return true;
}

size_t utf8_incomplete_tail(const uint8_t *s, size_t len)
{
    for (size_t n = 1; n <= 3 && n <= len; n++) {
        uint8_t b = s[len - n];
        size_t whole;

        if ((b & 0xc0) == 0x80)
            continue;
        return b >= 0x80 && sequence_prefix(s + len - n, n, &whole) && whole > n ? n : 0;
    }
    return 0;
}
