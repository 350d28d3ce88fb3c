/* SPDX-License-Identifier: MIT */
/* key=value text: lines, words, bounds, numbers. */
#include "option.h"

#include <errno.h>
#include <string.h>

#include "test.h"

static char value[16];

static int find(const char *text, char separator, const char *key)
{
    strcpy(value, "unset");
    return option_find(text, strlen(text), separator, key, value, sizeof(value));
}

TEST(lines)
{
    static const char text[] = "# comment=1\n a=1 \r\nab=two words\n\nb==\nempty=\na=3\nlast=x";

    CHECK_EQ(find(text, '\n', "a"), 0);
    CHECK(strcmp(value, "3") == 0);
    CHECK_EQ(find(text, '\n', "ab"), 0);
    CHECK(strcmp(value, "two words") == 0);
    CHECK_EQ(find(text, '\n', "b"), 0);
    CHECK(strcmp(value, "=") == 0);
    CHECK_EQ(find(text, '\n', "empty"), 0);
    CHECK(strcmp(value, "") == 0);
    CHECK_EQ(find(text, '\n', "last"), 0);
    CHECK(strcmp(value, "x") == 0);
    CHECK_EQ(find(text, '\n', "comment"), -ENOENT);
    CHECK_EQ(find(text, '\n', "lastx"), -ENOENT);
    CHECK(strcmp(value, "unset") == 0);
}

TEST(words)
{
    CHECK_EQ(find("quiet  a=1 ba=2 a=4 flag", ' ', "a"), 0);
    CHECK(strcmp(value, "4") == 0);
    CHECK_EQ(find("quiet flag", ' ', "flag"), -ENOENT);
    CHECK_EQ(find("", ' ', "a"), -ENOENT);
}

TEST(bounds)
{
    char raw[8] = {'k', '=', 'v', 'v', 'v', 'v', 'v', 'v'}; /* no NUL */
    char small[3];

    CHECK_EQ(option_find(raw, sizeof(raw), ' ', "k", value, sizeof(value)), 0);
    CHECK(strcmp(value, "vvvvvv") == 0);
    CHECK_EQ(option_find(raw, sizeof(raw), ' ', "k", small, sizeof(small)), 0);
    CHECK(strcmp(small, "vv") == 0);
    CHECK_EQ(option_find(raw, sizeof(raw), ' ', "k", small, 0), 0);
    CHECK_EQ(option_find("k=1\0k=2", 7, '\n', "k", value, sizeof(value)), 0);
    CHECK(strcmp(value, "1") == 0);
}

TEST(numbers)
{
    uint64_t v = 7;

    CHECK_EQ(option_parse_u64("0", &v), 0);
    CHECK_EQ(v, 0);
    CHECK_EQ(option_parse_u64("18446744073709551615", &v), 0);
    CHECK_EQ(v, UINT64_MAX);
    CHECK_EQ(option_parse_u64("0xdeadBEEF", &v), 0);
    CHECK_EQ(v, 0xdeadbeef);
    CHECK_EQ(option_parse_u64("18446744073709551616", &v), -EINVAL);
    CHECK_EQ(option_parse_u64("0x10000000000000000", &v), -EINVAL);
    CHECK_EQ(option_parse_u64("", &v), -EINVAL);
    CHECK_EQ(option_parse_u64("0x", &v), -EINVAL);
    CHECK_EQ(option_parse_u64("12a", &v), -EINVAL);
    CHECK_EQ(option_parse_u64("-1", &v), -EINVAL);
    CHECK_EQ(v, 0xdeadbeef);
}

TEST(hex)
{
    uint8_t out[4];

    CHECK_EQ(option_parse_hex("00ffA5", out, sizeof(out)), 3);
    CHECK(out[0] == 0 && out[1] == 0xff && out[2] == 0xa5);
    CHECK_EQ(option_parse_hex("0011223344", out, sizeof(out)), 4);
    CHECK_EQ(option_parse_hex("1", out, sizeof(out)), 0);
    CHECK_EQ(option_parse_hex("", out, sizeof(out)), 0);
    CHECK_EQ(option_parse_hex("12g4", out, sizeof(out)), 1);
}
