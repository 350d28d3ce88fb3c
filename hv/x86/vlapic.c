/* SPDX-License-Identifier: MIT */
/*
 * A guest's x2APIC, by MSR only: ids, IPIs with INIT and SIPI, priorities. No timer (guests use
 * VCPUOP_set_singleshot_timer) and no external interrupts. Intel SDM vol. 3, 11.12 "Extended XAPIC
 * (x2APIC)".
 */
#include <hv/bitmap.h>
#include <hv/errno.h>
#include <hv/hvm.h>
#include <hv/lib.h>
#include <hv/sched.h>
#include <hv/vcpu.h>
#include <hv/x86.h>
#include <xen/xen.h>

#define X2_ID 0x802U
#define X2_VERSION 0x803U
#define X2_TPR 0x808U
#define X2_PPR 0x80aU
#define X2_EOI 0x80bU
#define X2_LDR 0x80dU
#define X2_SVR 0x80fU
#define X2_ISR 0x810U
#define X2_TMR 0x818U
#define X2_IRR 0x820U
#define X2_ESR 0x828U
#define X2_LVT_CMCI 0x82fU
#define X2_ICR 0x830U
#define X2_LVT_FIRST 0x832U
#define X2_LVT_LAST 0x837U
#define X2_TIMER_INIT 0x838U
#define X2_TIMER_NOW 0x839U
#define X2_DIVIDE 0x83eU
#define X2_SELF_IPI 0x83fU

#define VERSION_VALUE 0x50014U
#define MODE_FIXED 0U
#define MODE_LOWEST 1U
#define MODE_NMI 4U
#define MODE_INIT 5U
#define MODE_SIPI 6U

void vlapic_init(struct vcpu *v)
{
    memset(&v->lapic, 0, sizeof(v->lapic));
    v->lapic.id = v->id;
    v->lapic.svr = 0xff;
    for (unsigned int i = 0; i < ARRAY_SIZE(v->lapic.lvt); i++)
        v->lapic.lvt[i] = 1U << 16;
}

static uint32_t logical_id(const struct vcpu *v)
{
    return (v->lapic.id >> 4) << 16 | 1U << (v->lapic.id & 15);
}

static int highest(const uint64_t *map)
{
    for (int i = 3; i >= 0; i--)
        if (map[i])
            return i * 64 + 63 - __builtin_clzll(map[i]);
    return -1;
}

void vlapic_set_irr(struct vcpu *v, uint8_t vector)
{
    if (vector < 16)
        return;
    atomic_bit_set(v->lapic.irr, vector);
    __atomic_store_n(&v->lapic.pending, 1, __ATOMIC_SEQ_CST);
    vcpu_notify(v);
}

/* The upcall is level-triggered: it stays as long as the guest leaves the flag set. */
int vcpu_pending_vector(struct vcpu *v)
{
    int irr, isr;

    if (v->d->callback_vector && READ_ONCE(v->vcpu_info->evtchn_upcall_pending))
        return v->d->callback_vector;
    if (LIKELY(!READ_ONCE(v->lapic.pending)))
        return -1;
    __atomic_store_n(&v->lapic.pending, 0, __ATOMIC_SEQ_CST);
    irr = highest(v->lapic.irr);
    if (irr < 0)
        return -1;
    isr = MAX(highest(v->lapic.isr), (int)(v->lapic.tpr & 0xff));
    if (irr >> 4 <= isr >> 4 && isr >= 16)
        return -1; /* looked at again at EOI and TPR writes */
    WRITE_ONCE(v->lapic.pending, 1);
    return irr;
}

void vcpu_ack_vector(struct vcpu *v, uint8_t vector)
{
    if (atomic_bit_clear(v->lapic.irr, vector))
        bitmap_set(v->lapic.isr, vector);
}

static int reg_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    struct vlapic *l = &v->lapic;
    int isr = highest(l->isr);

    switch (msr) {
    case X2_ID:
        *value = l->id;
        return 0;
    case X2_VERSION:
        *value = VERSION_VALUE;
        return 0;
    case X2_TPR:
        *value = l->tpr;
        return 0;
    case X2_PPR:
        *value = (uint32_t)MAX(isr < 0 ? 0 : isr & 0xf0, (int)(l->tpr & 0xf0));
        return 0;
    case X2_LDR:
        *value = logical_id(v);
        return 0;
    case X2_SVR:
        *value = l->svr;
        return 0;
    case X2_DIVIDE:
        *value = l->divide;
        return 0;
    case X2_ESR:
    case X2_ICR:
    case X2_LVT_CMCI:
    case X2_TIMER_INIT:
    case X2_TIMER_NOW:
        *value = 0;
        return 0;
    }
    return -EINVAL;
}

