"""The machines' kernels: Debian's own, or built from Debian's source; and modules for them. All made once and kept."""

from __future__ import annotations

import os
import re
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fluorite.errors import SimulationError
from fluorite.host.cache import cached
from fluorite.host.toolchain import run_tool
from fluorite.systems.machine.debian import SUITE, PrivateApt, unpack
from fluorite.systems.machine.machines import Machine
from fluorite.systems.program.targets import TARGETS

__all__ = ["Kernel", "build_module", "kernel"]

_HERE = Path(__file__).parent
_SOURCE = "linux-source-6.1"
_UIO = "drivers/uio/uio_pdrv_genirq.c"
_MAKE = {"arm64": "arm64", "armhf": "arm"}  # the kernel's names of architectures
# What a build of modules needs of the source after it was built, as Debian's packages of headers have it.
_TREE = (
    "Makefile",
    "Kbuild",
    ".config",
    "Module.symvers",
    "include",
    "scripts",
)
_ARCH_TREE = ("Makefile", "include")  # the same of arch/ARCHITECTURE
_IMAGES = {"arm": "zImage", "arm64": "Image"}  # what QEMU boots, by the kernel's name of the architecture
# Sources that this kernel has no use for, most of the archive.
_LEFT_OUT = (
    "drivers/gpu/drm/*.[ch]",
    "drivers/net/*.[ch]",
    "drivers/media/*.[ch]",
    "sound/*.[ch]",
    "*.rst",
    "tools/testing/*",
)
_CHANGES = "1"  # to be counted up where the steps below change


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel and what belongs to it.

    Attributes
    ----------
    version : str
        As ``uname -r`` prints it.
    image : bytes
        What QEMU boots.
    modules : dict of str to bytes
        Modules by name, in the order they are to be loaded.
    busybox : bytes
        A static busybox of the same architecture.
    """

    version: str
    image: bytes
    modules: dict[str, bytes]
    busybox: bytes


def kernel(machine: Machine) -> Kernel:
    """The kernel of a machine: downloaded, or downloaded and built, the first time.

    ``zcu102`` boots Debian's kernel as it is, the others one built from Debian's source (``zynq.config``,
    ``kria.config``): Debian's for 32-bit ARM has neither a driver for the machine's serial port nor its clocks, and
    the one for 64 bits neither FPGA managers nor overlays.

    Raises
    ------
    SimulationError
        Packages cannot be had, or a tool is missing or fails.
    """
    tree = _tree(machine)
    files = _members(tree, "kernel/", "version", "source/")
    version = files["version"].decode()
    modules: dict[str, bytes] = {}
    if not machine.loads:
        package = f"linux-image-{version}"

        def make(work: Path) -> Path:
            apt = PrivateApt(work / "apt", machine.architecture)
            names = (f"boot/vmlinuz-{version}", f"lib/modules/{version}/kernel/drivers/uio/uio.ko")
            found = unpack(apt.download([package])[0], lambda name: name in names)
            busybox = unpack(apt.download(["busybox-static"])[0], lambda name: name == "bin/busybox")
            return _bundle(
                work / "kernel.tar",
                {
                    "kernel/image": found[names[0]],
                    "kernel/uio.ko": found[names[1]],
                    "kernel/busybox": busybox["bin/busybox"],
                },
            )

        files |= _members(cached("machines", (_CHANGES, SUITE, package), ".tar", make), "kernel/")
        modules["uio"] = files["kernel/uio.ko"]
        source = files["source/uio_pdrv_genirq.c"].decode()
        modules["uio_pdrv_genirq"] = build_module(machine, "uio_pdrv_genirq", {"uio_pdrv_genirq.c": source})
    return Kernel(version, files["kernel/image"], modules, files["kernel/busybox"])


def build_module(machine: Machine, name: str, sources: Mapping[str, str]) -> bytes:
    """Build a module for a machine's kernel.

    Parameters
    ----------
    name : str
        Of the module.
    sources : mapping of str to str
        Its files; with a ``Kbuild`` or ``Makefile`` among them, that says what is built.

    Returns
    -------
    bytes
        ``name.ko``.

    Raises
    ------
    SimulationError
        It does not compile.
    """
    tree = _tree(machine)
    files = dict(sources)
    if not {"Kbuild", "Makefile"} & set(files):
        files["Kbuild"] = f"obj-m := {name}.o\n"

    def make(work: Path) -> Path:
        with tarfile.open(tree) as archive:
            archive.extractall(work, filter="fully_trusted")
        module = work / "module"
        module.mkdir()
        for file, text in files.items():
            (module / file).write_text(text, encoding="utf-8")
        run_tool(["make", "-C", str(_headers(work)), f"M={module}", *_variables(machine), "modules"])
        return module / f"{name}.ko"

    return cached("machines", (_CHANGES, str(tree), *_flat(files)), ".ko", make).read_bytes()


def _flat(files: Mapping[str, str]) -> list[str]:
    return [text for item in sorted(files.items()) for text in item]


def _variables(machine: Machine) -> list[str]:
    compiler = TARGETS[machine.target].compiler[0]
    # CC as well: Debian's headers name a version of the compiler, which other systems do not have.
    return [f"ARCH={_MAKE[machine.architecture]}", f"CROSS_COMPILE={compiler.removesuffix('gcc')}", f"CC={compiler}"]


def _headers(folder: Path) -> Path:
    """Where the build of a module starts, in an unpacked tree. Debian's headers name each other by absolute paths."""
    sources = folder / "tree" / "usr" / "src"
    if not sources.is_dir():
        return folder / "tree"
    (common,) = sources.glob("linux-headers-*-common")
    (headers,) = (path for path in sources.glob("linux-headers-*") if path != common)
    makefile = headers / "Makefile"
    makefile.write_text(
        re.sub(r"/usr/src/(linux-headers-\S+-common)", f"{sources}/\\1", makefile.read_text(encoding="utf-8")),
        encoding="utf-8",
    )
    return headers


