"""Debian's headers for its kernels on ARM, unpacked: what the kernel driver is built with here."""

import re
import shutil
import tarfile

from fluorite.host.cache import cached
from fluorite.host.toolchain import run_tool
from fluorite.systems.machine.debian import SUITE, PrivateApt

#: By the kernel's name of the architecture: Debian's, and that of its kernel.
_FLAVOURS = {"arm64": ("arm64", "arm64"), "arm": ("armhf", "armmp")}


def headers(arch, folder):
    """Unpack the headers into a folder, downloaded (15 MB) the first time; returns where a build starts."""
    with tarfile.open(cached("headers", ("5", SUITE, arch), ".tar.gz", lambda work: _download(arch, work))) as archive:
        archive.extractall(folder, filter="fully_trusted")
    sources = folder / "tree/usr/src"
    (common,) = sources.glob("linux-headers-*-common")
    (made,) = (path for path in sources.glob("linux-headers-*") if path != common)
    makefile = made / "Makefile"  # it has the common one's absolute path
    makefile.write_text(re.sub(r"/usr/src/(linux-headers-\S+-common)", f"{sources}/\\1", makefile.read_text()))
    return made


def _download(arch, work):
    debian, flavour = _FLAVOURS[arch]
    apt = PrivateApt(work / "apt", debian)
    (name,) = (p for p in apt.depends(f"linux-headers-{flavour}") if p.startswith("linux-headers-"))
    common = name.removesuffix(flavour) + "common"
    packages = apt.download([name, f"{common}:all", f"linux-kbuild-6.1:{apt.host_architecture}"])
    for package in packages:
        run_tool(["dpkg-deb", "-x", str(package), str(work / "tree")])
    _prune(arch, work / "tree/usr/src", name, common)
    if arch == "arm":
        _use_modpost_of(debian, apt, work)
    made = work / "made.tar.gz"
    with tarfile.open(made, "w:gz", compresslevel=3) as archive:
        archive.add(work / "tree", "tree")
    return made


def _prune(arch, sources, name, common):
    """Leave out files, most of them, that only other architectures or a changed configuration would need."""
    for path in (sources / common / "arch").iterdir():
        if path.is_dir() and path.name != arch:
            shutil.rmtree(path)
    for path in (sources / name / "include/config").iterdir():
        if not path.name.startswith(("auto.conf", "kernel.release")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(sources / common / "include/dt-bindings")


def _use_modpost_of(debian, apt, work):
    """This program is made for one size of pointers: that of the machine it runs on, which must be the kernel's."""
    (package,) = apt.download([f"linux-kbuild-6.1:{debian}"])
    run_tool(["dpkg-deb", "-x", str(package), str(work / "other")])
    path = "usr/lib/linux-kbuild-6.1/scripts/mod/modpost.real-lsb-32"
    shutil.copy(work / "other" / path, work / "tree" / f"{path}.arm")
    emulator = "qemu-arm" if shutil.which("qemu-arm") else "qemu-arm-static"
    (work / "tree" / path).write_text(f'#!/bin/sh\nexec {emulator} -L /usr/arm-linux-gnueabihf "$0.arm" "$@"\n')
