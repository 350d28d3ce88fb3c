/* SPDX-License-Identifier: MIT */
/*
 * The identity a sandbox is given by mgmt before any user code runs: host name, wall-clock time and
 * fresh randomness that is credited to the kernel's pool (random(4)).
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define SEED_MAX 64U
#define CONFIG_MAX 1024U

static int set_hostname(const char *value)
{
    size_t n = strlen(value);
    FILE *f;

    if (n == 0 || n > 63)
        return -EINVAL;
    if (sethostname(value, n) != 0)
        return -errno;
    f = fopen("/etc/hostname", "we");
    if (!f)
        return 0; /* a root without /etc still has its name */
    fprintf(f, "%s\n", value);
    return fclose(f) == 0 ? 0 : -errno;
}

static int set_clock(const char *value)
{
    uint64_t ns = strtoull(value, NULL, 10);
    struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000ULL),
                          .tv_nsec = (long)(ns % 1000000000ULL)};

    return clock_settime(CLOCK_REALTIME, &ts) == 0 ? 0 : -errno;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int add_seed(const char *value)
{
    struct {
        struct rand_pool_info info;
        uint8_t bytes[SEED_MAX];
    } pool = {.info = {0}};
    size_t n = strlen(value) / 2;
    int fd, rc;

    if (n == 0 || n > SEED_MAX || strlen(value) % 2)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        int hi = hex_digit(value[2 * i]), lo = hex_digit(value[2 * i + 1]);

        if (hi < 0 || lo < 0)
            return -EINVAL;
        pool.bytes[i] = (uint8_t)(hi << 4 | lo);
    }
    pool.info.entropy_count = (int)(8 * n);
    pool.info.buf_size = (int)n;
    fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    rc = ioctl(fd, RNDADDENTROPY, &pool) == 0 && ioctl(fd, RNDRESEEDCRNG) == 0 ? 0 : -errno;
    close(fd);
    explicit_bzero(&pool, sizeof(pool));
    return rc;
}

static int apply_line(const char *key, const char *value)
{
    if (strcmp(key, "hostname") == 0)
        return set_hostname(value);
    if (strcmp(key, "wallclock_ns") == 0)
        return set_clock(value);
    if (strcmp(key, "seed") == 0)
        return add_seed(value);
    return 0; /* keys of later versions */
}

int config_apply(const uint8_t *text, uint32_t len)
{
    char copy[CONFIG_MAX + 1], *save = NULL;
    int first_error = 0;

    if (len > CONFIG_MAX || memchr(text, 0, len))
        return -EINVAL;
    memcpy(copy, text, len);
    copy[len] = 0;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *eq = strchr(line, '=');
        int rc = -EINVAL;

        if (eq) {
            *eq = 0;
            rc = apply_line(line, eq + 1);
        }
        if (rc && !first_error)
            first_error = rc;
    }
    explicit_bzero(copy, sizeof(copy));
    return first_error;
}