int vlapic_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    struct vlapic *l = &v->lapic;
    uint32_t n = msr & 7;

    if (msr >= X2_ISR && msr < X2_TMR)
        *value = (uint32_t)(l->isr[n / 2] >> (n % 2 * 32));
    else if (msr >= X2_TMR && msr < X2_IRR)
        *value = 0;
    else if (msr >= X2_IRR && msr < X2_ESR)
        *value = (uint32_t)(READ_ONCE(l->irr[n / 2]) >> (n % 2 * 32));
    else if (msr >= X2_LVT_FIRST && msr <= X2_LVT_LAST)
        *value = l->lvt[msr - X2_LVT_FIRST];
    else
        return reg_read(v, msr, value);
    return 0;
}

static bool matches(const struct vcpu *v, uint32_t dest, bool logical)
{
    uint32_t id;

    if (dest == 0xffffffffU)
        return true;
    if (!logical)
        return v->lapic.id == dest;
    id = logical_id(v);
    return (id >> 16) == (dest >> 16) && (id & dest & 0xffff);
}

/* SIPI to a vcpu that waits after INIT, or was never up. INIT of a running vcpu is not offered. */
static void deliver(struct vcpu *t, uint32_t mode, uint8_t vector)
{
    switch (mode) {
    case MODE_FIXED:
    case MODE_LOWEST:
        vlapic_set_irr(t, vector);
        break;
    case MODE_SIPI:
        if (READ_ONCE(t->state) == VCPU_OFFLINE &&
            !__atomic_exchange_n(&t->lapic.sipi_taken, true, __ATOMIC_SEQ_CST)) {
            hvm->set_entry_sipi(t, vector);
            if (vcpu_up(t))
                __atomic_store_n(&t->lapic.sipi_taken, false, __ATOMIC_SEQ_CST);
        }
        break;
    }
}

static int send_ipi(struct vcpu *v, uint64_t icr)
{
    uint32_t dest = (uint32_t)(icr >> 32), mode = (uint32_t)icr >> 8 & 7;
    uint32_t shorthand = (uint32_t)icr >> 18 & 3;
    bool logical = icr & (1U << 11);

    for (unsigned int i = 0; i < v->d->nr_vcpus; i++) {
        struct vcpu *t = v->d->vcpus[i];
        bool hit = shorthand == 0   ? matches(t, dest, logical)
                   : shorthand == 1 ? t == v
                   : shorthand == 2 ? true
                                    : t != v;

        if (!hit)
            continue;
        deliver(t, mode, (uint8_t)icr);
        if (mode == MODE_LOWEST)
            break;
    }
    return 0;
}

int vlapic_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    struct vlapic *l = &v->lapic;
    int isr;

    if (msr != X2_ICR && value >> 32)
        return -EINVAL;
    if (msr >= X2_LVT_FIRST && msr <= X2_LVT_LAST) {
        l->lvt[msr - X2_LVT_FIRST] = (uint32_t)value;
        return 0;
    }
    switch (msr) {
    case X2_TPR:
        l->tpr = (uint32_t)value & 0xff;
        WRITE_ONCE(l->pending, 1);
        return 0;
    case X2_EOI:
        isr = highest(l->isr);
        if (isr >= 0)
            bitmap_clear(l->isr, (unsigned int)isr);
        WRITE_ONCE(l->pending, 1);
        return value ? -EINVAL : 0;
    case X2_SVR:
        l->svr = (uint32_t)value & 0x1ff;
        return 0;
    case X2_ICR:
        return send_ipi(v, value);
    case X2_SELF_IPI:
        vlapic_set_irr(v, (uint8_t)value);
        return 0;
    case X2_DIVIDE:
        l->divide = (uint32_t)value & 0xb;
        return 0;
    case X2_ESR:
    case X2_LVT_CMCI:
    case X2_TIMER_INIT:
        return 0;
    }
    return -EINVAL;
}
