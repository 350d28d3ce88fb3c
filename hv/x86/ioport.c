/* SPDX-License-Identifier: MIT */
/*
 * Port I/O: hv's own, and which ports a domain may use without an exit. All domains without
 * DOMAIN_IO share one bitmap that intercepts everything.
 */
#include <hv/bitmap.h>
#include <hv/device.h>
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/lib.h>
#include <hv/x86.h>

#define PORTS 65536U
#define BITMAP_BYTES (3 * PAGE_SIZE) /* SVM reads three bits past the last port */

uint8_t *ioport_default_bitmap;

void ioport_init(void)
{
    ioport_default_bitmap = early_alloc(BITMAP_BYTES);
    memset(ioport_default_bitmap, 0xff, BITMAP_BYTES);
}

int ioport_allow(struct domain *d, uint16_t first, uint32_t count)
{
    if (!(d->flags & DOMAIN_IO))
        return -EOPNOTSUPP;
    if (!count || first + count > PORTS)
        return -EINVAL;
    for (uint32_t p = first; p < first + count; p++)
        __atomic_fetch_and(&d->io_bitmap[p / 8], (uint8_t) ~(1U << (p % 8)), __ATOMIC_SEQ_CST);
    return 0;
}

void ioport_deny_all(struct domain *d)
{
    if (d->flags & DOMAIN_IO)
        memset(d->io_bitmap, 0xff, BITMAP_BYTES);
}

uint32_t port_in(uint16_t port, unsigned int width)
{
    uint32_t v = 0;

    if (width == 1)
        return inb(port);
    if (width == 2)
        __asm__ volatile("inw %w1, %w0" : "+a"(v) : "Nd"(port));
    else
        __asm__ volatile("inl %w1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

void port_out(uint16_t port, unsigned int width, uint32_t value)
{
    if (width == 1)
        outb(port, (uint8_t)value);
    else if (width == 2)
        __asm__ volatile("outw %w0, %w1" ::"a"(value), "Nd"(port));
    else
        __asm__ volatile("outl %0, %w1" ::"a"(value), "Nd"(port));
}
