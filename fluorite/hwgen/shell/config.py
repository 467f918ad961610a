"""What can be chosen about a shell: widths, depth of the queue, how much memory latency is covered."""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.errors import UsageError

__all__ = ["ShellConfig"]


@dataclass(frozen=True, slots=True)
class ShellConfig:
    """Choices of a shell.

    Attributes
    ----------
    kind : str
        ``"axi"``: AXI4 masters that read and write memory. ``"axis"``: AXI4-Stream video in and out, no memory.
    data_bits : int
        Width of the memory ports: 32, 64 or 128.
    address_bits : int
        Width of memory addresses, 32 to 40.
    queue_depth : int
        Launches that may be started and not yet completed, a power of two.
    latency_cycles : int
        Memory latency (address accepted to first data) that is hidden: reads outstanding and buffers are sized to it.
    """

    kind: str = "axi"
    data_bits: int = 64
    address_bits: int = 32
    queue_depth: int = 4
    latency_cycles: int = 64

    def __post_init__(self) -> None:
        if self.kind not in ("axi", "axis"):
            raise UsageError(f"kind of a shell must be 'axi' or 'axis', not {self.kind!r}")
        if self.data_bits not in (32, 64, 128):
            raise UsageError(f"data_bits of a shell must be 32, 64 or 128, not {self.data_bits}")
        if not 32 <= self.address_bits <= 40:
            raise UsageError(f"address_bits of a shell must be in 32..40, not {self.address_bits}")
        if self.queue_depth not in (2, 4, 8):
            raise UsageError(f"queue_depth of a shell must be 2, 4 or 8, not {self.queue_depth}")
        if not 1 <= self.latency_cycles <= 1024:
            raise UsageError(f"latency_cycles of a shell must be in 1..1024, not {self.latency_cycles}")

    @property
    def data_bytes(self) -> int:
        """Bytes a beat."""
        return self.data_bits // 8
