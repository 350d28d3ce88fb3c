/* SPDX-License-Identifier: MIT */
/*
 * The serial line COM1 (16550, polled, 115200 8N1), output only. Callers hold console_lock.
 */
#include <hv/x86.h>

#define COM1 0x3f8U
#define LSR_THR_EMPTY 0x20U

static bool present;

void serial_init(void)
{
    outb(COM1 + 7, 0x5a);
    present = inb(COM1 + 7) == 0x5a;
    if (!present)
        return;
    outb(COM1 + 1, 0);    /* no interrupts */
    outb(COM1 + 3, 0x80); /* divisor */
    outb(COM1 + 0, 1);
    outb(COM1 + 1, 0);
    outb(COM1 + 3, 3); /* 8N1 */
    outb(COM1 + 2, 7); /* FIFOs on and cleared */
    outb(COM1 + 4, 3); /* DTR, RTS */
}

static void put(char c)
{
    for (unsigned int i = 0; i < 100000 && !(inb(COM1 + 5) & LSR_THR_EMPTY); i++)
        arch_pause();
    outb(COM1, (uint8_t)c);
}

void serial_write(const char *text, size_t len)
{
    for (size_t i = 0; present && i < len; i++) {
        if (text[i] == '\n')
            put('\r');
        put(text[i]);
    }
}
