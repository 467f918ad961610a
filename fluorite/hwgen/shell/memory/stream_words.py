"""Words of the core and words of memory: a bit is a byte in memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Value

from fluorite.hwgen.interface import StreamPort

__all__ = ["from_memory", "to_memory"]


def from_memory(port: StreamPort, data: Value) -> Value:
    """A word as the core takes it."""
    return data if port.element_bits != 1 else Cat(data[8 * k] for k in range(port.word_values))


def to_memory(port: StreamPort, data: Value) -> Value:
    """A word as memory holds it."""
    return data if port.element_bits != 1 else Cat(Cat(data[k], Const(0, 7)) for k in range(port.word_values))
