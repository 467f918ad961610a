#!/bin/sh
# Install what whole machines need (Debian, Ubuntu): QEMU's system emulation, the cross compilers, what Linux is built
# with, and Debian's keys. Does nothing where it is there. Exit code 1, with the command to run by hand, where it cannot be
# installed. The kernels themselves are downloaded when a machine is booted first, and kept in fluorite's cache.
set -eu
packages="qemu-system-arm device-tree-compiler gcc make bc bison flex xz-utils cpio debian-archive-keyring \
gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross"

missing=""
for tool in qemu-system-arm qemu-system-aarch64 dtc fdtoverlay gcc make bc bison flex xz cpio arm-linux-gnueabihf-gcc \
    aarch64-linux-gnu-gcc; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
[ -f /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$missing debian-archive-keyring"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    sudo=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    sudo="sudo -n"
else
    sudo="none"
fi
if [ "$sudo" = none ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Whole machines need$missing, which cannot be installed here without you." >&2
    echo "On Debian or Ubuntu: sudo apt-get install --no-install-recommends $packages" >&2
    exit 1
fi
echo "Installing$missing (system simulation with whole machines)"
export DEBIAN_FRONTEND=noninteractive
# The lists of packages may be stale or missing: look for newer ones only if it fails without.
# shellcheck disable=SC2086
$sudo apt-get install -y -q --no-install-recommends $packages >/dev/null 2>&1 ||
    { $sudo apt-get update -q >/dev/null && $sudo apt-get install -y -q --no-install-recommends $packages >/dev/null; } ||
    { echo "Whole machines need $packages: apt-get could not install them." >&2; exit 1; }
