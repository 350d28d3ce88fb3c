/* SPDX-License-Identifier: MIT */
/* Where the command line keeps the server's address, its pin and the key. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int config_path(char *path, size_t len, bool make_dirs)
{
    const char *own = getenv("BULKHEAD_CONFIG"), *home = getenv("HOME");

    if (own) {
        snprintf(path, len, "%s", own);
        return 0;
    }
    if (!home)
        return -ENOENT;
    if (make_dirs) {
        snprintf(path, len, "%s/.config", home);
        mkdir(path, 0755);
        snprintf(path, len, "%s/.config/bulkhead", home);
        mkdir(path, 0700);
    }
    snprintf(path, len, "%s/.config/bulkhead/config", home);
    return 0;
}

static void take(const char *line, const char *key, char *value, size_t len)
{
    size_t n = strlen(key);

    if (strncmp(line, key, n) == 0 && line[n] == '=')
        snprintf(value, len, "%s", line + n + 1);
}

int config_load(struct config *c)
{
    char path[1024], line[1024];
    int rc = config_path(path, sizeof(path), false);
    FILE *f = rc ? NULL : fopen(path, "re");

    if (!f)
        return rc ? rc : -errno;
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = 0;
        take(line, "url", c->url, sizeof(c->url));
        take(line, "key", c->key, sizeof(c->key));
        take(line, "pin", c->pin, sizeof(c->pin));
    }
    fclose(f);
    return 0;
}

int config_save(const struct config *c)
{
    char path[1024], temp[1040];
    int rc = config_path(path, sizeof(path), true), fd;
    FILE *f;

    if (rc)
        return rc;
    snprintf(temp, sizeof(temp), "%s.new", path);
    fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        return -errno;
    fprintf(f, "url=%s\nkey=%s\npin=%s\n", c->url, c->key, c->pin);
    if (fclose(f) != 0 || rename(temp, path) != 0)
        return -errno;
    return 0;
}
