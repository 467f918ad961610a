#!/bin/sh
# Install what system simulation with ARM programs needs (Debian, Ubuntu): QEMU's user mode and the cross compilers;
# and the tools that check what is written for boards: the device tree compiler, Tcl, Icarus Verilog.
# Does nothing where it is there. Exit code 1, with the command to run by hand, where it cannot be installed.
set -eu
packages="gcc qemu-user-static gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross
          device-tree-compiler tcl iverilog"

missing=""
for tool in gcc arm-linux-gnueabihf-gcc aarch64-linux-gnu-gcc dtc fdtoverlay tclsh iverilog; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
for tool in qemu-arm qemu-aarch64; do
    command -v "$tool" >/dev/null 2>&1 || command -v "$tool-static" >/dev/null 2>&1 || missing="$missing $tool"
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
    echo "System simulation needs$missing, which cannot be installed here without you." >&2
    echo "On Debian or Ubuntu: sudo apt-get install --no-install-recommends $packages" >&2
    exit 1
fi
echo "Installing$missing (system simulation with ARM programs)"
export DEBIAN_FRONTEND=noninteractive
# The lists of packages may be stale or missing: look for newer ones only if it fails without.
# shellcheck disable=SC2086
$sudo apt-get install -y -q --no-install-recommends $packages >/dev/null 2>&1 ||
    { $sudo apt-get update -q >/dev/null && $sudo apt-get install -y -q --no-install-recommends $packages >/dev/null; } ||
    { echo "System simulation needs $packages: apt-get could not install them." >&2; exit 1; }
