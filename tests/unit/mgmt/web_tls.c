/* SPDX-License-Identifier: MIT */
/*
 * The DER writer, dates and the self-signed certificate: openssl must read it, verify it against
 * itself for its names, and agree with the digests that are printed for pinning.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/date.h"
#include "test.h"
#include "tls/der.h"
#include "tls/identity.h"

#define NOW 1795000000ULL /* 2026-11-18 */

TEST(date_from_unix_knows_leap_years)
{
    static const struct {
        uint64_t at;
        unsigned int year, month, day, weekday;
    } cases[] = {
        {0, 1970, 1, 1, 4},
        {951782400, 2000, 2, 29, 2},
        {951868800, 2000, 3, 1, 3},
        {1709164800, 2024, 2, 29, 4},
        {4107542400, 2100, 3, 1, 1},
        {4107456000, 2100, 2, 28, 0},
        {1735689599, 2024, 12, 31, 2},
        {253402300799, 9999, 12, 31, 5},
        {UINT64_MAX, 9999, 12, 31, 5},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct date d = date_from_unix(cases[i].at);

        CHECK_EQ(d.year, cases[i].year);
        CHECK_EQ(d.month, cases[i].month);
        CHECK_EQ(d.day, cases[i].day);
        CHECK_EQ(d.weekday, cases[i].weekday);
    }
}

TEST(date_formats_as_http_wants)
{
    char text[DATE_HTTP_LEN];

    date_format_http(784111777, text);
    CHECK(strcmp(text, "Sun, 06 Nov 1994 08:49:37 GMT") == 0);
}

TEST(der_wraps_long_and_short_lengths)
{
    uint8_t buf[600], data[400] = {0};
    struct der d;

    der_init(&d, buf, sizeof buf);
    der_element(&d, DER_OCTET_STRING, data, 5);
    CHECK_EQ(buf[d.at + 1], 5);
    der_init(&d, buf, sizeof buf);
    der_element(&d, DER_OCTET_STRING, data, 200);
    CHECK_EQ(buf[d.at + 1], 0x81);
    CHECK_EQ(buf[d.at + 2], 200);
    der_init(&d, buf, sizeof buf);
    der_element(&d, DER_OCTET_STRING, data, 400);
    CHECK_EQ(buf[d.at + 1], 0x82);
    CHECK_EQ(buf[d.at + 2], 400 >> 8);
    CHECK_EQ(buf[d.at + 3], 400 & 255);
    CHECK(der_ok(&d));
}

TEST(der_integers_are_minimal_and_positive)
{
    static const uint8_t high[] = {0x00, 0x00, 0x80}, zero[] = {0x00};
    static const uint8_t want_high[] = {0x02, 0x02, 0x00, 0x80}, want_zero[] = {0x02, 0x01, 0x00};
    uint8_t buf[16];
    struct der d;

    der_init(&d, buf, sizeof buf);
    der_integer(&d, high, sizeof high);
    CHECK(memcmp(buf + d.at, want_high, sizeof want_high) == 0);
    der_init(&d, buf, sizeof buf);
    der_integer(&d, zero, sizeof zero);
    CHECK(memcmp(buf + d.at, want_zero, sizeof want_zero) == 0);
}

TEST(der_remembers_overflow)
{
    uint8_t buf[8], data[8] = {0};
    struct der d;

    der_init(&d, buf, sizeof buf);
    der_element(&d, DER_OCTET_STRING, data, sizeof data);
    CHECK(!der_ok(&d));
}

TEST(der_time_changes_form_in_2050)
{
    uint8_t buf[32];
    struct der d;

    der_init(&d, buf, sizeof buf);
    der_time(&d, 2524607999);
    CHECK(memcmp(buf + d.at,
                 "\x17\x0d"
                 "491231235959Z",
                 15) == 0);
    der_init(&d, buf, sizeof buf);
    der_time(&d, 2524608000);
    CHECK(memcmp(buf + d.at,
                 "\x18\x0f"
                 "20500101000000Z",
                 17) == 0);
}

static void make(struct tls_identity *id, uint8_t seed_byte, uint64_t now)
{
    uint8_t seed[32], key[IDENTITY_KEY_LEN], serial[IDENTITY_SERIAL_LEN];

    memset(seed, seed_byte, sizeof seed);
    memset(serial, seed_byte, sizeof serial);
    CHECK_EQ(identity_key_generate(seed, sizeof seed, key), 0);
    CHECK_EQ(identity_make(id, key, serial, now), 0);
}

