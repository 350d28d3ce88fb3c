#!/bin/sh
# SPDX-License-Identifier: MIT
# lwIP's sources: each program compiles them with its own lwipopts.h. Makes lwip/src.
. "$(dirname "$0")/common.sh"

lock_third_party
fetch_source lwip
rm -rf "$third_party/lwip"
mkdir -p "$third_party/lwip"
cp -r "$src/src" "$third_party/lwip/src"
rm -rf "$src"
