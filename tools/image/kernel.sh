#!/bin/sh
# SPDX-License-Identifier: MIT
# The sandbox kernel: Debian's cloud kernel as it is, taken out of its package without installing it.
# Makes sandbox/vmlinux (ELF with the Xen PVH note), sandbox/modules/*.ko and modules.order.txt,
# which names them in the order they must be loaded.
. "$(dirname "$0")/../third-party/common.sh"

sandbox=$O/sandbox
modules='xen-blkfront xen-netfront xen-gntalloc xen-evtchn squashfs overlay'

lock_third_party
mkdir -p "$sandbox"
tmp=$sandbox/.kernel
src=$tmp/extract
rm -rf "$tmp"
mkdir -p "$tmp/root"
fetch_package kernel "$tmp/kernel.deb"
dpkg-deb -x "$tmp/kernel.deb" "$tmp/root"
release=$(ls "$tmp/root/lib/modules")

# A bzImage carries the ELF file as an LZ4 frame of the old kind, followed by its length (Linux
# Documentation/x86/boot.rst, "The Real-Mode Kernel Header": setup_sects, payload_offset,
# payload_length).
number_at() {
    od -An -v -t"u$3" -j"$2" -N"$3" "$1" | tr -d ' '
}
image=$tmp/root/boot/vmlinuz-$release
setup_sects=$(number_at "$image" $((0x1f1)) 1)
offset=$(((setup_sects + 1) * 512 + $(number_at "$image" $((0x248)) 4)))
length=$(number_at "$image" $((0x24c)) 4)
tail -c +$((offset + 1)) "$image" | head -c $((length - 4)) | lz4 -dcq >"$tmp/vmlinux.full"
python3 "$here/reduce-elf.py" "$tmp/vmlinux.full" "$tmp/vmlinux"

rm -rf "$sandbox/modules"
mkdir -p "$sandbox/modules"
depmod -b "$tmp/root" "$release"
for m in $modules; do
    modprobe -d "$tmp/root" -S "$release" --show-depends "$m"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$tmp/order"
while read -r file; do
    cp "$file" "$sandbox/modules/"
    basename "$file"
done <"$tmp/order" >"$sandbox/modules/modules.order.txt"
mv "$tmp/vmlinux" "$sandbox/vmlinux"
echo "$release" >"$sandbox/kernel.release"
rm -rf "$tmp"
