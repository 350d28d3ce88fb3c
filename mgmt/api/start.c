/* SPDX-License-Identifier: MIT */
/* Identity and API key at start, what the console shows of them, and the start of the server. */
#include "api/start.h"

#include <errno.h>
#include <string.h>

#include <rt/rt.h>

#include "api/server.h"
#include "auth/auth.h"
#include "http/text.h"
#include "tls/tls.h"

static struct tls_identity identity;
uint64_t api_ready_at;

static int make_identity(void)
{
    uint8_t seed[64], key[IDENTITY_KEY_LEN], serial[IDENTITY_SERIAL_LEN];
    uint64_t now = rt_wallclock() / 1000000000ULL;
    char text[2 * IDENTITY_KEY_LEN + 2];
    int rc;

    rt_random(serial, sizeof serial);
    if (rt_option("tls.key", text, sizeof text) == 0 && strlen(text) == 2 * IDENTITY_KEY_LEN &&
        hex_decode(text, 2 * IDENTITY_KEY_LEN, key) == 0 &&
        identity_make(&identity, key, serial, now) == 0)
        return 0;
    if (rt_option("tls.key", text, sizeof text) == 0)
        rt_log("bulkhead: tls.key is not a P-256 key in 64 hex digits: a new one is made\n");
    rt_random(seed, sizeof seed);
    rc = identity_key_generate(seed, sizeof seed, key);
    if (rc == 0)
        rc = identity_make(&identity, key, serial, now);
    memset(seed, 0, sizeof seed);
    memset(key, 0, sizeof key);
    return rc;
}

static void show_identity(void)
{
    char hex[65], pin[BASE64_LEN(32) + 1];

    hex_encode(identity.cert_sha256, 32, hex);
    base64_encode(identity.spki_sha256, 32, pin);
    rt_log("bulkhead: certificate sha256 %s\n", hex);
    rt_log("bulkhead: public key pin sha256//%s\n", pin);
}

/* A preset key is not shown: whoever set it knows it, and the console may be logged. */
static void set_key(void)
{
    char key[AUTH_KEY_MAX + 2];
    uint8_t random[AUTH_KEY_RANDOM];

    if (rt_option("api.key", key, sizeof key) == 0) {
        if (auth_key_acceptable(key)) {
            auth_set_key(key);
            return;
        }
        rt_log("bulkhead: api.key is refused: %u to %u characters of a token are needed\n",
               AUTH_KEY_MIN, AUTH_KEY_MAX);
    }
    rt_random(random, sizeof random);
    auth_make_key(random, key);
    auth_set_key(key);
    rt_log("bulkhead: API key %s\n", key);
    memset(key, 0, sizeof key);
}

int api_serve(const struct server_config *config)
{
    int rc = make_identity();

    if (rc != 0)
        return rc;
    tls_start(&identity);
    rc = server_start(config);
    if (rc != 0)
        return rc;
    api_ready_at = rt_now();
    rt_log("bulkhead: API ready on port %u\n", config->port);
    show_identity();
    set_key();
    return 0;
}
