/* SPDX-License-Identifier: MIT */
/* Text encodings, URLs, request heads, chunks, routes, JSON out and server-sent events. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/chunk.h"
#include "http/json_out.h"
#include "http/request.h"
#include "http/router.h"
#include "http/sse.h"
#include "http/text.h"
#include "http/url.h"
#include "test.h"

static struct http_slice slice(const char *s)
{
    return (struct http_slice){s, strlen(s)};
}

/* ---- text ---- */

TEST(base64_matches_rfc_4648)
{
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[32];
        uint8_t back[32];
        size_t len = strlen(cases[i][0]);

        CHECK_EQ(base64_encode((const uint8_t *)cases[i][0], len, text), strlen(cases[i][1]));
        CHECK(strcmp(text, cases[i][1]) == 0);
        CHECK_EQ(base64_decode(text, strlen(text), back), (long)len);
        CHECK(memcmp(back, cases[i][0], len) == 0);
    }
}

TEST(base64_refuses_what_is_not_canonical)
{
    static const char *const bad[] = {"Z",    "Zg",       "Zg=",  "Zh==",   "Zm9=", "Z===",
                                      "====", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm9-", "=Zm9"};
    uint8_t out[32];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(base64_decode(bad[i], strlen(bad[i]), out) == -1);
}

TEST(utf8_is_judged_as_rfc_3629_has_it)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x41",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xf0\x9f\x98",
                                      "\xff"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        CHECK(utf8_valid((const uint8_t *)good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!utf8_valid((const uint8_t *)bad[i], strlen(bad[i])));
}

TEST(utf8_tails_are_found)
{
    static const struct {
        const char *text;
        size_t tail;
    } cases[] = {{"", 0},
                 {"a", 0},
                 {"a\xc3", 1},
                 {"\xc3\xa9", 0},
                 {"\xe2", 1},
                 {"\xe2\x98", 2},
                 {"\xe2\x98\x83", 0},
                 {"\xf0\x9f\x98", 3},
                 {"\xf0\x9f", 2},
                 {"\xff", 0},
                 {"\x80", 0},
                 {"\xe0\x80", 0},
                 {"\x80\x80\x80\x80", 0},
                 {"\xc3\xc3", 1}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_EQ(utf8_incomplete_tail((const uint8_t *)cases[i].text, strlen(cases[i].text)),
                 cases[i].tail);
}

TEST(hex_goes_both_ways)
{
    uint8_t out[4];
    char text[9];

    CHECK_EQ(hex_decode("00fFa5", 6, out), 0);
    CHECK(out[0] == 0 && out[1] == 0xff && out[2] == 0xa5);
    hex_encode(out, 3, text);
    CHECK(strcmp(text, "00ffa5") == 0);
    CHECK(hex_decode("0g", 2, out) != 0);
    CHECK(hex_decode("000", 3, out) != 0);
}

/* ---- URLs ---- */

TEST(url_decoding_is_strict)
{
    static const char *const bad[] = {"%", "%4", "%zz", "%00", "a%", "+", "%2"};
    char out[8];

    CHECK_EQ(url_decode(slice("/a%20b%2B"), out, sizeof out), 5);
    CHECK(memcmp(out, "/a b+", 6) == 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(url_decode(slice(bad[i]), out, sizeof out) == -EINVAL);
    CHECK_EQ(url_decode(slice("1234567"), out, sizeof out), 7);
    CHECK(url_decode(slice("12345678"), out, sizeof out) == -ENAMETOOLONG);
    CHECK(url_decode((struct http_slice){"\0", 1}, out, sizeof out) == -EINVAL);
}

TEST(url_queries_are_split)
{
    char a[8], b[8];
    struct url_param p[] = {{"a", a, sizeof a, false}, {"b", b, sizeof b, false}};
    const char *bad = NULL;

    CHECK_EQ(url_query(slice("b=2&a=%31"), p, 2, &bad), 0);
    CHECK(p[0].found && p[1].found && strcmp(a, "1") == 0 && strcmp(b, "2") == 0);
    CHECK_EQ(url_query(slice("a="), p, 2, &bad), 0);
    CHECK(p[0].found && !p[1].found && a[0] == '\0');
    CHECK_EQ(url_query((struct http_slice){NULL, 0}, p, 2, &bad), 0);
    CHECK(url_query(slice("c=1"), p, 2, &bad) == -EINVAL && strcmp(bad, "query") == 0);
    CHECK(url_query(slice("a=1&a=2"), p, 2, &bad) == -EINVAL && strcmp(bad, "a") == 0);
    CHECK(url_query(slice("a"), p, 2, &bad) == -EINVAL);
    CHECK(url_query(slice("a=1&"), p, 2, &bad) == 0);
    CHECK(url_query(slice("&"), p, 2, &bad) == -EINVAL);
    CHECK(url_query(slice("a=123456789"), p, 2, &bad) == -ENAMETOOLONG);
}

TEST(url_numbers_are_plain)
{
    unsigned long long v = 7;

    CHECK(url_number("0", 10, &v) && v == 0);
    CHECK(url_number("10", 10, &v) && v == 10);
    CHECK(!url_number("11", 10, &v) && !url_number("", 10, &v) && !url_number("01", 10, &v));
    CHECK(!url_number("-1", 10, &v) && !url_number("1 ", 10, &v));
    CHECK(!url_number("99999999999999999999", ~0ULL, &v));
}

/* ---- request heads ---- */

static struct http_request request;
static unsigned int status;

static long parse(const char *text)
{
    const char *why = NULL;
    /* A copy of the exact size, so that the sanitizer sees any read past the end. */
    size_t len = strlen(text);
    char *copy = malloc(len + 1);
    long rc;

    memcpy(copy, text, len);
    status = 0;
    rc = http_request_parse(copy, len, 0, &request, &status, &why);
    CHECK((rc == -1) == (status != 0));
    free(copy);
    return rc;
}

TEST(request_heads_are_parsed)
{
    CHECK(parse("GET /a/b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\nrest") > 0);
    CHECK(request.method == HTTP_GET && request.keep_alive && !request.chunked);
    CHECK_EQ(request.path.len, 4);
    CHECK_EQ(request.query.len, 3);
    CHECK_EQ(request.content_length, 12);
    CHECK(
        parse("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n"
              "Connection: foo, Close\r\n\r\n") > 0);
    CHECK(request.chunked && request.expect_continue && !request.keep_alive);
    CHECK(parse("HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") > 0);
    CHECK(request.method == HTTP_HEAD && request.keep_alive);
    CHECK(parse("GET / HTTP/1.0\r\n\r\n") > 0);
    CHECK(!request.keep_alive);
}

TEST(request_heads_that_are_not_whole_wait)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    char part[64];

    for (size_t n = 0; n + 1 < sizeof text - 1; n++) {
        memcpy(part, text, n);
        part[n] = '\0';
        CHECK_EQ(parse(part), 0);
    }
}

TEST(request_heads_that_two_parsers_could_cut_differently_are_refused)
{
    static const struct {
        const char *text;
        unsigned int want;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
         "chunked\r\n\r\n",
         400},
        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"AVERYLONGMETHODNAME / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQ(parse(cases[i].text), -1);
        CHECK_EQ(status, cases[i].want);
    }
}

TEST(request_heads_are_bounded)
{
    static char big[40000];
    size_t n;

    memset(big, 'a', sizeof big - 1);
    memcpy(big, "GET /", 5);
    CHECK(parse(big) == -1 && status == 414);
    memcpy(big, "GET / HTTP/1.1\r\nX: ", 19);
    CHECK(parse(big) == -1 && status == 431);
    n = (size_t)sprintf(big, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (unsigned int i = 0; i < HTTP_HEADERS_MAX - 1; i++)
        n += (size_t)sprintf(big + n, "X: y\r\n");
    sprintf(big + n, "\r\n");
    CHECK(parse(big) > 0);
    sprintf(big + n, "X: y\r\n\r\n");
    CHECK(parse(big) == -1 && status == 431);
    sprintf(big + n, "X: y\r\nX: y\r\n\r\n");
    CHECK(parse(big) == -1 && status == 431);
}

TEST(lists_are_searched_for_tokens)
{
    CHECK(http_list_has(slice("a, B;q=1 ,c"), "b"));
    CHECK(http_list_has(slice("close"), "Close"));
    CHECK(!http_list_has(slice("closed, xclose"), "close"));
    CHECK(!http_list_has((struct http_slice){NULL, 0}, "close"));
    CHECK(!http_list_has(slice(",, ;,"), "close"));
}

/* ---- chunks ---- */

/* Feeds the text in pieces of `step`; returns the verdict and collects the data. */
static int unchunk(const char *text, size_t len, size_t step, char *out, size_t *out_len)
{
    struct http_chunk c = {0};
    size_t at = 0;
    int rc = 0;

    *out_len = 0;
    while (rc == 0 && at < len) {
        size_t n = len - at < step ? len - at : step, used, got;
        const uint8_t *data;

        rc = http_chunk_next(&c, (const uint8_t *)text + at, n, &used, &data, &got);
        CHECK(used > 0 || rc != 0);
        memcpy(out + *out_len, data, got);
        *out_len += got;
        at += used;
    }
    return rc;
}

TEST(chunks_are_joined_however_they_come)
{
    static const char text[] =
        "4\r\nWiki\r\n6;x=\"y\"\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n"
        "Trailer: z\r\n\r\n";
    char out[64];
    size_t len;

    for (size_t step = 1; step < sizeof text; step++) {
        CHECK_EQ(unchunk(text, sizeof text - 1, step, out, &len), 1);
        CHECK_EQ(len, 24);
        CHECK(memcmp(out, "Wikipedia in \r\n\r\nchunks.", 24) == 0);
    }
}

TEST(chunks_that_are_malformed_are_refused)
{
    static const char *const bad[] = {"\r\n",     "g\r\n",      "1\n",
                                      "1\r\nab",  "1\r\na\n",   "1 x\nz",
                                      "-1\r\n",   "1\r\na\r\r", "1000000000000000\r\n",
                                      "0\r\nX\n", "0\r\n\rx"};
    char out[64];
    size_t len;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQ(unchunk(bad[i], strlen(bad[i]), 100, out, &len), -1);
}

TEST(chunk_extensions_and_trailers_are_bounded)
{
    static char text[CHUNK_EXTRA_MAX + 64];
    char out[8];
    size_t len;

    memset(text, 'e', sizeof text);
    memcpy(text, "1;", 2);
    CHECK_EQ(unchunk(text, sizeof text, sizeof text, out, &len), -1);
    memcpy(text, "0\r\n", 3);
    CHECK_EQ(unchunk(text, sizeof text, sizeof text, out, &len), -1);
}

/* ---- routes ---- */

static void nothing(struct http_exchange *x, const struct route_match *m)
{
    (void)x;
    (void)m;
}

TEST(routes_are_found)
{
    static const struct route table[] = {{HTTP_GET, "/v1/a", nothing, true},
                                         {HTTP_POST, "/v1/a/{id}/b", nothing, false},
                                         {HTTP_GET, "/v1/a/{id}/b/{x}", nothing, false},
                                         {HTTP_PUT, "/v1/a/{id}/b/{x}", nothing, false}};
    struct route_match m;
    unsigned int allow;
    char text[40];

    CHECK(route_find(table, 4, HTTP_HEAD, slice("/v1/a"), &m, &allow) == &table[0]);
    CHECK(route_find(table, 4, HTTP_POST, slice("/v1/a/s-1/b"), &m, &allow) == &table[1]);
    CHECK(strcmp(m.param[0], "s-1") == 0);
    CHECK(route_find(table, 4, HTTP_PUT, slice("/v1/a/s-1/b/y"), &m, &allow) == &table[3]);
    CHECK(strcmp(m.param[1], "y") == 0);
    CHECK(route_find(table, 4, HTTP_DELETE, slice("/v1/a/s-1/b/y"), &m, &allow) == NULL);
    route_allow_text(allow, text, sizeof text);
    CHECK(strcmp(text, "GET, HEAD, PUT") == 0);
    for (size_t i = 0; i < 7; i++) {
        static const char *const unknown[] = {"/",       "/v1",          "/v1/a/", "/v1/a//b",
                                              "/v1/a/x", "/v1/a/x/b/y/", ""};

        CHECK(route_find(table, 4, HTTP_GET, slice(unknown[i]), &m, &allow) == NULL);
        CHECK_EQ(allow, 0);
    }
    CHECK(route_find(table, 4, HTTP_POST, slice("/v1/a/0123456789012345678901234567890123/b"), &m,
                     &allow) == NULL);
}

/* ---- JSON out and events ---- */

TEST(json_is_written_with_commas_and_escapes)
{
    char text[256];
    struct json_buffer b = {text, sizeof text - 1, 0};
    struct json_out j;

    json_init(&j, json_buffer_sink, &b);
    json_begin_object(&j);
    json_field_string(&j, "a\"", "\\\n\x01\x7f\xc3\xa9");
    json_name(&j, "b");
    json_begin_array(&j);
    json_number(&j, -5);
    json_unsigned(&j, UINT64_MAX);
    json_begin_object(&j);
    json_end_object(&j);
    json_null(&j);
    json_end_array(&j);
    json_field_bool(&j, "c", true);
    json_name(&j, "d");
    json_text(&j, (const uint8_t *)"\0x", 2);
    json_end_object(&j);
    text[b.len] = '\0';
    CHECK_EQ(j.error, 0);
    CHECK(strcmp(text,
                 "{\"a\\\"\":\"\\\\\\n\\u0001\\u007f\xc3\xa9\",\"b\":[-5,18446744073709551615,"
                 "{},null],\"c\":true,\"d\":\"\\u0000x\"}") == 0);
}

TEST(json_overflow_is_an_error_and_not_more)
{
    char text[8];
    struct json_buffer b = {text, sizeof text, 0};
    struct json_out j;

    json_init(&j, json_buffer_sink, &b);
    json_string(&j, "longer than eight");
    CHECK(j.error == -EMSGSIZE && b.len <= sizeof text);
}

TEST(json_base64_is_whole_across_pieces)
{
    uint8_t data[1000], back[1004];
    char text[1400];
    struct json_buffer b = {text, sizeof text, 0};
    struct json_out j;

    for (size_t n = 0; n < sizeof data; n++)
        data[n] = (uint8_t)(n * 7);
    json_init(&j, json_buffer_sink, &b);
    json_base64(&j, data, sizeof data);
    CHECK_EQ(base64_decode(text + 1, b.len - 2, back), (long)sizeof data);
    CHECK(memcmp(back, data, sizeof data) == 0);
}

TEST(events_hold_back_what_is_no_character_yet)
{
    char text[1024];
    struct json_buffer b = {text, sizeof text - 1, 0};
    struct sse_text t = {.len = 0};
    static const uint8_t smile[] = {0xf0, 0x9f, 0x98, 0x80};

    CHECK_EQ(sse_output(&t, json_buffer_sink, &b, "stdout", smile, 2), 0);
    CHECK_EQ(b.len, 0);
    CHECK_EQ(sse_output(&t, json_buffer_sink, &b, "stdout", smile + 2, 2), 0);
    text[b.len] = '\0';
    CHECK(strcmp(text, "event: stdout\ndata: {\"data\":\"\xf0\x9f\x98\x80\"}\n\n") == 0);
    b.len = 0;
    CHECK_EQ(sse_output(&t, json_buffer_sink, &b, "stderr", (const uint8_t *)"a\xc3", 2), 0);
    CHECK_EQ(sse_output_end(&t, json_buffer_sink, &b, "stderr"), 0);
    text[b.len] = '\0';
    CHECK(strcmp(text, "event: stderr\ndata: {\"data\":\"a\"}\n\n"
                       "event: stderr\ndata: {\"base64\":\"ww==\"}\n\n") == 0);
}

/* Whatever the bytes and however they are cut, what arrives is what was sent. */
TEST(events_carry_every_byte_however_cut)
{
    static const uint8_t data[] =
        "a\xc3\xa9\xe2\x98\x83\xf0\x9f\x98\x80\xff\xc3\x28\xe2\x28\xed\xa0\x80"
        "\xf0\x9f\xf0\x9f\x98\x80z\xe2\x98";
    const size_t size = sizeof data - 1;

    for (size_t step = 1; step <= size; step++) {
        static char text[8192];
        struct json_buffer b = {text, sizeof text - 1, 0};
        struct sse_text t = {.len = 0};
        uint8_t back[256];
        size_t n = 0;

        for (size_t at = 0; at < size; at += step)
            CHECK_EQ(sse_output(&t, json_buffer_sink, &b, "o", data + at,
                                size - at < step ? size - at : step),
                     0);
        CHECK_EQ(sse_output_end(&t, json_buffer_sink, &b, "o"), 0);
        text[b.len] = '\0';
        for (char *at = text; (at = strstr(at, "data: {\"")) != NULL;) {
            bool plain = strncmp(at + 8, "data", 4) == 0;
            char *from = strchr(at + 8, ':') + 2, *to = strstr(from, "\"}");

            if (plain) {
                memcpy(back + n, from, (size_t)(to - from));
                n += (size_t)(to - from);
            } else {
                n += (size_t)base64_decode(from, (size_t)(to - from), back + n);
            }
            at = to;
        }
        CHECK_EQ(n, size);
        CHECK(memcmp(back, data, size) == 0);
    }
}
