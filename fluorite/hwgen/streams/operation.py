"""What is known of an operation: one record, which passes, timing, area, interpreter and hardware read.

A record's functions take the operands first and the attributes after them, as they stand in the record's attribute
type: ``evaluate`` of ``shr`` is ``lambda a, amount: a >> amount``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, cast

from amaranth.hdl import ValueLike

from fluorite.hwgen.streams.graph import Node

__all__ = ["Attributes", "Fabric", "Interval", "Nothing", "Operation", "carry_chain", "lut", "wiring"]

Attributes = tuple[Any, ...]
A = TypeVar("A", bound=Attributes)


class Interval(NamedTuple):
    """Least and greatest value."""

    lo: int
    hi: int


class Nothing(NamedTuple):
    """An operation without attributes."""


class Fabric(Protocol):
    """Times of a device family, in nanoseconds; see :class:`fluorite.hwgen.family.delays.Family`."""

    @property
    def lut_ns(self) -> float:
        """One LUT and the net behind it."""
        ...

    @property
    def carry_ns(self) -> float:
        """Onto a carry chain and off it."""
        ...

    @property
    def carry_ns_per_bit(self) -> float:
        """Along a carry chain."""
        ...

    @property
    def multiplier_ns(self) -> float:
        """A multiplier block."""
        ...

    @property
    def memory_ns(self) -> float:
        """Out of a block RAM."""
        ...


def wiring(node: Node, fabric: Fabric) -> float:
    """Time of what is no logic."""
    return 0.0


def lut(node: Node, fabric: Fabric) -> float:
    """Time of one LUT."""
    return fabric.lut_ns


def carry_chain(node: Node, fabric: Fabric) -> float:
    """Time of a carry chain as long as the widest of result and operands."""
    width = max([node.width_bits, *(operand.node.width_bits for operand in node.operands)])
    return fabric.lut_ns + fabric.carry_ns + fabric.carry_ns_per_bit * width


def _all_bits(position: int, mask: int, *attributes: Any) -> int:
    return -1


def _no_cells(node: Node, bits: float, operand_bits: float) -> dict[str, float]:
    return {}


@dataclass(frozen=True)
class Operation(Generic[A]):
    """One operation of the stream graph.

    Attributes
    ----------
    name : str
        ``Node.op``.
    value : str
        What it carries, for readers; ``a``, ``b``, ``c`` are its operands.
    attributes : type
        A ``NamedTuple``: names and types of ``Node.attr``.
    operands : int or None
        How many; None for any number.
    commutative : bool
        Whether operands may be put in one order, so that equal nodes meet.
    is_source : bool
        Whether its values come from outside the graph.
    is_notation : bool
        Whether a pass replaces it before there is hardware: no time, no RTL.
    is_wiring : bool
        Whether it costs nothing: a report does not count it.
    evaluate : callable or None
        ``(*operands, *attributes) -> int``, exact; None for a source.
    range : callable or None
        ``(*operands, *attributes) -> Interval`` on the operands' intervals: no value lies outside. None for what has
        the range it is declared with.
    takes : callable
        ``(*operands, *attributes) -> bool`` on the operands' intervals: whether it is defined for them.
    taken : callable
        ``(position, mask, *attributes) -> mask``: which bits of an operand matter for some bits of the result.
    low_zeros : callable or None
        ``(*operands, *attributes) -> int``: low bits that are always 0, from those of the operands; None for none.
    time : callable
        ``(node, fabric) -> float``, nanoseconds through it.
    latency : callable
        ``(node) -> int``, cycles from its operands to its value.
    rtl : callable or None
        ``(*operands, *attributes)`` as an Amaranth expression; None for what the datapath has a component for.
    cells : callable
        ``(node, bits, operand_bits) -> parts``: bits of each part of :data:`fluorite.boards.capacity.core.CORE_PARTS`,
        from the bits that are read of it and those of its widest operand; adders are counted as trees, not here.
    """

    name: str
    value: str
    attributes: type[A]
    operands: int | None = 1
    commutative: bool = False
    is_source: bool = False
    is_notation: bool = False
    is_wiring: bool = False
    evaluate: Callable[..., int] | None = None
    range: Callable[..., Interval] | None = None
    takes: Callable[..., bool] = lambda *operands_and_attributes: True
    taken: Callable[..., int] = _all_bits
    low_zeros: Callable[..., int] | None = None
    time: Callable[[Node, Fabric], float] = lut
    latency: Callable[[Node], int] = lambda node: 0
    rtl: Callable[..., ValueLike] | None = None
    cells: Callable[[Node, float, float], dict[str, float]] = _no_cells

    def of(self, node: Node) -> A:
        """The attributes of a node of this operation."""
        assert node.op == self.name, f"{node.op} is no {self.name}"
        return cast(A, node.attr)
