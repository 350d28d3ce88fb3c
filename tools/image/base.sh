#!/bin/sh
# SPDX-License-Identifier: MIT
# The base image: a Debian root with the packages of a list, as a read-only squashfs. Packages are
# those the archive has today, so that security fixes come with a rebuild; the manifest says which.
# Makes sandbox/base.squashfs, base.squashfs.hash (hash tree), base.squashfs.root (root hash) and
# base.manifest.
# Usage: base.sh LIST HASHTREE
. "$(dirname "$0")/../third-party/common.sh"

list=$1
hashtree=$2
sandbox=$O/sandbox
limit_mb=75

lock_third_party
mkdir -p "$sandbox"
tmp=$sandbox/.base
src=$tmp/build
rm -rf "$tmp"
mkdir -p "$tmp"
update_apt
# One moment for every file; newer ones are clamped to it.
export SOURCE_DATE_EPOCH=1700000000
packages=$(sed 's/#.*//' "$list" | tr -s '[:space:]' ',' | sed 's/^,//; s/,$//')
[ -n "$packages" ] || die "$list: no packages"

logged mmdebstrap --quiet --variant=essential --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --include="$packages" \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook="chroot \"\$1\" dpkg-query -W >$tmp/base.manifest" \
    --customize-hook="$here/customize.sh \"\$1\"" \
    bookworm "$tmp/base.tar" "$apt_dir"/sources.d/*

# Small blocks: a read of one file's start must not unpack much more.
# LZ4 takes more room than zstd, but a sandbox unpacks it in far fewer instructions.
# The root folder's own entry in the archive does not count for sqfstar.
logged sqfstar -quiet -no-progress -comp lz4 -Xhc -b 64K -root-mode 755 -root-uid 0 -root-gid 0 \
    "$tmp/base.squashfs" <"$tmp/base.tar"
size_mb=$(($(stat -c %s "$tmp/base.squashfs") >> 20))
[ "$size_mb" -le "$limit_mb" ] || die "base image: $size_mb MB, more than $limit_mb MB"

logged "$hashtree" "$tmp/base.squashfs"
mv "$tmp/base.squashfs" "$tmp/base.squashfs.hash" "$tmp/base.squashfs.root" "$tmp/base.manifest" \
    "$sandbox/"
rm -rf "$tmp"
