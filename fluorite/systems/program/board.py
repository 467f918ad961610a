"""A board for unmodified ARM programs: the files of ``/dev`` and ``/sys`` they look at, and the library behind them.

See ``board_preload.c``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fluorite.host.cache import cached
from fluorite.host.toolchain import run_tool
from fluorite.systems.program.settings import Memory
from fluorite.systems.program.targets import Target

__all__ = ["board_environment", "preload_library"]

_HERE = Path(__file__).parent
_PROTOCOL = _HERE.parents[1] / "glue" / "runtime" / "fluorite_sim_protocol.h"
_SOURCES = ("board.h", "board_access.c", "board_client.c", "board_preload.c")
# Not fortified: the library defines the functions that fortified ones are made of.
# glibc declares that poll() only writes its array, which is why the compiler takes it for uninitialised.
_FLAGS = (
    "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-maybe-uninitialized", "-fPIC", "-shared",
    "-U_FORTIFY_SOURCE",
)  # fmt: skip


def preload_library(target: Target) -> Path:
    """The library that turns accesses to the board into requests to a simulator.

    Raises
    ------
    SimulationError
        The cross compiler fails.
    """
    sources = {
        path.name: path.read_text(encoding="utf-8") for path in (*(_HERE / name for name in _SOURCES), _PROTOCOL)
    }
    version = run_tool([*target.compiler, "--version"]).stdout.partition("\n")[0]

    def make(work: Path) -> Path:
        for name, text in sources.items():
            (work / name).write_text(text, encoding="utf-8")
        made = work / "board.so"
        run_tool([*target.compiler, *_FLAGS, "-o", str(made), *_SOURCES[1:], "-ldl", "-lpthread"], cwd=work)
        return made

    return cached("boards", (*target.compiler, version, *_FLAGS, *sources.values()), ".so", make)


def board_environment(
    folder: Path, target: Target, sockets: Mapping[str, str], arena: Path, memory: Memory
) -> dict[str, str]:
    """Write a board's files into a folder and return what its programs need in their environment.

    Parameters
    ----------
    folder : Path
        Where the files go.
    target : Target
        An ARM processor.
    sockets : mapping of str to str
        Per UIO device, by its name in the device tree (``<func>_axi``), the socket of its simulator.
    arena : Path
        The CPU's view of the arena.
    memory : Memory
        Where the arena lies.
    """
    files = {
        "sys/class/u-dma-buf/udmabuf0/size": f"{memory.bytes}\n",
        "sys/class/u-dma-buf/udmabuf0/phys_addr": f"{memory.base:#018x}\n",
        "sys/class/u-dma-buf/udmabuf0/dma_coherent": "0\n",
        "sys/class/u-dma-buf/udmabuf0/sync_for_cpu": "",
        "sys/class/u-dma-buf/udmabuf0/sync_for_device": "",
    }
    for number, (name, socket) in enumerate(sockets.items()):
        files[f"sys/class/uio/uio{number}/name"] = f"{name}\n"
        files[f"sys/class/uio/uio{number}/maps/map0/size"] = "0x0000000000010000\n"
        files[f"dev/uio{number}"] = f"{socket}\n"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "dev" / "udmabuf0").symlink_to(arena)
    return {"FLUORITE_BOARD": str(folder), "LD_PRELOAD": str(preload_library(target))}
