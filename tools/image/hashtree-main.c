/* SPDX-License-Identifier: MIT */
/*
 * hashtree FILE: writes FILE.hash (its hash tree) and FILE.root (the 32 bytes of the root hash),
 * and prints the root in hex.
 */
#include "hashtree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_file(const char *name, const char *suffix, const uint8_t *data, uint64_t length)
{
    char path[4096];
    FILE *file;
    int n = snprintf(path, sizeof path, "%s%s", name, suffix);

    if (n < 0 || (size_t)n >= sizeof path)
        return -ENAMETOOLONG;
    file = fopen(path, "wb");
    if (file == NULL)
        return -errno;
    if (fwrite(data, 1, length, file) != length) {
        fclose(file);
        return -EIO;
    }
    return fclose(file) == 0 ? 0 : -EIO;
}

static int map_file(const char *name, const uint8_t **data, uint64_t *length)
{
    struct stat st;
    void *map;
    int fd = open(name, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) != 0 || st.st_size <= 0) {
        close(fd);
        return -EINVAL;
    }
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return -errno;
    *data = map;
    *length = (uint64_t)st.st_size;
    return 0;
}

int main(int argc, char **argv)
{
    const uint8_t *data = NULL;
    uint8_t *tree = NULL;
    uint64_t length = 0, tree_length = 0;
    uint8_t root[BH_HASHTREE_HASH];
    int err;

    if (argc != 2) {
        fprintf(stderr, "usage: hashtree FILE\n");
        return 2;
    }
    err = map_file(argv[1], &data, &length);
    if (err == 0)
        err = hashtree_build(data, length, &tree, &tree_length, root);
    if (err == 0)
        err = write_file(argv[1], ".hash", tree, tree_length);
    if (err == 0)
        err = write_file(argv[1], ".root", root, sizeof root);
    if (err != 0) {
        fprintf(stderr, "hashtree: %s: %s\n", argv[1], strerror(-err));
        return 1;
    }
    for (size_t i = 0; i < sizeof root; i++)
        printf("%02x", root[i]);
    printf("\n");
    free(tree);
    return 0;
}
