#!/bin/sh
# SPDX-License-Identifier: MIT
# picohttpparser, out of h2o's source package. Makes picohttpparser/picohttpparser.[ch].
. "$(dirname "$0")/common.sh"

lock_third_party
fetch_source picohttpparser
rm -rf "$third_party/picohttpparser"
mkdir -p "$third_party/picohttpparser"
cp "$src/deps/picohttpparser/picohttpparser.c" "$src/deps/picohttpparser/picohttpparser.h" \
    "$third_party/picohttpparser/"
rm -rf "$src"
