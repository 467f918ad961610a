"""What can be chosen about a simulated system: its memory, stalls, errors to inject."""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.errors import UsageError
from fluorite.systems.program import abi

__all__ = ["InjectedError", "Memory"]

SLVERR, DECERR = 2, 3


@dataclass(frozen=True, slots=True)
class InjectedError:
    """An error response of the memory.

    Attributes
    ----------
    kind : str
        ``"read"`` or ``"write"``.
    address, bytes : int
        The accesses that fail: all that touch these bytes.
    beat : int or None
        Instead of addresses, the number of the data beat that fails, counted from 0 since the system was opened.
    response : int
        ``SLVERR`` (2) or ``DECERR`` (3).
    count : int
        How many beats fail before the error is gone; -1: all.
    port : int
        Number of the master, -1: any.
    """

    kind: str = "read"
    address: int = 0
    bytes: int = 1
    beat: int | None = None
    response: int = SLVERR
    count: int = 1
    port: int = -1

    def __post_init__(self) -> None:
        if self.kind not in ("read", "write"):
            raise UsageError(f"kind of an injected error must be 'read' or 'write', not {self.kind!r}")
        if self.response not in (SLVERR, DECERR):
            raise UsageError(f"response of an injected error must be 2 (SLVERR) or 3 (DECERR), not {self.response}")

    def to_abi(self) -> abi.Fault:
        """The same for C."""
        by_beat = self.beat is not None
        start = self.beat if self.beat is not None else self.address
        return abi.Fault(start, self.bytes, self.count, self.port, self.kind == "write", self.response, by_beat)


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory and how it answers.

    Attributes
    ----------
    base, bytes : int
        Where it lies, as the masters see it.
    latency_cycles : int
        From an address accepted to its first data, and from the last data written to the response.
    outstanding : int
        Bursts that a port accepts before it has answered the first, each direction.
    bandwidth : float
        Bytes a cycle of all ports together; 0: every port has its full width.
    stalls : float
        Fraction of the cycles in which each channel is stalled, the registers' too.
    stall_cycles : float
        Length of a stall, in the mean.
    reorder : bool
        Reads of different IDs may overtake each other, even between two beats.
    outside_is_decerr : bool
        An access outside the memory is answered DECERR; otherwise it ends the simulation.
    seed : int
        Of everything random: stalls, garbage, power-up values.
    control_timeout_cycles : int
        Until a register access must be answered.
    idle_cycles : int
        How long the server clocks on after the last transfer.
    """

    base: int = 0x1000_0000
    bytes: int = 1 << 20
    latency_cycles: int = 60
    outstanding: int = 8
    bandwidth: float = 0
    stalls: float = 0
    stall_cycles: float = 4
    reorder: bool = False
    outside_is_decerr: bool = False
    seed: int = 1
    control_timeout_cycles: int = 1000
    idle_cycles: int = 100_000

    def __post_init__(self) -> None:
        if not 0 <= self.stalls < 1:
            raise UsageError(f"stalls must be in 0 <= p < 1, not {self.stalls}")
        if self.stall_cycles < 1 or self.stalls / (self.stall_cycles * (1 - self.stalls)) > 1:
            least = max(1, self.stalls / (1 - self.stalls))
            raise UsageError(f"stall_cycles must be at least {least:.2g}, not {self.stall_cycles:g}")
        if self.outstanding < 1:
            raise UsageError(f"outstanding must be at least 1, not {self.outstanding}")
        if self.base % 4096 or self.bytes % 4096 or self.bytes < 4096:
            raise UsageError(f"base and bytes must be multiples of 4096, not {self.base:#x} and {self.bytes:#x}")

    def to_abi(self) -> abi.Options:
        """The same for C."""
        leave = 1 / self.stall_cycles
        enter = self.stalls * leave / (1 - self.stalls)
        scale = 1 << 32
        return abi.Options(
            self.base, self.bytes, self.seed, self.latency_cycles, self.outstanding, round(self.bandwidth * 256),
            round(enter * scale), round(leave * scale), self.reorder, self.outside_is_decerr,
            self.control_timeout_cycles, self.idle_cycles,
        )  # fmt: skip
