#!/bin/sh
# SPDX-License-Identifier: MIT
# musl as a static libc whose system calls are calls of bh_syscall().
# Makes musl/{include,lib/libc.a}.
. "$(dirname "$0")/common.sh"

lock_third_party
fetch_source musl
cp "$here/syscall_arch.h" "$src/arch/x86_64/syscall_arch.h"
# These have a syscall instruction inside. Without them musl falls back to its generic C code, which
# goes through the hook; pthread_cancel has no such fallback and does not link, as it should.
rm "$src/src/thread/x86_64/clone.s" "$src/src/thread/x86_64/__unmapself.s" \
    "$src/src/thread/x86_64/__set_thread_area.s" "$src/src/thread/x86_64/syscall_cp.s" \
    "$src/src/process/x86_64/vfork.s" "$src/src/signal/x86_64/restore.s"
cd "$src"
rm -rf "$third_party/musl"
# musl sets its own language level and freestanding flags.
flags=$(echo "$pv_flags" | sed 's/-std=gnu11//; s/-ffreestanding//; s/-fno-strict-aliasing//')
# shellcheck disable=SC2086
CC=gcc CFLAGS="$(echo $flags)" logged ./configure --target=x86_64 --prefix="$third_party/musl" \
    --disable-shared
# The target triple makes musl look for x86_64-ar.
logged make -j2 AR=ar RANLIB=ranlib lib/libc.a
logged make install-headers
mkdir -p "$third_party/musl/lib"
cp lib/libc.a "$third_party/musl/lib/"
if objdump -d --no-show-raw-insn lib/libc.a | awk '$2 == "syscall" { found = 1 } END { exit !found }'; then
    die "musl: a syscall instruction is left"
fi
rm -rf "$src"
