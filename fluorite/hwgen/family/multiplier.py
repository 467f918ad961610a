"""The multiplier block of a device family: how wide the operands of one product may be."""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.hwgen.streams.graph import Node

__all__ = ["Multiplier"]


@dataclass(frozen=True, slots=True)
class Multiplier:
    """A multiplier block.

    Attributes
    ----------
    wide_bits, narrow_bits : int
        Widest operands in two's complement, the wider one and the other.
    unsigned : bool
        Whether two operands that are both never negative may be as wide, having no sign bit.
    """

    wide_bits: int
    narrow_bits: int
    unsigned: bool = False

    def operand_bits(self, a: Node, b: Node) -> tuple[int, int]:
        """Bits that the product of two streams takes of either operand, signs included."""
        plain = self.unsigned and not (a.signed or b.signed)
        first, second = (node.width_bits + (0 if plain or node.signed else 1) for node in (a, b))
        return first, second

    def takes(self, a: Node, b: Node) -> bool:
        """Whether the product of two streams fits one block."""
        bits = self.operand_bits(a, b)
        return max(bits) <= self.wide_bits and min(bits) <= self.narrow_bits

    def part_bits(self, a: Node, b: Node) -> int:
        """Bits of a slice that is never negative, of either operand of a product that does not fit."""
        return self.narrow_bits - (0 if self.unsigned and not (a.signed or b.signed) else 1)
