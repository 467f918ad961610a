"""What a machine is to do: the files of its initial file system, its device tree, its kernel's arguments."""

from __future__ import annotations

import io
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fluorite.boards.placement import Placement
from fluorite.glue.linux.device_tree import Driver
from fluorite.glue.linux.driver_build import driver_sources
from fluorite.glue.linux.memory import Arena
from fluorite.systems.machine.bitstream import stand_in
from fluorite.systems.machine.kernels import Kernel, build_module
from fluorite.systems.machine.machines import Machine
from fluorite.systems.machine.tree import base_tree, merged_tree, overlay_blob
from fluorite.systems.program.arguments import program_options

__all__ = ["PAGES", "Job", "prepared", "with_program"]

Array = np.ndarray[Any, Any]

#: Huge pages of 64-bit ARM by size, and the memory of a machine that can spare one.
PAGES = {32 << 20: 1 << 30, 1 << 30: 2 << 30}
_HERE = Path(__file__).parent
_LIBRARIES = ("libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2")
_OVERLAYS = "/sys/kernel/config/device-tree/overlays"


@dataclass
class Job:
    """What a machine is to do.

    Attributes
    ----------
    files : dict of str to bytes
        Of its initial file system.
    tree : bytes
        The device tree it is booted with.
    arguments : str
        For the kernel's command line.
    memory_bytes : int
        The machine's memory.
    bitstream : bytes or None
        What it has to load into its FPGA.
    steps : list of str
        Commands before the program.
    variables : dict of str to str
        The program's environment.
    """

    files: dict[str, bytes]
    tree: bytes
    arguments: str
    memory_bytes: int
    bitstream: bytes | None = None
    steps: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


def prepared(
    machine: Machine, kernel: Kernel, name: str, placement: Placement, memory: Arena, *, driver: Driver, used_bytes: int
) -> Job:
    """A job that finds the accelerators, with memory for them, and no program yet.

    On ``zcu102`` the boot loader has loaded bitstream and overlay, since that kernel can do neither; on the others they
    are loaded by Linux.

    Parameters
    ----------
    name : str
        The design, as an identifier.
    placement, memory
        Where the accelerators are, and the memory that their device tree reserves.
    driver : str
        ``"uio"``, or ``"kernel"``: fluorite's own driver.
    used_bytes : int
        Bytes of all images.
    """
    files = {"bin/busybox": kernel.busybox, "init": (_HERE / "init.sh").read_bytes()}
    base = base_tree(machine, placement, memory)
    blob = overlay_blob(machine, name, placement, memory, driver)
    if machine.architecture == "arm64":
        page = next((size for size in PAGES if size >= 4 * used_bytes), max(PAGES))
        job = Job(files, base, f"hugepagesz={page >> 20}M hugepages=1", max(PAGES[page], machine.memory_bytes))
        arena = f"hugepage:{page}"
    else:
        heap_bytes = min(memory.size_bytes, machine.memory_bytes // 4)
        job = Job(files, base, f"cma={(heap_bytes >> 20) + 16}M", machine.memory_bytes)
        arena = f"dma-heap:reserved:{heap_bytes}"
    if not machine.loads:
        job.tree = merged_tree(base, blob)
        modules = dict(kernel.modules) if driver == "uio" else {}
    else:
        if driver == "uio":
            job.arguments += " uio_pdrv_genirq.of_id=generic-uio"
        overlays = {"overlays.c": (_HERE / "overlays.c").read_text(encoding="utf-8")}
        modules = {"overlays": build_module(machine, "overlays", overlays)}
        job.bitstream = stand_in(name, placement.board)
        files[f"lib/firmware/{name}.bin"] = job.bitstream
        files[f"root/{name}.dtbo"] = blob
    if driver == "uio":
        job.variables["FLUORITE_ARENA"] = arena
    else:
        modules["fluorite"] = build_module(machine, "fluorite", driver_sources())
    for module, data in modules.items():
        files[f"lib/{module}.ko"] = data
        options = " of_id=generic-uio" if module == "uio_pdrv_genirq" else ""
        job.steps.append(f"insmod /lib/{module}.ko{options}")
    if job.bitstream is not None:
        folder = f"{_OVERLAYS}/{name}"
        job.steps += [
            "mount -t configfs none /sys/kernel/config",
            f"mkdir {folder}",
            f"cat /root/{name}.dtbo > {folder}/dtbo",
            f"grep -qx applied {folder}/status",
            "grep -qx operating /sys/class/fpga_manager/fpga0/state",
        ]
    return job


def with_program(
    job: Job,
    machine: Machine,
    program: bytes,
    inputs: Sequence[Array],
    outputs: Sequence[Array],
    *,
    scalars: Mapping[str, str],
    repeat: int,
) -> None:
    """Add the program, the C library it wants, its images, and the script that runs it."""
    files = job.files
    files["root/program"] = program
    for name in (machine.loader, *_LIBRARIES):
        files[f"lib/{name}"] = (Path(machine.sysroot) / name).read_bytes()
    sources = [f"input{n}.npy" for n in range(len(inputs))]
    results = [f"output{n}.npy" for n in range(len(outputs))]
    for name, array in zip(sources, inputs, strict=True):
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(array, order="C"))
        files[f"root/{name}"] = buffer.getvalue()
    arguments = [*program_options(outputs, scalars, repeat), *sources, *results]
    lines = [
        *(f"export {name}={shlex.quote(value)}" for name, value in job.variables.items()),
        f"port=/dev/ttyPS1 results={shlex.quote(' '.join(results))}",
        f"prepare() {{ {' && '.join(job.steps) or ':'}; }}",
        f"program() {{ ./program {shlex.join(arguments)} 2>&1; }}",
    ]
    files["etc/job"] = ("\n".join(lines) + "\n").encode()
