/* SPDX-License-Identifier: MIT */
/* Validation of JSON bodies, the API key and its failure counters, the audit ring. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rt/rt.h>

#include "api/json_check.h"
#include "api/json_in.h"
#include "audit/audit.h"
#include "auth/auth.h"
#include "test.h"

/* ---- the runtime, as far as audit needs it ---- */

static char last_line[1024];

uint64_t rt_wallclock(void)
{
    return 1234567890123456789ULL;
}

void rt_log(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(last_line, sizeof last_line, fmt, ap);
    va_end(ap);
}

/* ---- JSON ---- */

static const char *check(const char *text)
{
    size_t len = strlen(text), at = 0;
    char *copy = malloc(len + 1);
    const char *wrong;

    memcpy(copy, text, len);
    wrong = json_check(copy, len, &at);
    CHECK(at <= len);
    free(copy);
    return wrong;
}

TEST(json_that_is_right_passes)
{
    static const char *const good[] = {"{}",
                                       " [ ] ",
                                       "null",
                                       "true",
                                       "-0",
                                       "0.5e-7",
                                       "1E+2",
                                       "\"\\u00e9\\ud83d\\ude00\\n\\/\"",
                                       "{\"a\":[1,{\"b\":\"\xc3\xa9\"}],\"c\":false}",
                                       "[[[[[[[[1]]]]]]]]"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        CHECK(check(good[i]) == NULL);
}

TEST(json_that_is_wrong_is_refused)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "--1",
        "- 1",
        "NaN",
        "tru",
        "nulll",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u0000\"",
        "\"\n\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\xff\"",
        "1 2",
        "[1}",
        "[[[[[[[[[1]]]]]]]]]",
        "\xef\xbb\xbf{}",
        "{\"a\":}",
        "[,1]",
        "// c\n1",
        "1234567890123456789012345678901234567890123456789012345678901"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(check(bad[i]) != NULL);
}

TEST(json_values_are_counted)
{
    size_t n = JSON_VALUES_MAX * 2, at;
    char *text = malloc(n + 2);

    text[0] = '[';
    for (size_t i = 1; i < n; i += 2)
        memcpy(text + i, "0,", 2);
    text[n - 1] = ']';
    CHECK(json_check(text, n, &at) != NULL);
    free(text);
}

struct target {
    bool flag;
    uint64_t count;
    const char *string;
    const cJSON *strings, *map, *word;
};

static int read_into(const char *text, struct target *t, struct json_fault *fault)
{
    const struct json_field fields[] = {
        {"flag", JSON_FLAG, 0, 0, &t->flag},       {"count", JSON_COUNT, 5, 10, &t->count},
        {"string", JSON_STRING, 1, 4, &t->string}, {"strings", JSON_STRINGS, 1, 2, &t->strings},
        {"map", JSON_MAP, 0, 2, &t->map},          {"word", JSON_WORD, 0, 0, &t->word}};
    cJSON *object = json_parse_object(text, strlen(text), fault);
    int rc;

    if (object == NULL)
        return -1;
    rc = json_read_fields(object, fields, sizeof fields / sizeof fields[0], fault);
    t->string = t->string != NULL ? "set" : NULL; /* points into what is freed now */
    cJSON_Delete(object);
    return rc;
}

TEST(fields_are_read)
{
    struct target t = {.count = 1};
    struct json_fault fault;

    CHECK_EQ(read_into("{\"flag\":true,\"count\":10,\"string\":\"abcd\",\"strings\":[\"\"],"
                       "\"map\":{\"a\":\"b\",\"c\":\"\"},\"word\":5}",
                       &t, &fault),
             0);
    CHECK(t.flag && t.count == 10 && t.string && t.strings && t.map && t.word);
    t = (struct target){.count = 7};
    CHECK_EQ(read_into("{}", &t, &fault), 0);
    CHECK(t.count == 7 && t.string == NULL);
}

TEST(fields_that_are_wrong_are_named)
{
    static const char *const bad[][2] = {
        {"{\"flag\":1}", "flag"},
        {"{\"flag\":null}", "flag"},
        {"{\"count\":4}", "count"},
        {"{\"count\":11}", "count"},
        {"{\"count\":5.5}", "count"},
        {"{\"count\":-7}", "count"},
        {"{\"count\":1e400}", "count"},
        {"{\"count\":\"7\"}", "count"},
        {"{\"count\":7,\"count\":7}", "count"},
        {"{\"string\":\"\"}", "string"},
        {"{\"string\":\"abcde\"}", "string"},
        {"{\"string\":[]}", "string"},
        {"{\"strings\":[]}", "strings"},
        {"{\"strings\":[\"a\",\"b\",\"c\"]}", "strings"},
        {"{\"strings\":[1]}", "strings"},
        {"{\"map\":{\"a\":1}}", "map"},
        {"{\"map\":{\"\":\"x\"}}", "map"},
        {"{\"map\":{\"a=b\":\"x\"}}", "map"},
        {"{\"map\":{\"a\":\"1\",\"a\":\"2\"}}", "map"},
        {"{\"map\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}}", "map"},
        {"{\"word\":true}", "word"},
        {"{\"other\":1}", "other"},
        {"{\"Flag\":true}", "Flag"},
        {"{\"\xc3\xa9\\n\":1}", "???"},
        {"[]", ""},
        {"{", ""},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct target t = {.flag = false};
        struct json_fault fault = {.field = "none"};

        CHECK_EQ(read_into(bad[i][0], &t, &fault), -1);
        CHECK(strcmp(fault.field, bad[i][1]) == 0);
        CHECK(fault.detail[0] != '\0');
    }
}

