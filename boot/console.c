/* SPDX-License-Identifier: MIT */
/*
 * The few lines the loader says, through the firmware's console, which most firmware mirrors to the
 * serial port.
 */
#include "efi_env.h"

static void put_char(char c)
{
    CHAR16 out[3] = {(CHAR16)c, 0, 0};

    if (c == '\n') {
        out[0] = '\r';
        out[1] = '\n';
    }
    efi_st->ConOut->OutputString(efi_st->ConOut, out);
}

void console_print(const char *text)
{
    for (; *text != '\0'; text++)
        put_char(*text);
}

static void print_number(uint64_t value, unsigned int radix)
{
    char digits[24];
    unsigned int i = sizeof(digits) - 1;

    digits[i] = '\0';
    do {
        digits[--i] = "0123456789abcdef"[value % radix];
        value /= radix;
    } while (value != 0);
    console_print(&digits[i]);
}

void console_print_hex(uint64_t value)
{
    console_print("0x");
    print_number(value, 16);
}

void console_print_dec(uint64_t value)
{
    print_number(value, 10);
}

bool console_fail(const char *what, const char *detail)
{
    console_print("\nbulkhead: ");
    console_print(what);
    console_print(": ");
    console_print(detail);
    console_print("\n");
    return false;
}
