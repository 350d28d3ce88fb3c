/* SPDX-License-Identifier: MIT */
/*
 * Finds the modules that every sandbox is made of and checks the base image's hash tree against its
 * root. Options: sandbox.cmdline (replaces the kernel's), sandbox.cmdline_extra (is appended to
 * it).
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rt/rt.h>

struct images images;

/* Both memory options inflate what a fork must copy; the hypervisor hands out zeroed memory anyway.
 */
#define DEFAULT_CMDLINE                                                                            \
    "console=hvc0 quiet loglevel=4 init_on_alloc=0 transparent_hugepage=never "                    \
    "random.trust_cpu=on random.trust_bootloader=on"

static int find(const char *name, struct rt_module *m)
{
    int rc = rt_module_find(name, m);

    if (rc != 0)
        rt_log("mgmt: module \"%s\" is missing\n", name);
    return rc;
}

static int open_base(struct images *out)
{
    struct rt_module base, tree, root;
    int rc = find("base", &base);

    if (rc == 0)
        rc = find("basetree", &tree);
    if (rc == 0)
        rc = find("basehash", &root);
    if (rc != 0)
        return rc;
    if (root.size < BH_HASHTREE_HASH)
        return -EINVAL;
    rc = hashtree_open(&out->base, base.data, base.size, tree.data, tree.size, root.data);
    if (rc != 0)
        rt_log("mgmt: the base image and its hash tree do not belong together: %d\n", rc);
    return rc;
}

static void make_cmdline(struct images *out)
{
    char text[512];
    size_t len;

    if (rt_option("sandbox.cmdline", out->cmdline, sizeof(out->cmdline)) != 0)
        snprintf(out->cmdline, sizeof(out->cmdline), "%s", DEFAULT_CMDLINE);
    if (rt_option("sandbox.cmdline_extra", text, sizeof(text)) != 0)
        return;
    len = strlen(out->cmdline);
    snprintf(out->cmdline + len, sizeof(out->cmdline) - len, " %s", text);
}

int images_open(struct images *out)
{
    struct rt_module kernel, initrd;
    int rc = find("kernel", &kernel);

    if (rc == 0)
        rc = find("initrd", &initrd);
    if (rc == 0)
        rc = open_base(out);
    if (rc != 0)
        return rc;
    out->kernel = kernel.data;
    out->kernel_size = kernel.size;
    out->initrd = initrd.data;
    out->initrd_size = initrd.size;
    make_cmdline(out);
    return 0;
}
