"""A design's hardware, as what is written about it sees it: cores in shells, their registers and Verilog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from fluorite.hwgen.generate import Generated
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.registers import RegisterMap, register_map
from fluorite.hwgen.shell.top import shell_verilog

__all__ = ["Hardware", "ShelledCore"]


@dataclass(frozen=True)
class ShelledCore:
    """A core in its shell. Its registers and its Verilog are made when first asked for, and once.

    Attributes
    ----------
    generated : Generated
        The core.
    config : ShellConfig
        The shell.
    core_verilog : callable
        Gives the core's Verilog, which whoever owns the core has made or makes now.
    """

    generated: Generated
    config: ShellConfig
    core_verilog: Callable[[], str]

    @property
    def identifier(self) -> str:
        """What the accelerator is called in Verilog and C, and as a file."""
        return self.generated.region.names[self.generated.region.name]

    @cached_property
    def registers(self) -> RegisterMap:
        """The register map."""
        return register_map(self.generated, self.config)

    @cached_property
    def verilog(self) -> str:
        """Shell and core, one file."""
        return shell_verilog(self.generated, self.registers, self.core_verilog())


@dataclass(frozen=True)
class Hardware:
    """All accelerators of a design, in shells of one kind.

    Attributes
    ----------
    name : str
        The design's.
    cores : tuple of ShelledCore
        In the pipeline's order.
    shell : ShellConfig
        What is around them.
    """

    name: str
    cores: tuple[ShelledCore, ...]
    shell: ShellConfig

    @property
    def registers(self) -> list[RegisterMap]:
        """Register maps, one an accelerator."""
        return [core.registers for core in self.cores]
