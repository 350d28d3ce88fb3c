#!/bin/sh
# SPDX-License-Identifier: MIT
# BearSSL twice: libbearssl.a for mgmt, freestanding against musl, without any source of entropy or
# time but RDRAND and what it is given; libbearssl-host.a for tools and host tests.
# Makes bearssl/{inc,libbearssl.a,libbearssl-host.a}. Needs musl.
. "$(dirname "$0")/common.sh"

lock_third_party
[ -e "$third_party/musl/include/string.h" ] || die "bearssl needs musl"
fetch_source bearssl

# build_library NAME FLAGS...: compiles all of src/ into $third_party/bearssl/NAME.
build_library() {
    name=$1
    shift
    mkdir -p "$src/$name.o"
    find src -name '*.c' | sort >"$src/sources"
    # One make rule for each file, so that two compile at a time and the first error ends it.
    awk -v dir="$src/$name.o" '{
        o = $0; gsub("/", "_", o); sub("c$", "o", o); o = dir "/" o
        all = all " " o
        printf "%s: %s\n\t$(CC) $(FLAGS) -c $< -o $@\n", o, $0
    } END { print "all:" all }' "$src/sources" >"$src/$name.mk"
    logged make -j2 -f "$src/$name.mk" CC=gcc FLAGS="$*" all
    rm -f "$third_party/bearssl/$name"
    ar rcs "$third_party/bearssl/$name" "$src/$name.o"/*.o
}

cd "$src"
rm -rf "$third_party/bearssl"
mkdir -p "$third_party/bearssl"
cp -r inc "$third_party/bearssl/inc"
# The zeros matter: gcc predefines __linux__ also when freestanding.
# shellcheck disable=SC2086
build_library libbearssl.a $pv_flags -nostdinc -isystem "$third_party/musl/include" \
    -isystem "$(gcc -print-file-name=include)" -Iinc -Isrc \
    -DBR_RDRAND=1 -DBR_USE_URANDOM=0 -DBR_USE_UNIX_TIME=0 -DBR_AES_X86NI=1 -DBR_SSE2=1
build_library libbearssl-host.a -O2 -g -Iinc -Isrc
rm -rf "$src"