def _tree(machine: Machine) -> Path:
    """An archive of what modules are built with, and what came along: ``version``, ``source/``, ``kernel/``."""
    target = TARGETS[machine.target]
    version = run_tool([target.compiler[0], "--version"]).stdout.partition("\n")[0]
    if not machine.loads:
        return cached(
            "machines", (_CHANGES, SUITE, machine.name, version), ".tar.gz", lambda work: _stock(machine, work)
        )
    config = (_HERE / f"{machine.name}.config").read_text(encoding="utf-8")
    return cached("machines", (_CHANGES, SUITE, config, version), ".tar.gz", lambda work: _built(machine, config, work))


def _say(text: str) -> None:
    print(f"fluorite: {text}", file=sys.stderr, flush=True)


def _stock(machine: Machine, work: Path) -> Path:
    """Debian's headers, and the source of the one driver that Debian does not build."""
    _say(f"downloading Linux for the machine {machine.name} (250 MB, once)")
    apt = PrivateApt(work / "apt", machine.architecture)
    images = [name for name in apt.depends(f"linux-image-{machine.architecture}") if name.startswith("linux-image-")]
    if len(images) != 1:
        raise SimulationError(f"linux-image-{machine.architecture} must name one kernel, not {images}")
    version = images[0].removeprefix("linux-image-")
    common = version.removesuffix(f"-{machine.architecture}") + "-common"
    packages = apt.download(
        [
            f"linux-headers-{version}",
            f"linux-headers-{common}:all",
            f"linux-kbuild-6.1:{apt.host_architecture}",
            f"{_SOURCE}:all",
        ]
    )
    for package in packages[:3]:
        run_tool(["dpkg-deb", "-x", str(package), str(work / "tree")])
    return _archive(work, version, _source(packages[3], work, only=_UIO))


def _built(machine: Machine, config: str, work: Path) -> Path:
    """A kernel built from Debian's source."""
    _say(f"building Linux for the machine {machine.name} (some minutes, once)")
    arch = _MAKE[machine.architecture]
    image = _IMAGES[arch]
    apt = PrivateApt(work / "apt", machine.architecture)
    source, busybox = apt.download([f"{_SOURCE}:all", "busybox-static"])
    folder = _source(source, work)
    (work / "config").write_text(config, encoding="utf-8")
    environment = {**os.environ, "KCONFIG_ALLCONFIG": str(work / "config")}
    environment |= {
        "KBUILD_BUILD_TIMESTAMP": "1970-01-01",
        "KBUILD_BUILD_USER": "fluorite",
        "KBUILD_BUILD_HOST": "fluorite",
    }
    command = ["make", "-s", f"-j{os.cpu_count() or 1}", *_variables(machine)]
    run_tool([*command, "allnoconfig"], cwd=folder, env=environment)
    taken = set((folder / ".config").read_text(encoding="utf-8").splitlines())
    if missing := [line for line in config.splitlines() if line.startswith("CONFIG_") and line not in taken]:
        raise SimulationError(f"this kernel's configuration does not take {', '.join(missing)}")
    run_tool([*command, image, "modules"], cwd=folder, env=environment)
    version = run_tool([*command, "kernelrelease"], cwd=folder, env=environment).stdout.strip()
    tree = work / "tree"
    for name in (*_TREE, *(f"arch/{arch}/{name}" for name in _ARCH_TREE)):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(tree / name)
    found = unpack(busybox, lambda name: name == "bin/busybox")
    files = {"image": (folder / "arch" / arch / "boot" / image).read_bytes(), "busybox": found["bin/busybox"]}
    (work / "kernel").mkdir()
    for name, data in files.items():
        (work / "kernel" / name).write_bytes(data)
    return _archive(work, version, folder)


def _source(package: Path, work: Path, only: str = "") -> Path:
    """Unpack Linux's source, or one file of it; returns its folder."""
    run_tool(["dpkg-deb", "-x", str(package), str(work / "package")])
    (archive,) = (work / "package" / "usr" / "src").glob("*.tar.xz")
    chosen = [f"{_SOURCE}/{only}"] if only else [f"--exclude=*/{pattern}" for pattern in _LEFT_OUT]
    run_tool(["tar", "-C", str(work), "-xf", str(archive), *chosen])
    return work / _SOURCE


def _archive(work: Path, version: str, source: Path) -> Path:
    made = work / "made.tar.gz"
    (work / "version").write_text(version, encoding="utf-8")
    with tarfile.open(made, "w:gz", compresslevel=3) as archive:
        archive.add(work / "version", "version")  # what is looked for first comes first
        for path in sorted((work / "kernel").glob("*")):
            archive.add(path, f"kernel/{path.name}")
        archive.add(source / _UIO, f"source/{Path(_UIO).name}")
        archive.add(work / "tree", "tree")
    return made


def _bundle(path: Path, files: Mapping[str, bytes]) -> Path:
    with tempfile.TemporaryDirectory(dir=path.parent) as name, tarfile.open(path, "w") as archive:
        for file, data in files.items():
            (Path(name) / "file").write_bytes(data)
            archive.add(Path(name) / "file", file)
    return path


def _members(path: Path, *prefixes: str) -> dict[str, bytes]:
    """Files at the beginning of an archive whose names start so, up to the first that starts otherwise."""
    found: dict[str, bytes] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            if not member.name.startswith(prefixes):
                break
            file = archive.extractfile(member)
            assert file is not None
            found[member.name] = file.read()
    return found
