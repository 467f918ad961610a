"""Amaranth's netlist of a design in Yosys' language, without initial values, and Yosys itself.

The one module that uses what Amaranth keeps to itself, for three reasons, at the version that ``pyproject.toml`` pins:

- ``amaranth.back.rtlil.convert`` gives every register and every word of every memory an initial value, and makes one
  by one the bits of memories that have none: seconds for a line buffer. What emits a module is a class with a method
  for either, which are overridden here.
- ``amaranth.lib.memory`` checks every word of a memory's contents against its shape, which takes ten times as long
  as writing them.
- ``amaranth.back.verilog`` has a Yosys script of its own. What finds and runs the Yosys that comes with Amaranth is
  not exported.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from amaranth._toolchain.yosys import YosysError, find_yosys
from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Fragment, MemoryData, Shape, Signal, _ast, _ir

from fluorite.errors import UsageError

__all__ = ["Contents", "Netlist", "netlist", "read_only", "run_yosys"]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a memory that nothing writes holds.

    Attributes
    ----------
    module : str
        The netlist's module that it is in.
    memory : str
        Its name there.
    width_bits : int
        Width of a word.
    words : tuple of int
        Its words by address, each as it lies in the memory: ``0 <= word < 2**width_bits``.
    """

    module: str
    memory: str
    width_bits: int
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Netlist:
    """A design in RTLIL, the text that Yosys reads.

    Attributes
    ----------
    text : str
        All modules, without initial values. A memory takes the same text whatever its depth.
    contents : tuple of Contents
        What its read-only memories hold, which is not in the text.
    """

    text: str
    contents: tuple[Contents, ...]


class _Module(rtlil.ModuleEmitter):
    """Emits a module without initial values."""

    contents: list[Contents]  # of all modules: set before use

    def collect_init_attrs(self) -> None:
        """Nothing depends on power-up values: control is reset, and the datapath computes words before they count."""

    def emit_memory(self, cell_idx: int, cell: Any) -> None:
        """Note what a read-only memory holds; what is written is written before it is read, too."""
        memory = self.memories[cell_idx]
        self.builder._auto_name()  # names are numbered as if the cell with the initial contents were there
        if not memory.num_write_ports:
            mask = (1 << cell.width) - 1
            words = tuple(word & mask for word in cell.init)
            self.contents.append(Contents(self.builder.name, cell.name, cell.width, words))

    def emit_read_port(self, cell_idx: int, cell: Any) -> None:
        """Refuse what Vivado makes wrong hardware of: amaranth's issue 1589, yosys' 5082."""
        if getattr(cell, "transparent_for", ()):
            raise ValueError(f"{self.builder.name}: a memory has a read port that is transparent to its writes")
        super().emit_read_port(cell_idx, cell)


def read_only(shape: Shape, words: Sequence[int]) -> MemoryData:
    """The data of a memory with these contents.

    Parameters
    ----------
    shape : Shape
        Of a word.
    words : sequence of int
        By address, each of which the shape can hold.
    """
    data = MemoryData(shape=shape, depth=len(words), init=[])
    data.init._raw[:] = words
    return data


def netlist(design: Elaboratable, name: str, ports: Sequence[Signal]) -> Netlist:
    """The netlist of a design, as ``amaranth.back.rtlil.convert`` makes it but for initial values.

    Parameters
    ----------
    design : Elaboratable
        The top.
    name : str
        Its module name.
    ports : sequence of Signal
        Its ports, without the clock and reset of its clock domain.

    Raises
    ------
    ValueError
        A memory has a read port that sees what is written in the same cycle.
    """
    with _no_collector():
        return _netlist(design, name, ports)


def _netlist(design: Elaboratable, name: str, ports: Sequence[Signal]) -> Netlist:
    found = _ir.build_netlist(Fragment.get(design, None), ports=ports, name=name)
    empty = rtlil.EmptyModuleChecker(found)
    builder = rtlil.Design(emit_src=False)
    signals = _ast.SignalDict()
    contents: list[Contents] = []
    for number, module in enumerate(found.modules):
        if empty.is_empty(number):
            continue
        emitted = builder.module(".".join(module.name), src_loc=module.src_loc)
        if number == 0:
            emitted.attribute("top", 1)
        emitter = _Module(emitted, found, module, signals, empty_checker=empty)
        emitter.contents = contents
        emitter.emit()
    return Netlist(str(builder), tuple(contents))


@contextmanager
def _no_collector() -> Iterator[None]:
    """Without Python's collector of cycles: a netlist is a few objects a bit, which it would walk again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def run_yosys(script: str) -> str:
    """What Yosys prints for a script.

    Parameters
    ----------
    script : str
        Its commands; a netlist may stand among them.

    Raises
    ------
    UsageError
        It has no place to keep what is compiled of it.
    """
    yosys = find_yosys(lambda version: version >= (0, 40))
    try:
        printed: str = yosys.run(["-q", "-"], script)
    except YosysError as error:
        if unwritable := re.search(r"failed to create cache directory: (.*)", str(error)):
            raise UsageError(
                f"Yosys, in WebAssembly, keeps what is compiled of it in {unwritable[1]}, which cannot be made; "
                "set XDG_CACHE_HOME to a folder that can be written to"
            ) from None
        raise
    return printed
