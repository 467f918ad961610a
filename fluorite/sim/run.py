"""What a run of a core is given and what it reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from fluorite.errors import UsageError

__all__ = ["AnyArray", "Job", "LaunchStatistics", "RunResult", "Stalls", "StreamStatistics"]

AnyArray = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Stalls:
    """Random stalls on every port: of the launches and the input streams, and of the consumers of the outputs.

    Attributes
    ----------
    seed : int
        The same seed gives the same stalls and the same garbage.
    input_probability, output_probability : float
        Fraction of cycles, 0 <= p < 1, in which an input withholds its next word, an output is not taken.
    burst_cycles : float or None
        Mean length of a stall. None: every cycle is decided on its own.
    ports : tuple of (str, float)
        By name, ``launch`` for that of the launches, the fraction of single ports where it is another.
    """

    seed: int = 0
    input_probability: float = 0.3
    output_probability: float = 0.3
    burst_cycles: float | None = None
    ports: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        for name in ("input_probability", "output_probability"):
            self._check(name, getattr(self, name))
        for name, p in self.ports:
            self._check(name, p)

    def _check(self, name: str, p: float) -> None:
        if not 0 <= p < 1:
            raise UsageError(f"{name} must be in 0 <= p < 1, not {p}")
        self.chain(p)

    def probability(self, port: str, direction: str) -> float:
        """The fraction of cycles in which a port stalls; launches are the input port ``launch``."""
        either = self.input_probability if direction == "in" else self.output_probability
        return dict(self.ports).get(port, either)

    def chain(self, p: float) -> tuple[int, int]:
        """Return the probabilities, times 2**32, to enter and to leave a stall where fraction `p` of cycles stall."""
        leave = 1 - p if self.burst_cycles is None else 1 / self.burst_cycles
        enter = p * leave / (1 - p)
        if not (leave <= 1 and enter <= 1):
            raise UsageError(f"burst_cycles must be at least {max(1, p / (1 - p)):g}, not {self.burst_cycles}")
        return round(enter * 2**32), round(leave * 2**32)


@dataclass(frozen=True, slots=True)
class Job:
    """One launch: arrays in the order of the core's streams, axes reversed (``[..., y, x]``), and every setting."""

    inputs: Sequence[AnyArray]
    outputs: Sequence[AnyArray]
    settings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """Counters of one stream over a run.

    Attributes
    ----------
    words : int
        Words transferred.
    blocked_cycles : int
        Cycles with valid high and ready low: the core held up an input, the consumer held up an output.
    first_cycle, last_cycle : int
        Of the first and the last transfer.
    """

    words: int
    blocked_cycles: int
    first_cycle: int
    last_cycle: int


@dataclass(frozen=True, slots=True)
class LaunchStatistics:
    """Cycles at which a launch was accepted, gave its first output word, and its last."""

    accepted_cycle: int
    first_output_cycle: int
    finished_cycle: int


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run took, in clock cycles counted from the one that offers the first launch.

    Attributes
    ----------
    cycles : int
        Until everything was transferred and the core was idle.
    streams : dict
        Statistics by stream name.
    launches : tuple
        Statistics of each launch.
    handshakes : ndarray or None
        What :mod:`fluorite.sim.handshakes` reads, where the run was asked to keep it.
    """

    cycles: int
    streams: dict[str, StreamStatistics]
    launches: tuple[LaunchStatistics, ...]
    handshakes: AnyArray | None = None
