/* SPDX-License-Identifier: MIT */
/*
 * Small hypercalls: xen_version (what we pass for: Xen 4.17) and console_io (shown for domains that
 * hv itself started, swallowed for sandboxes).
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/printk.h>
#include <hv/vcpu.h>
#include <xen/version.h>
#include <xen/xen.h>

#define VERSION_MAJOR 4U
#define VERSION_MINOR 17U
#define CONSOLE_CHUNK 128U

/* What guests that look may rely on; no hvm_pirqs: there are none. */
#define FEATURES                                                                                   \
    (1U << XENFEAT_writable_page_tables | 1U << XENFEAT_auto_translated_physmap |                  \
     1U << XENFEAT_hvm_callback_vector | 1U << XENFEAT_hvm_safe_pvclock |                          \
     1U << XENFEAT_memory_op_vnode_supported | 1U << XENFEAT_not_direct_mapped)

/* Fields of fixed length, zero-padded. The longest is 1024 bytes: sent in two parts. */
static long put_text(struct vcpu *v, uint64_t arg, const char *text, size_t field)
{
    size_t len = strlen(text);

    if (guest_copy_to(v, arg, text, len) || guest_copy_to(v, arg + len, NULL, field - len))
        return -EFAULT;
    return 0;
}

static long get_features(struct vcpu *v, uint64_t arg)
{
    struct xen_feature_info fi;

    if (guest_copy_from(v, &fi, arg, sizeof(fi)))
        return -EFAULT;
    if (fi.submap_idx >= XENFEAT_NR_SUBMAPS)
        return -EINVAL;
    fi.submap = FEATURES;
    return guest_copy_to(v, arg, &fi, sizeof(fi));
}

long do_xen_version(struct vcpu *v, uint64_t cmd, uint64_t arg)
{
    switch (cmd) {
    case XENVER_version:
        return VERSION_MAJOR << 16 | VERSION_MINOR;
    case XENVER_extraversion:
        return put_text(v, arg, ".0-bulkhead", sizeof(xen_extraversion_t));
    case XENVER_compile_info:
        return put_text(v, arg, "", sizeof(struct xen_compile_info));
    case XENVER_capabilities:
        return put_text(v, arg, "hvm-3.0-x86_64", sizeof(xen_capabilities_info_t));
    case XENVER_changeset:
        return put_text(v, arg, "", sizeof(xen_changeset_info_t));
    case XENVER_platform_parameters:
        return put_text(v, arg, "", sizeof(struct xen_platform_parameters));
    case XENVER_get_features:
        return get_features(v, arg);
    case XENVER_pagesize:
        return arg ? -EINVAL : (long)PAGE_SIZE;
    case XENVER_guest_handle:
        return put_text(v, arg, "", sizeof(xen_domain_handle_t));
    case XENVER_commandline:
        return put_text(v, arg, "<denied>", sizeof("<denied>"));
    case XENVER_build_id:
        return -EPERM;
    default:
        return -ENOSYS;
    }
}

/* The operator's terminal gets no escape sequences from a guest. */
static void show(struct domain *d, char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((text[i] < ' ' || text[i] > '~') && text[i] != '\n' && text[i] != '\r' &&
            text[i] != '\t')
            text[i] = '?';
    guest_console_write(d, text, len);
}

static long console_write_guest(struct vcpu *v, uint64_t count, uint64_t arg)
{
    char text[CONSOLE_CHUNK];

    if (!(v->d->flags & DOMAIN_BOOT))
        return 0;
    while (count) {
        size_t n = MIN(count, sizeof(text));

        if (guest_copy_from(v, text, arg, n))
            return -EFAULT;
        show(v->d, text, n);
        arg += n;
        count -= n;
        if (count && hypercall_preempt_check()) {
            v->regs.rsi = count;
            v->regs.rdx = arg;
            return HYPERCALL_AGAIN;
        }
    }
    return 0;
}

long do_console_io(struct vcpu *v, uint64_t cmd, uint64_t count, uint64_t arg)
{
    switch (cmd) {
    case CONSOLEIO_write:
        return console_write_guest(v, (uint32_t)count, arg);
    case CONSOLEIO_read:
        return 0;
    default:
        return -ENOSYS;
    }
}
