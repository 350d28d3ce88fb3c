#!/bin/sh
# SPDX-License-Identifier: MIT
# Turns a fresh Debian root folder into a sandbox's base image: the user, our files, and nothing that
# a sandbox never reads. Run by mmdebstrap. Usage: customize.sh ROOT
set -eu
root=$1
here=$(cd "$(dirname "$0")" && pwd)

# The essential set has no useradd. Neither user has a password that anything would accept.
echo 'sandbox:x:1000:1000::/home/sandbox:/bin/bash' >>"$root/etc/passwd"
echo 'sandbox:x:1000:' >>"$root/etc/group"
if [ -e "$root/etc/shadow" ]; then echo 'sandbox:!:19000::::::' >>"$root/etc/shadow"; fi
cp -r "$root/etc/skel" "$root/home/sandbox"
chown -R 1000:1000 "$root/home/sandbox"
echo sandbox >"$root/etc/hostname"
printf '127.0.0.1 localhost sandbox\n::1 localhost\n' >"$root/etc/hosts"
# Filled in by udhcpc.sh when the session has a network.
: >"$root/etc/resolv.conf"
chmod 644 "$root/etc/resolv.conf" "$root/etc/hosts" "$root/etc/hostname"
# pip may write to the system: the whole machine ends with the session.
rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
ln -sf python3 "$root/usr/bin/python"

cp -r "$here/rootfs/." "$root/"
chmod 755 "$root/usr/share/bulkhead/udhcpc.sh"
for applet in free ifconfig ip killall less nc nslookup ping ps route telnet time top traceroute \
    unzip vi wget; do
    chroot "$root" /bin/sh -c "command -v $applet >/dev/null" ||
        ln -s /bin/busybox "$root/usr/bin/$applet"
done

# Machine identity is made at run time; logs, caches and lists tell nothing.
: >"$root/etc/machine-id"
rm -rf "$root"/var/log/* "$root"/var/cache/* "$root"/var/lib/apt/lists/* "$root"/var/lib/dpkg/*-old \
    "$root"/etc/*- "$root"/usr/share/man "$root"/usr/share/info "$root"/usr/share/lintian \
    "$root"/usr/share/bug "$root"/usr/share/bash-completion "$root"/usr/share/doc-base \
    "$root"/tmp/* "$root"/run/* "$root"/boot "$root"/etc/apt/apt.conf.d/99mmdebstrap
# Byte code, so that no session has to compile it, and only what goes with its source: file times are
# clamped when the image is packed, so clamp the sources' first.
find "$root/usr/lib" -path '*/python3*' -name __pycache__ -type d -prune -exec rm -rf {} +
find "$root/usr/lib" -path '*/python3*' -name '*.py' -newermt "@$SOURCE_DATE_EPOCH" \
    -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
# Some files are there to be refused by the compiler (lib2to3's tests), hence the || true.
chroot "$root" python3 -m compileall -q --invalidation-mode timestamp /usr/lib/python3* \
    >/dev/null 2>&1 || true
mkdir -p "$root/boot" "$root/var/cache/apt/archives/partial" "$root/var/lib/apt/lists/partial" \
    "$root/var/log/apt" "$root/workspace"
chown 1000:1000 "$root/workspace"
