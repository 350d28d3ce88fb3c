/* SPDX-License-Identifier: MIT */
/* The API key and the failure counters. See auth.h. */
#include "auth/auth.h"

#include <string.h>

#include <bearssl.h>

#include "http/text.h"

#define NS 1000000000ULL

struct peer {
    uint32_t address;
    bool used;
    uint64_t debt_until; /* each failure adds AUTH_REFILL_S; too far ahead of now is too many */
};

static uint8_t key_hash[32];
static bool key_set;
static struct peer peers[AUTH_PEERS];

static void sha256(const void *data, size_t len, uint8_t out[32])
{
    br_sha256_context ctx;

    br_sha256_init(&ctx);
    br_sha256_update(&ctx, data, len);
    br_sha256_out(&ctx, out);
}

void auth_make_key(const uint8_t random[AUTH_KEY_RANDOM], char out[AUTH_KEY_LEN])
{
    memcpy(out, "bhk_", 4);
    base64url_encode(random, AUTH_KEY_RANDOM, out + 4);
}

static bool token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~+/=", c) != NULL);
}

bool auth_key_acceptable(const char *key)
{
    size_t len = strlen(key);

    if (len < AUTH_KEY_MIN || len > AUTH_KEY_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!token_char(key[i]))
            return false;
    }
    return true;
}

void auth_set_key(const char *key)
{
    sha256(key, strlen(key), key_hash);
    key_set = true;
}

/* No branch and no index depends on the bytes. */
static bool equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    volatile uint8_t difference = 0;

    for (size_t i = 0; i < len; i++)
        difference = (uint8_t)(difference | (a[i] ^ b[i]));
    return difference == 0;
}

enum auth_result auth_check(struct http_slice authorization)
{
    static const char scheme[] = "bearer ";
    const size_t scheme_len = sizeof scheme - 1;
    uint8_t hash[32];
    size_t skip = scheme_len;

    if (authorization.p == NULL)
        return AUTH_MISSING;
    if (authorization.len < scheme_len ||
        !http_slice_is_text((struct http_slice){authorization.p, scheme_len}, scheme))
        return AUTH_WRONG;
    while (skip < authorization.len && authorization.p[skip] == ' ')
        skip++;
    sha256(authorization.p + skip, authorization.len - skip, hash);
    return key_set && equal(hash, key_hash, sizeof hash) ? AUTH_OK : AUTH_WRONG;
}

static struct peer *find_peer(uint32_t address)
{
    struct peer *oldest = &peers[0];

    for (size_t i = 0; i < AUTH_PEERS; i++) {
        if (peers[i].used && peers[i].address == address)
            return &peers[i];
        if (!peers[i].used || peers[i].debt_until < oldest->debt_until)
            oldest = &peers[i];
        if (!oldest->used)
            break;
    }
    *oldest = (struct peer){.address = address, .used = true};
    return oldest;
}

unsigned int auth_count_failure(uint32_t peer, uint64_t now)
{
    const uint64_t step = AUTH_REFILL_S * NS, limit = AUTH_BURST * step;
    struct peer *p = find_peer(peer);

    if (p->debt_until < now)
        p->debt_until = now;
    if (p->debt_until + step > now + limit)
        return (unsigned int)((p->debt_until + step - now - limit + NS - 1) / NS);
    p->debt_until += step;
    return 0;
}
