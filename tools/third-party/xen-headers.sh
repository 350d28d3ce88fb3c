#!/bin/sh
# SPDX-License-Identifier: MIT
# An include folder with nothing in it but Xen's public headers (package libxen-dev), so that
# freestanding code sees them and nothing else of /usr/include. Makes include/xen.
. "$(dirname "$0")/common.sh"

lock_third_party
[ -e /usr/include/xen/xen.h ] || die "libxen-dev is not installed: run tools/setup"
mkdir -p "$third_party/include"
ln -sfn /usr/include/xen "$third_party/include/xen"