/* Runs a shell command with $F naming the certificate in a file and gives its output. */
static void with_openssl(const struct tls_identity *id, const char *command, char *out, size_t size)
{
    char dir[] = "/tmp/bulkhead-cert-XXXXXX", file[64], line[1024];
    FILE *f;
    size_t n;

    CHECK(mkdtemp(dir) != NULL);
    snprintf(file, sizeof file, "%s/cert.der", dir);
    f = fopen(file, "wb");
    CHECK(f != NULL);
    CHECK_EQ(fwrite(id->chain.data, 1, id->chain.data_len, f), id->chain.data_len);
    fclose(f);
    snprintf(
        line, sizeof line,
        "cd %s && openssl x509 -inform der -in cert.der -out cert.pem && ( %s ) 2>&1; rm -rf %s",
        dir, command, dir);
    f = popen(line, "r");
    CHECK(f != NULL);
    n = fread(out, 1, size - 1, f);
    out[n] = '\0';
    pclose(f);
}

static bool has_openssl(void)
{
    return system("openssl version >/dev/null 2>&1") == 0;
}

TEST(certificate_verifies_with_openssl)
{
    char out[4096];

    if (!has_openssl())
        SKIP("no openssl on this machine");
    for (unsigned int i = 1; i < 6; i++) {
        struct tls_identity id;

        make(&id, (uint8_t)(i * 37), NOW);
        with_openssl(&id,
                     "openssl verify -attime 1795000001 -x509_strict -check_ss_sig"
                     " -purpose sslserver -verify_hostname localhost -CAfile cert.pem cert.pem",
                     out, sizeof out);
        CHECK(strcmp(out, "cert.pem: OK\n") == 0);
    }
}

TEST(certificate_has_its_names_and_fields)
{
    struct tls_identity id;
    char out[8192];

    if (!has_openssl())
        SKIP("no openssl on this machine");
    make(&id, 7, NOW);
    with_openssl(&id, "openssl x509 -in cert.pem -noout -text", out, sizeof out);
    CHECK(strstr(out, "Version: 3 (0x2)") != NULL);
    CHECK(strstr(out, "Subject: CN = bulkhead") != NULL);
    CHECK(strstr(out, "Issuer: CN = bulkhead") != NULL);
    CHECK(strstr(out, "DNS:bulkhead, DNS:localhost, IP Address:127.0.0.1") != NULL);
    CHECK(strstr(out, "ASN1 OID: prime256v1") != NULL);
    CHECK(strstr(out, "CA:FALSE") != NULL);
    CHECK(strstr(out, "Not Before: Nov 17") != NULL);
    with_openssl(
        &id, "openssl verify -attime 1795000001 -verify_hostname other -CAfile cert.pem cert.pem",
        out, sizeof out);
    CHECK(strstr(out, "OK") == NULL);
}

TEST(certificate_digests_are_what_clients_pin)
{
    struct tls_identity id;
    char out[4096], want[65];

    if (!has_openssl())
        SKIP("no openssl on this machine");
    make(&id, 9, NOW);
    for (unsigned int i = 0; i < 32; i++)
        snprintf(want + 2 * i, 3, "%02x", id.cert_sha256[i]);
    with_openssl(&id, "sha256sum cert.der", out, sizeof out);
    CHECK(strncmp(out, want, 64) == 0);
    for (unsigned int i = 0; i < 32; i++)
        snprintf(want + 2 * i, 3, "%02x", id.spki_sha256[i]);
    with_openssl(&id,
                 "openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform der"
                 " | sha256sum",
                 out, sizeof out);
    CHECK(strncmp(out, want, 64) == 0);
}

TEST(certificate_past_2050_and_at_1970_is_well_formed)
{
    struct tls_identity id;
    char out[4096];

    if (!has_openssl())
        SKIP("no openssl on this machine");
    make(&id, 11, 2400000000ULL);
    with_openssl(&id, "openssl x509 -in cert.pem -noout -enddate", out, sizeof out);
    CHECK(strstr(out, "2056") != NULL);
    make(&id, 11, 0);
    with_openssl(&id, "openssl x509 -in cert.pem -noout -startdate", out, sizeof out);
    CHECK(strstr(out, "Jan  1 00:00:00 1970") != NULL);
}

TEST(identity_refuses_keys_out_of_range)
{
    static const uint8_t serial[IDENTITY_SERIAL_LEN] = {1};
    uint8_t key[IDENTITY_KEY_LEN] = {0};
    struct tls_identity id;

    CHECK(identity_make(&id, key, serial, NOW) != 0);
    memset(key, 0xff, sizeof key);
    CHECK(identity_make(&id, key, serial, NOW) != 0);
}
