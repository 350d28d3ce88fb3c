# SPDX-License-Identifier: MIT
"""Reduces a kernel's ELF file to what a PVH loader needs: loadable segments and notes.

Sections go, and so do the zeros at the end of a segment: p_filesz shrinks, p_memsz stays, and a
loader clears the rest anyway. Nothing else changes. Usage: reduce-elf.py IN OUT
"""

import struct
import sys

EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
PHDR = struct.Struct("<IIQQQQQQ")
PT_LOAD, PT_NOTE = 1, 4
XEN_ELFNOTE_PHYS32_ENTRY = 18
PAGE = 4096


def notes(data):
    """Yields (owner, type, descriptor) of each note in a PT_NOTE segment."""
    at = 0
    while at + 12 <= len(data):
        name_size, desc_size, kind = struct.unpack_from("<III", data, at)
        name = data[at + 12 : at + 12 + name_size].rstrip(b"\0")
        at += 12 + (name_size + 3 & ~3)
        yield name, kind, data[at : at + desc_size]
        at += desc_size + 3 & ~3


def main():
    with open(sys.argv[1], "rb") as file:
        elf = file.read()
    ehdr = list(EHDR.unpack_from(elf))
    if ehdr[0][:6] != b"\x7fELF\x02\x01" or ehdr[9] != PHDR.size:
        sys.exit("reduce-elf: not a 64-bit ELF file")
    phdrs = [list(PHDR.unpack_from(elf, ehdr[5] + i * PHDR.size)) for i in range(ehdr[10])]
    loads = [p for p in phdrs if p[0] == PT_LOAD]
    note = [p for p in phdrs if p[0] == PT_NOTE]
    entries = [
        struct.unpack("<Q", desc.ljust(8, b"\0"))[0]
        for p in note
        for name, kind, desc in notes(elf[p[2] : p[2] + p[5]])
        if name == b"Xen" and kind == XEN_ELFNOTE_PHYS32_ENTRY
    ]
    if len(entries) != 1:
        sys.exit("reduce-elf: no Xen PHYS32_ENTRY note")

    kept = loads + note
    out = bytearray(EHDR.size + len(kept) * PHDR.size)
    for p in loads:
        data = elf[p[2] : p[2] + p[5]].rstrip(b"\0")
        out += bytes(-len(out) % PAGE)
        old_offset, old_size = p[2], p[5]
        p[2], p[5], p[7] = len(out), len(data), PAGE
        for n in note:
            if old_offset <= n[2] and n[2] + n[5] <= old_offset + old_size:
                n[2] += p[2] - old_offset
        out += data
    ehdr[5], ehdr[10] = EHDR.size, len(kept)
    ehdr[6] = ehdr[11] = ehdr[12] = ehdr[13] = 0
    EHDR.pack_into(out, 0, *ehdr)
    for i, p in enumerate(kept):
        PHDR.pack_into(out, EHDR.size + i * PHDR.size, *p)
    with open(sys.argv[2], "wb") as file:
        file.write(out)


main()
