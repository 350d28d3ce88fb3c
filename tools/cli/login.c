/* SPDX-License-Identifier: MIT */
/* login: learns or checks the server's pin, tries the key, saves both. */
#include "cli.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* curl's form of a pin: "sha256//" and the base64 SHA-256 of the SubjectPublicKeyInfo. */
static bool pin_of_pem(const char *pem, char *pin, size_t len)
{
    unsigned char digest[SHA256_DIGEST_LENGTH], b64[64], *spki = NULL;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    int n = cert ? i2d_PUBKEY(X509_get0_pubkey(cert), &spki) : -1;

    if (n > 0) {
        SHA256(spki, (size_t)n, digest);
        EVP_EncodeBlock(b64, digest, sizeof(digest));
        snprintf(pin, len, "sha256//%s", (char *)b64);
    }
    OPENSSL_free(spki);
    X509_free(cert);
    BIO_free(bio);
    return n > 0;
}

static bool fetch_pin(const char *url, char *pin, size_t len)
{
    struct curl_certinfo *info = NULL;
    struct buffer sink = {0};
    CURL *h = curl_easy_init();
    bool found = false;
    char health[600];

    snprintf(health, sizeof(health), "%s/v1/health", url);
    curl_easy_setopt(h, CURLOPT_URL, health);
    curl_easy_setopt(h, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, 30L);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, buffer_append);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &sink);
    if (curl_easy_perform(h) == CURLE_OK &&
        curl_easy_getinfo(h, CURLINFO_CERTINFO, &info) == CURLE_OK && info->num_of_certs > 0)
        for (struct curl_slist *l = info->certinfo[0]; l && !found; l = l->next)
            if (strncmp(l->data, "Cert:", 5) == 0)
                found = pin_of_pem(l->data + 5, pin, len);
    curl_easy_cleanup(h);
    free(sink.data);
    return found;
}

/* Trust on first use needs a person; a script must bring the pin. */
static bool ask(const char *pin)
{
    char line[16];

    if (!isatty(0)) {
        fprintf(stderr,
                "bulkhead: give the pin that the appliance's console shows: --pin %s\n"
                "          (that is what this server offers; compare before you use it)\n",
                pin);
        return false;
    }
    printf(
        "The server's public key pin is\n  %s\nDoes the appliance's console show the same? [y/N] ",
        pin);
    fflush(stdout);
    return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static void usage(void)
{
    fputs("usage: bulkhead login https://HOST[:PORT] [--pin sha256//…] [--key KEY]\n"
          "The key may also come from $BULKHEAD_KEY or be typed in.\n",
          stderr);
}

int cmd_login(struct cli *cli, int argc, char **argv)
{
    const char *key = getenv("BULKHEAD_KEY"), *url = NULL, *pin = NULL;
    struct config c = {0};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--pin") == 0 && i + 1 < argc)
            pin = argv[++i];
        else if (strcmp(argv[i], "--key") == 0 && i + 1 < argc)
            key = argv[++i];
        else if (!url && strncmp(argv[i], "https://", 8) == 0)
            url = argv[i];
        else
            return usage(), 2;
    }
    if (!url)
        return usage(), 2;
    snprintf(c.url, sizeof(c.url), "%s", url);
    if (c.url[strlen(c.url) - 1] == '/')
        c.url[strlen(c.url) - 1] = 0;
    if (pin)
        snprintf(c.pin, sizeof(c.pin), "%s", pin);
    else if (!fetch_pin(c.url, c.pin, sizeof(c.pin)))
        return fprintf(stderr, "bulkhead: no answer from %s\n", c.url), 1;
    else if (!ask(c.pin))
        return 1;
    if (!key && isatty(0))
        key = getpass("API key: ");
    if (!key)
        return usage(), 2;
    snprintf(c.key, sizeof(c.key), "%s", key);
    cli->conf = c;

    cJSON *sys = api(cli, "GET", "/v1/system", NULL, 200);

    if (!sys)
        return 1;
    int rc = config_save(&c);

    if (rc)
        fprintf(stderr, "bulkhead: cannot save the configuration: %s\n", strerror(-rc));
    else if (!cli->json)
        printf("Logged in to %s: Bulkhead %s, %.0f CPUs (%s)\n", c.url, json_text(sys, "version"),
               json_number(sys, "cpus"), json_text(sys, "cpu_vendor"));
    cJSON_Delete(sys);
    return rc ? 1 : 0;
}
