/* SPDX-License-Identifier: MIT */
/* A validating scanner of JSON, by recursive descent bounded to JSON_DEPTH_MAX. See json_check.h.
 */
#include "api/json_check.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "http/text.h"

struct scan {
    const char *text;
    size_t len, at;
    unsigned int depth, values;
    const char *wrong;
};

static bool fail(struct scan *s, const char *why)
{
    if (s->wrong == NULL)
        s->wrong = why;
    return false;
}

static int peek(const struct scan *s)
{
    return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

static void skip_space(struct scan *s)
{
    int c;

    while ((c = peek(s)) == ' ' || c == '\t' || c == '\n' || c == '\r')
        s->at++;
}

static bool expect(struct scan *s, char c, const char *why)
{
    if (peek(s) != (unsigned char)c)
        return fail(s, why);
    s->at++;
    return true;
}

static bool literal(struct scan *s, const char *word)
{
    size_t n = strlen(word);

    if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0)
        return fail(s, "a value is expected");
    s->at += n;
    return true;
}

static bool digits(struct scan *s)
{
    size_t start = s->at;

    while (peek(s) >= '0' && peek(s) <= '9')
        s->at++;
    return s->at > start ? true : fail(s, "not a number");
}

static bool number(struct scan *s)
{
    size_t start = s->at;

    if (peek(s) == '-')
        s->at++;
    if (peek(s) == '0')
        s->at++;
    else if (!digits(s))
        return false;
    if (peek(s) == '.') {
        s->at++;
        if (!digits(s))
            return false;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-')
            s->at++;
        if (!digits(s))
            return false;
    }
    /* cJSON reads at most 63 characters of a number and would cut a longer one. */
    return s->at - start < 60 ? true : fail(s, "the number is too long");
}

/* The four digits behind \u; -1 if they are not there. */
static int32_t code_unit(struct scan *s)
{
    uint8_t b[2];

    if (s->len - s->at < 4 || hex_decode(s->text + s->at, 4, b) != 0)
        return -1;
    s->at += 4;
    return b[0] << 8 | b[1];
}

static bool unicode_escape(struct scan *s)
{
    int32_t unit = code_unit(s);

    if (unit < 0)
        return fail(s, "a \\u escape needs four hex digits");
    if (unit == 0)
        return fail(s, "strings must not hold NUL");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return fail(s, "a surrogate stands alone");
    if (unit < 0xd800 || unit > 0xdbff)
        return true;
    if (s->len - s->at < 6 || s->text[s->at] != '\\' || s->text[s->at + 1] != 'u')
        return fail(s, "a surrogate stands alone");
    s->at += 2;
    unit = code_unit(s);
    return unit >= 0xdc00 && unit <= 0xdfff ? true : fail(s, "a surrogate stands alone");
}

static bool escape(struct scan *s)
{
    int c = peek(s);

    s->at++;
    if (c == 'u')
        return unicode_escape(s);
    return c > 0 && strchr("\"\\/bfnrt", c) != NULL ? true : fail(s, "an unknown escape");
}

static bool string(struct scan *s)
{
    if (!expect(s, '"', "a string is expected"))
        return false;
    for (;;) {
        int c = peek(s);

        if (c < 0)
            return fail(s, "a string does not end");
        if (c < 0x20)
            return fail(s, "control characters in strings must be escaped");
        s->at++;
        if (c == '"')
            return true;
        if (c == '\\' && !escape(s))
            return false;
    }
}

static bool value(struct scan *s);

static bool member(struct scan *s)
{
    skip_space(s);
    if (!string(s))
        return false;
    skip_space(s);
    return expect(s, ':', "a colon is expected") && value(s);
}

/* The inside of an object or array, behind its opening bracket. */
static bool list(struct scan *s, char close, bool (*item)(struct scan *s))
{
    if (++s->depth > JSON_DEPTH_MAX)
        return fail(s, "nested too deep");
    s->at++;
    skip_space(s);
    if (peek(s) != close) {
        for (;;) {
            if (!item(s))
                return false;
            skip_space(s);
            if (peek(s) != ',')
                break;
            s->at++;
        }
    }
    s->depth--;
    return expect(s, close, "a comma or the closing bracket is expected");
}

static bool value(struct scan *s)
{
    bool ok;

    if (++s->values > JSON_VALUES_MAX)
        return fail(s, "too many values");
    skip_space(s);
    switch (peek(s)) {
    case '{':
        ok = list(s, '}', member);
        break;
    case '[':
        ok = list(s, ']', value);
        break;
    case '"':
        ok = string(s);
        break;
    case 't':
        ok = literal(s, "true");
        break;
    case 'f':
        ok = literal(s, "false");
        break;
    case 'n':
        ok = literal(s, "null");
        break;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        ok = number(s);
        break;
    default:
        ok = fail(s, "a value is expected");
        break;
    }
    return ok;
}

const char *json_check(const char *text, size_t len, size_t *at)
{
    struct scan s = {.text = text, .len = len};

    if (!utf8_valid((const uint8_t *)text, len)) {
        *at = 0;
        return "not valid UTF-8";
    }
    if (value(&s)) {
        skip_space(&s);
        if (s.at != len)
            fail(&s, "there is more behind the value");
    }
    *at = s.at;
    return s.wrong;
}
