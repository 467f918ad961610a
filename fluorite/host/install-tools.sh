#!/bin/sh
# Install what simulation and tests need beyond Python's packages (Debian, Ubuntu): install-tools.sh SET ...
#
#   programs   systems with ARM programs: QEMU's user mode, the cross compilers
#   boards     what checks files written for boards: device trees, Tcl, bitstreams, the kernel driver, a second simulator
#   machines   whole machines: QEMU's system emulation, what Linux is built with, Debian's keys
#
# Does nothing where all of it is there. Exit code 1, with the command to run by hand, where it cannot be installed.
set -eu

# Set, what must be there, the packages that bring it.
table="
programs  gcc                      gcc libc6-dev
programs  arm-linux-gnueabihf-gcc  gcc-arm-linux-gnueabihf libc6-dev-armhf-cross
programs  aarch64-linux-gnu-gcc    gcc-aarch64-linux-gnu libc6-dev-arm64-cross
programs  qemu-arm-static          qemu-user-static
programs  qemu-aarch64-static      qemu-user-static
boards    make                     make
boards    dtc                      device-tree-compiler
boards    fdtoverlay               device-tree-compiler
boards    tclsh                    tcl
boards    iverilog                 iverilog
boards    bootgen                  xilinx-bootgen
boards    sparse                   sparse
boards    busybox                  busybox-static
boards    modinfo                  kmod
boards    xz                       xz-utils
boards    /usr/share/keyrings/debian-archive-keyring.gpg  debian-archive-keyring
machines  qemu-system-arm          qemu-system-arm
machines  qemu-system-aarch64      qemu-system-arm
machines  bc                       bc
machines  bison                    bison
machines  flex                     flex
machines  cpio                     cpio
"

PATH=$PATH:/usr/sbin:/sbin
missing="" packages=""
for set in "$@"; do
    case $set in programs | boards | machines) ;; *) echo "usage: $0 programs|boards|machines ..." >&2; exit 2 ;; esac
    while read -r of tool brings; do
        [ "$of" = "$set" ] || continue
        [ -e "$tool" ] || command -v "$tool" >/dev/null 2>&1 || command -v "${tool%-static}" >/dev/null 2>&1 || {
            missing="$missing ${tool##*/}"
            packages="$packages $brings"
        }
    done <<END
$table
END
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    sudo=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    sudo="sudo -n"
else
    sudo="none"
fi
if [ "$sudo" = none ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not found:$missing ($*), and they cannot be installed here without you." >&2
    echo "On Debian or Ubuntu: sudo apt-get install --no-install-recommends$packages" >&2
    exit 1
fi
echo "Installing$missing ($*)"
export DEBIAN_FRONTEND=noninteractive
# The lists of packages may be stale or missing: look for newer ones only if it fails without.
# shellcheck disable=SC2086
$sudo apt-get install -y -q --no-install-recommends $packages >/dev/null 2>&1 ||
    { $sudo apt-get update -q >/dev/null && $sudo apt-get install -y -q --no-install-recommends $packages >/dev/null; } ||
    { echo "apt-get could not install$packages." >&2; exit 1; }
