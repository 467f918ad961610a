"""Distributions' headers for kernels of many versions, unpacked: what the kernel driver is built with here.

Programs that came with them want a C library as new as their distribution's, which is unpacked beside them.
"""

import dataclasses
import re
import shutil
import tarfile
from pathlib import Path

from fluorite.host.cache import cached
from fluorite.host.toolchain import run_tool
from fluorite.systems.machine.debian import DEBIAN, Archive, PrivateApt

from .kernel_sources import made_of_source

_UBUNTU = Archive(
    distribution="Ubuntu",
    suite="",
    mirror="http://archive.ubuntu.com/ubuntu",
    variable="FLUORITE_UBUNTU_MIRROR",
    keys=Path(),
    keys_package="ubuntu-keyring",
)
#: Programs among the headers that a module's build runs.
_PROGRAMS = ("basic/fixdep", "mod/modpost", "mod/modpost.real-lsb-64", "../tools/objtool/objtool")
#: What compilers later than this machine's may have, and the kernel was configured for.
_NEWER = re.compile(
    r".*\bCONFIG_CC_HAS_(COUNTED_BY\w*|MULTIDIMENSIONAL_NONSTRING|MIN_FUNCTION_ALIGNMENT|ASSUME|NAMED_AS\w*)\b.*\n"
)
_CHANGES = "1"  # to be counted up where the steps below change


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel: its version, whose it is, and the architecture that its headers are to be had for."""

    version: str
    distribution: str
    suite: str
    arch: str
    packages: tuple[str, ...] = ()

    def __str__(self):
        return f"{self.version}-{self.distribution}-{self.suite}-{self.arch}"

    @property
    def from_source(self):
        """Whether its tree is made of the kernel's source."""
        return self.packages[:1] == (f"linux-source-{self.version}.0:all",)


def _source(version, suite, arch):
    return Kernel(version, "ubuntu", suite, arch, (f"linux-source-{version}.0:all",))


def _ubuntu(version, suite, package, libelf):
    names = (f"linux-headers-{package}-generic", f"linux-headers-{package}:all", "libc6", libelf, "zlib1g", "libzstd1")
    return Kernel(version, "ubuntu", suite, "x86_64", names)


#: Ubuntu's are those that the releases began with, which stay; its archive has none for ARM, whose trees are made of
#: source for the versions of PYNQ's, PetaLinux's and Kria's images. Debian's change with each update, which the cache
#: does not follow, and those of the suite that is to be the next release with their version.
KERNELS = (
    _ubuntu("5.15", "jammy", "5.15.0-25", "libelf1"),
    _ubuntu("6.8", "noble", "6.8.0-31", "libelf1t64"),
    _ubuntu("6.17", "questing", "6.17.0-5", "libelf1t64"),
    _ubuntu("7.0", "resolute", "7.0.0-14", "libelf1t64"),
    _source("5.15", "jammy", "arm"),
    _source("5.15", "jammy", "arm64"),
    _source("6.8", "noble", "arm64"),
    Kernel("6.12", "debian", "trixie", "arm64"),
    Kernel("next", "debian", "forky", "arm64"),
)


def unpacked(kernel, folder):
    """Unpack the headers into a folder, downloaded (25 MB) the first time; returns where a build starts."""
    keys = _ubuntu_keys(folder) if kernel.distribution == "ubuntu" else DEBIAN.keys
    key = (_CHANGES, str(kernel), *kernel.packages)
    with tarfile.open(cached("headers", key, ".tar.gz", lambda work: _download(kernel, keys, work))) as archive:
        archive.extractall(folder, filter="fully_trusted")
    tree = folder / "tree"
    start = max(tree.glob("usr/src/linux-headers-*"), key=lambda path: (path / ".config").is_file())
    makefile = start / "Makefile"
    if not makefile.is_symlink():  # Debian's has absolute paths
        makefile.write_text(re.sub(r"(?<=[ =])/usr/src/", f"{tree}/usr/src/", makefile.read_text()))
    (start / "vmlinux").unlink(missing_ok=True)  # types for BPF, which would want another program
    for name in ("include/config/auto.conf", "include/generated/autoconf.h"):
        (start / name).write_text(_NEWER.sub("", (start / name).read_text()))
    if kernel.from_source:  # its programs were made here
        return start
    loader = next(path for path in tree.rglob("ld-linux-*.so.*") if not path.is_symlink())
    for program in (path for name in _PROGRAMS if (path := start / "scripts" / name).is_file()):
        program.rename(program.with_name(f"{program.name}.itself"))
        libraries = f"{loader.parent}:{tree}/usr/lib/{loader.parent.name}"
        command = f'{loader} --argv0 "$0" --library-path {libraries} "$0.itself" "$@"'
        program.write_text(f"#!/bin/sh\nexec {command}\n")
        program.chmod(0o755)
    return start


def _ubuntu_keys(folder):
    """Of Ubuntu's archive, from Debian's: so they are checked, too."""

    def download(work):
        apt = PrivateApt(
            work / "apt", "amd64", dataclasses.replace(DEBIAN, suite="trixie"), "the check of Ubuntu's keys"
        )
        (package,) = apt.download(["ubuntu-keyring:all"])
        run_tool(["dpkg-deb", "-x", str(package), str(work)])
        with tarfile.open(work / "keys.tar", "w") as archive:
            archive.add(work / "usr/share/keyrings", "keyrings")
        return work / "keys.tar"

    with tarfile.open(cached("headers", (_CHANGES, "ubuntu-keyring"), ".tar", download)) as archive:
        archive.extractall(folder, filter="fully_trusted")
    return folder / "keyrings/ubuntu-archive-keyring.gpg"


def _download(kernel, keys, work):
    purpose = f"the tree of Linux {kernel.version}"
    if kernel.distribution == "ubuntu":
        archive = dataclasses.replace(_UBUNTU, suite=kernel.suite, keys=keys)
        apt, names = PrivateApt(work / "apt", "amd64", archive, purpose), kernel.packages
    else:
        apt = PrivateApt(work / "apt", kernel.arch, dataclasses.replace(DEBIAN, suite=kernel.suite), purpose)
        (headers,) = (p for p in apt.depends(f"linux-headers-{kernel.arch}") if p.startswith("linux-headers-"))
        version, host = headers.removeprefix("linux-headers-").removesuffix(f"-{kernel.arch}"), apt.host_architecture
        common = f"linux-headers-{version}-common:all"
        names = (headers, common, f"linux-kbuild-{version}:{host}", f"libc6:{host}")
    for package in apt.download(names):
        run_tool(["dpkg-deb", "-x", str(package), str(work / ("source" if kernel.from_source else "tree"))])
    if kernel.from_source:
        made_of_source(work / "source", kernel.arch, work)
    else:
        _prune(kernel, work / "tree/usr/src")
        shutil.rmtree(work / "tree/usr/share")
    made = work / "made.tar.gz"
    with tarfile.open(made, "w:gz", compresslevel=3) as archived:
        archived.add(work / "tree", "tree")
    return made


def _prune(kernel, sources):
    """Leave out headers of other architectures, most of the files."""
    kept = {"x86_64": "x86"}.get(kernel.arch, kernel.arch)
    for path in sources.glob("*/arch/*"):
        if path.is_dir() and not path.is_symlink() and path.name != kept:
            shutil.rmtree(path)
