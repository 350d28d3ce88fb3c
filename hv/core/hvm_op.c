/* SPDX-License-Identifier: MIT */
/*
 * hvm_op: the HVM parameters of a domain, by an allowlist. Parameters are plain numbers kept for
 * the guest and its builder, but for HVM_PARAM_CALLBACK_IRQ, which names the upcall's vector.
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/vcpu.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/xen.h>

#define CALLBACK_TYPE_SHIFT 56U
#define FIRST_DEVICE_VECTOR 16U

_Static_assert(HVM_PARAM_COUNT == HVM_NR_PARAMS, "a slot for each parameter");

enum access { HIDDEN, READ_ONLY, GUEST };

/* What the guest may do; the builder may set all that is not hidden. */
static enum access param_access(uint32_t index)
{
    switch (index) {
    case HVM_PARAM_CALLBACK_IRQ:
    case HVM_PARAM_STORE_EVTCHN:
    case HVM_PARAM_CONSOLE_EVTCHN:
        return GUEST;
    case HVM_PARAM_STORE_PFN:
    case HVM_PARAM_CONSOLE_PFN:
        return READ_ONLY;
    default:
        return HIDDEN;
    }
}

/* The value 0 turns upcalls off; interrupt lines (types 0 and 1) do not exist. */
static int decode_callback(uint64_t value, uint8_t *vector)
{
    *vector = 0;
    if (!value)
        return 0;
    if (value >> CALLBACK_TYPE_SHIFT != HVM_PARAM_CALLBACK_TYPE_VECTOR ||
        (uint8_t)value < FIRST_DEVICE_VECTOR)
        return -EINVAL;
    *vector = (uint8_t)value;
    return 0;
}

int hvm_param_set(struct domain *d, uint32_t index, uint64_t value, bool by_guest)
{
    enum access access = param_access(index);
    uint8_t vector = 0;
    int rc;

    if (index >= HVM_PARAM_COUNT)
        return -EINVAL;
    if (access == HIDDEN || (by_guest && access != GUEST))
        return -EPERM;
    if (index == HVM_PARAM_CALLBACK_IRQ) {
        rc = decode_callback(value, &vector);
        if (rc)
            return rc;
    }
    spin_lock(&d->lock);
    d->params[index] = value;
    if (index == HVM_PARAM_CALLBACK_IRQ)
        WRITE_ONCE(d->callback_vector, vector);
    spin_unlock(&d->lock);
    return 0;
}

int hvm_param_get(struct domain *d, uint32_t index, uint64_t *value)
{
    if (index >= HVM_PARAM_COUNT)
        return -EINVAL;
    if (param_access(index) == HIDDEN)
        return -EPERM;
    spin_lock(&d->lock);
    *value = d->params[index];
    spin_unlock(&d->lock);
    return 0;
}

static long op_param(struct vcpu *v, bool set, uint64_t arg)
{
    struct xen_hvm_param op;
    long rc;

    if (guest_copy_from(v, &op, arg, sizeof(op)))
        return -EFAULT;
    if (op.domid != DOMID_SELF && op.domid != v->d->id)
        return -EPERM;
    if (set)
        return hvm_param_set(v->d, op.index, op.value, true);
    rc = hvm_param_get(v->d, op.index, &op.value);
    return rc ? rc : guest_copy_to(v, arg, &op, sizeof(op));
}

long do_hvm_op(struct vcpu *v, uint64_t cmd, uint64_t arg)
{
    switch (cmd) {
    case HVMOP_set_param:
        return op_param(v, true, arg);
    case HVMOP_get_param:
        return op_param(v, false, arg);
    default:
        return -ENOSYS;
    }
}
