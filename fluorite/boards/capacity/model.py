"""The fitted part of the capacity model: how many LUTs and registers a bit of each part costs, and how wrong that is.

The figures are in ``capacity.json``, which ``python benchmarks/capacity.py --fit`` writes from what Yosys and nextpnr
make of the applications.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

__all__ = ["Coefficients", "Margin", "Model", "load_model"]

_FILE = Path(__file__).parent / "capacity.json"


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Cost of one bit of each part, by the part's name, in cells."""

    lut: Mapping[str, float]
    ff: Mapping[str, float]

    def cost(self, parts: Mapping[str, float]) -> tuple[float, float]:
        """LUTs of logic and flip-flops."""
        lut = sum(self.lut.get(name, 0.0) * bits for name, bits in parts.items())
        ff = sum(self.ff.get(name, 0.0) * bits for name, bits in parts.items())
        return lut, ff


@dataclass(frozen=True, slots=True)
class Margin:
    """How far predictions were from what tools made.

    Attributes
    ----------
    mean, worst : float
        Of the relative error's magnitude, over all designs compared. No design had part in the fit that predicted it.
    designs : int
        How many were compared; 0 where nothing is measured, and the errors say nothing.
    source : str
        What they were compared with.
    """

    mean: float
    worst: float
    designs: int
    source: str


@dataclass(frozen=True, slots=True)
class Model:
    """The model of one family.

    Attributes
    ----------
    core : Coefficients
        By the names of :data:`fluorite.boards.capacity.core.CORE_PARTS`.
    shells : mapping of str to Coefficients
        By the shell's kind; names of :data:`fluorite.boards.capacity.shell.SHELL_PARTS`.
    control_ns : float
        Longest path of control and shell; 0 where it is not measured.
    margins : mapping of str to Margin
        Of ``lut``, ``ff``, ``bram``, ``dsp`` and ``clock``.
    """

    core: Coefficients
    shells: Mapping[str, Coefficients]
    control_ns: float
    margins: Mapping[str, Margin]


@functools.cache
def load_model(family: str) -> Model:
    """The model of a board's family."""
    values = json.loads(_FILE.read_text(encoding="utf-8"))["families"][family]
    return Model(
        _coefficients(values["core"]),
        MappingProxyType({kind: _coefficients(shell) for kind, shell in values["shells"].items()}),
        float(values["control_ns"]),
        MappingProxyType({name: Margin(**margin) for name, margin in values["margins"].items()}),
    )


def _coefficients(values: Mapping[str, Mapping[str, float]]) -> Coefficients:
    return Coefficients(MappingProxyType(dict(values["lut"])), MappingProxyType(dict(values["ff"])))