/* ---- the key ---- */

static enum auth_result try(const char *header)
{
    return auth_check((struct http_slice){header, header != NULL ? strlen(header) : 0});
}

TEST(keys_are_made_and_compared)
{
    uint8_t random[AUTH_KEY_RANDOM];
    char key[AUTH_KEY_LEN], header[64];

    memset(random, 0xfb, sizeof random);
    CHECK_EQ(try("Bearer "), AUTH_WRONG); /* no key is set: nothing is right */
    auth_make_key(random, key);
    CHECK_EQ(strlen(key), 47);
    CHECK(strncmp(key, "bhk_-_v7", 8) == 0);
    auth_set_key(key);
    snprintf(header, sizeof header, "Bearer %s", key);
    CHECK_EQ(try(header), AUTH_OK);
    header[0] = 'b';
    CHECK_EQ(try(header), AUTH_OK);
    header[20] ^= 1;
    CHECK_EQ(try(header), AUTH_WRONG);
    CHECK_EQ(try(NULL), AUTH_MISSING);
    CHECK_EQ(try("Bearer"), AUTH_WRONG);
    CHECK_EQ(try("Basic eDp5"), AUTH_WRONG);
    CHECK_EQ(try(key), AUTH_WRONG);
}

TEST(preset_keys_are_judged)
{
    char key[AUTH_KEY_MAX + 2];

    CHECK(auth_key_acceptable("bhk_0123456789ab"));
    CHECK(!auth_key_acceptable("bhk_0123456789a"));
    CHECK(!auth_key_acceptable("bhk_0123456789 ab"));
    CHECK(!auth_key_acceptable(""));
    memset(key, 'a', sizeof key);
    key[AUTH_KEY_MAX] = '\0';
    CHECK(auth_key_acceptable(key));
    key[AUTH_KEY_MAX] = 'a';
    key[AUTH_KEY_MAX + 1] = '\0';
    CHECK(!auth_key_acceptable(key));
}

TEST(failures_are_counted_for_each_peer)
{
    const uint64_t second = 1000000000ULL;
    uint64_t now = 1000 * second;

    for (unsigned int i = 0; i < AUTH_BURST; i++)
        CHECK_EQ(auth_count_failure(1, now), 0);
    CHECK_EQ(auth_count_failure(1, now), AUTH_REFILL_S);
    CHECK_EQ(auth_count_failure(2, now), 0);
    now += (AUTH_REFILL_S - 1) * second;
    CHECK_EQ(auth_count_failure(1, now), 1);
    now += second;
    CHECK_EQ(auth_count_failure(1, now), 0);
    CHECK_EQ(auth_count_failure(1, now), AUTH_REFILL_S);
    now += 1000 * second;
    for (unsigned int i = 0; i < AUTH_BURST; i++)
        CHECK_EQ(auth_count_failure(1, now), 0);
    CHECK(auth_count_failure(1, now) > 0);
    /* Many others push the oldest out, which costs memory nothing. */
    for (uint32_t peer = 100; peer < 100 + 10 * AUTH_PEERS; peer++)
        CHECK_EQ(auth_count_failure(peer, now), 0);
}

/* ---- audit ---- */

TEST(audit_entries_are_kept_escaped_and_cut)
{
    struct audit_entry e[2];
    char longer[2 * AUDIT_TEXT];

    CHECK_EQ(audit_read(0, e, 2), 0);
    audit_add("admin", "10.0.0.1", "exec.start", "s-1", "ok", "%s", "a\n\\\xc3\xa9\x7f");
    CHECK_EQ(audit_read(0, e, 2), 1);
    CHECK_EQ(e[0].seq, 1);
    CHECK_EQ(e[0].time_ms, 1234567890123ULL);
    CHECK(strcmp(e[0].detail, "a\\x0a\\\\\\xc3\\xa9\\x7f") == 0);
    CHECK(strcmp(last_line,
                 "audit: admin 10.0.0.1 exec.start s-1 ok a\\x0a\\\\\\xc3\\xa9\\x7f\n") == 0);
    memset(longer, '\n', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    audit_add("a-name-that-is-longer-than-its-field", "", "x", "", "ok", "%s", longer);
    CHECK_EQ(audit_read(1, e, 2), 1);
    CHECK_EQ(strlen(e[0].actor), sizeof e[0].actor - 1);
    CHECK_EQ(strlen(e[0].detail) % 4, 0); /* no escape is cut in two */
    CHECK(strcmp(e[0].peer, "") == 0);
}

TEST(audit_forgets_the_oldest)
{
    static struct audit_entry e[AUDIT_MAX + 10];
    size_t n;

    for (unsigned int i = 0; i < AUDIT_MAX + 5; i++)
        audit_add("system", "", "test", "", "ok", "%u", i);
    n = audit_read(0, e, AUDIT_MAX + 10);
    CHECK_EQ(n, AUDIT_MAX);
    for (size_t i = 1; i < n; i++)
        CHECK_EQ(e[i].seq, e[i - 1].seq + 1);
    CHECK_EQ(audit_read(e[n - 1].seq, e, 10), 0);
    CHECK_EQ(audit_read(UINT64_MAX, e, 10), 0);
    CHECK_EQ(audit_read(e[n - 1].seq - 3, e, 2), 2);
}
