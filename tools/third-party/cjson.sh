#!/bin/sh
# SPDX-License-Identifier: MIT
# cJSON's two files. Makes cjson/cJSON.[ch].
. "$(dirname "$0")/common.sh"

lock_third_party
fetch_source cjson
rm -rf "$third_party/cjson"
mkdir -p "$third_party/cjson"
cp "$src/cJSON.c" "$src/cJSON.h" "$third_party/cjson/"
rm -rf "$src"
