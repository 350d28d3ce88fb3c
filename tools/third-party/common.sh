# SPDX-License-Identifier: MIT
# Shared by the scripts of tools/third-party and tools/image (sourced): a private apt configuration below the build
# folder, made from the machine's own Debian sources, and fetching pinned source packages with it.
# The machine's apt configuration is never changed. Needs $O, the absolute build folder.
# shellcheck shell=sh

set -eu
: "${O:?}"
here=$(cd "$(dirname "$0")" && pwd)
versions=$here/../third-party/versions
third_party=$O/third-party
work=$third_party/.work
apt_dir=$third_party/.apt

die() {
    echo "third-party: $*" >&2
    exit 1
}

# Debian's own cloud images name mirror files and no key; everything else names Debian's key.
is_debian() {
    grep -q '^Signed-By:.*debian-archive' "$1" ||
        { ! grep -q '^Signed-By:' "$1" && grep -q '^URIs:.*debian' "$1"; }
}

# The machine's Debian entries, for binary and source packages. Both file formats are understood;
# other vendors' archives are left out.
write_apt_sources() {
    rm -rf "$apt_dir/sources.d"
    mkdir -p "$apt_dir/sources.d"
    for f in /etc/apt/sources.list.d/*.sources; do
        [ -e "$f" ] && is_debian "$f" || continue
        sed 's/^Types:.*/Types: deb deb-src/' "$f" >"$apt_dir/sources.d/$(basename "$f")"
    done
    for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -e "$f" ] || continue
        sed -n 's/^deb\(-src\)\{0,1\} \(.*debian.*\)/deb \2\ndeb-src \2/p' "$f" |
            awk '!seen[$0]++' >"$apt_dir/sources.d/$(basename "$f" .list).list"
        [ -s "$apt_dir/sources.d/$(basename "$f" .list).list" ] ||
            rm "$apt_dir/sources.d/$(basename "$f" .list).list"
    done
    [ -n "$(ls "$apt_dir/sources.d")" ] || die "no Debian archive in the machine's apt sources"
}

private_apt() {
    "$@" -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt_dir/sources.d" \
        -o Dir::State::lists="$apt_dir/lists" -o Dir::Cache="$apt_dir/cache" \
        -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none
}

# Refreshes the package lists if there are none or they are older than a day.
update_apt() {
    if [ -n "$(find "$apt_dir/updated" -mtime -1 2>/dev/null)" ] && [ "${1:-}" != now ]; then
        return
    fi
    mkdir -p "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial"
    write_apt_sources
    private_apt apt-get -qq update >"$apt_dir/update.log" 2>&1 || {
        cat "$apt_dir/update.log" >&2
        die "apt-get update failed"
    }
    touch "$apt_dir/updated"
}

# One part at a time, and once only: several work trees may share one build folder.
lock_third_party() {
    mkdir -p "$third_party" "$work"
    exec 9>"$third_party/.lock"
    flock 9
    if [ -e "${STAMP:-/nonexistent}" ]; then
        exit 0
    fi
}

# fetch_source PART: unpacks the part's pinned source package into $src. apt checks the archive's
# signature and each file's hash; the .dsc, which names all other files, is pinned here as well.
fetch_source() {
    # shellcheck disable=SC2046 # one row of the table: part package version hash
    set -- $(awk -v p="$1" '$1 == p' "$versions")
    [ $# -eq 4 ] || die "no such part in versions"
    src=$work/$1
    rm -rf "$src" "$src.dl"
    mkdir -p "$src.dl"
    update_apt
    (cd "$src.dl" && private_apt apt-get -qq --download-only source "$2=$3") >"$src.log" 2>&1 || {
        update_apt now
        (cd "$src.dl" && private_apt apt-get -qq --download-only source "$2=$3") >"$src.log" 2>&1 || {
            cat "$src.log" >&2
            die "$2 $3 is not in the archive: check tools/third-party/versions"
        }
    }
    (cd "$src.dl" && echo "$4  $(basename "$(ls ./*.dsc)")" | sha256sum -c --quiet) ||
        die "$2 $3: the .dsc is not the pinned one"
    dpkg-source --no-check -x "$src.dl"/*.dsc "$src" >"$src.log" 2>&1 || {
        cat "$src.log" >&2
        die "$2: cannot unpack"
    }
    rm -rf "$src.dl"
}

# fetch_package PART FILE: downloads the part's pinned binary package as FILE.
fetch_package() {
    file=$2
    # shellcheck disable=SC2046 # as above
    set -- $(awk -v p="$1" '$1 == p' "$versions")
    [ $# -eq 4 ] || die "no such part in versions"
    update_apt
    rm -rf "$file.dl"
    mkdir -p "$file.dl"
    (cd "$file.dl" && private_apt apt-get -qq download "$2=$3") >"$file.log" 2>&1 || {
        update_apt now
        (cd "$file.dl" && private_apt apt-get -qq download "$2=$3") >"$file.log" 2>&1 || {
            cat "$file.log" >&2
            die "$2 $3 is not in the archive: check tools/third-party/versions"
        }
    }
    echo "$4  $(ls "$file.dl"/*.deb)" | sha256sum -c --quiet || die "$2 $3: not the pinned package"
    mv "$file.dl"/*.deb "$file"
    rm -rf "$file.dl" "$file.log"
}

# Runs a command with its output in a log that is shown only when it fails.
logged() {
    "$@" >>"$src.log" 2>&1 || {
        tail -n 20 "$src.log" | cut -c1-300 >&2
        die "$1 failed, see $src.log"
    }
}

# Flags of everything that ends up in mgmt and net; the same as PV_CFLAGS without warnings.
pv_flags="-std=gnu11 -O2 -g -ffreestanding -mno-red-zone -fno-pic -fno-pie -mcmodel=small
    -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables
    -ffunction-sections -fdata-sections -fno-strict-aliasing -msse2"
