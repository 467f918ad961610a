"""What the handshakes of a core must be in every cycle, worked out from its schedule and from what was offered to it.

The core's control compares one counter with a few positions. Here the same is said as plainly as it can be: time is
one number, a port is due where its own place in the raster, so many cycles ago as its lag, lies inside its extents, a
cycle passes when every port that is due can move, and a skid buffer is a queue of two words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fluorite.hwgen.interface import CoreInterface
from fluorite.sim.run import AnyArray

__all__ = ["Timing", "first_difference"]

_QUEUE_WORDS = 2


@dataclass(frozen=True, slots=True)
class Timing:
    """One launch.

    Attributes
    ----------
    scan : tuple of int
        Positions of the scan, innermost dimension first.
    lags : tuple of int
        Per stream, in the interface's order, how many cycles it is behind the scan.
    words : tuple of tuple of range
        Per stream, the positions of its own raster where it has words, along each dimension.
    rows : tuple of int
        Per stream, after how many positions of the outermost dimension its last row or plane is over.
    """

    scan: tuple[int, ...]
    lags: tuple[int, ...]
    words: tuple[tuple[range, ...], ...]
    rows: tuple[int, ...]

    @property
    def cycles(self) -> int:
        """From this launch to the next."""
        return math.prod(self.scan)

    def position(self, stream: int, time: int) -> tuple[int, int]:
        """The round of the scan that a stream is in, negative before its first, and its place in that."""
        return divmod(time - self.lags[stream], self.cycles)

    def inside(self, stream: int, place: int) -> bool:
        """Whether the stream has a word there."""
        for size, words in zip(self.scan, self.words[stream], strict=True):
            place, position = divmod(place, size)
            if position not in words:
                return False
        return True

    def last_place(self, stream: int) -> int:
        """The place of the stream's last word."""
        place = 0
        for size, words in zip(reversed(self.scan), reversed(self.words[stream]), strict=True):
            place = place * size + words[-1]
        return place

    def rows_end(self, stream: int) -> int:
        """The place where the last row or plane in which the stream has words is over."""
        return self.rows[stream] * math.prod(self.scan[:-1])


def first_difference(
    interface: CoreInterface, launches: Sequence[Timing], handshakes: AnyArray, cycles: int | None = None
) -> str | None:
    """The first cycle in which a handshake is not as it must be, in words; None if there is none.

    Parameters
    ----------
    interface : CoreInterface
        The core's ports.
    launches : sequence of Timing
        In the order in which they are offered.
    handshakes : ndarray
        Of a run.
    cycles : int, optional
        Look no further.
    """
    core = _Control(interface, launches)
    names = _signals(interface)
    for cycle, bits in enumerate(handshakes[:cycles].tolist()):
        expected = core.cycle(bits)
        if wrong := [n for i, n in enumerate(names) if n and (bits ^ expected) >> i & 1]:
            level = "low" if bits >> names.index(wrong[0]) & 1 else "high"
            return f"{wrong[0]} must be {level} in cycle {cycle}"
    return None


def _signals(interface: CoreInterface) -> list[str]:
    """Names of the bits that the core decides, in the harness's order; empty where the harness does."""
    names = ["", "launch_ready", "busy"]
    for port in interface.inputs:
        names += ["", f"{port.name}_ready"]
    for port in interface.outputs:
        names += [f"{port.name}_valid", "", f"{port.name}_last"]
    return names


class _Control:
    """The core's control, cycle by cycle."""

    def __init__(self, interface: CoreInterface, launches: Sequence[Timing]) -> None:
        self.launches = launches
        self.inputs, self.outputs = len(interface.inputs), len(interface.outputs)
        self.accepted = 0
        self.running = False
        self.time = 0  # of the scan, since the core was idle
        self.rounds: list[bool] = []  # whether each round of the scan is one of a launch
        self.timing: Timing | None = None
        self.held = [0] * self.inputs  # words in the queues of the inputs, where there are several
        self.given: list[list[bool]] = [[] for _ in range(self.outputs)]  # `last` of the words in the outputs' queues

    def cycle(self, bits: int) -> int:
        """Given what is offered in a cycle, what the core must answer; go on to the next."""
        several = self.inputs > 1
        launch_valid = bits & 1
        in_valid = [bits >> (3 + 2 * i) & 1 for i in range(self.inputs)]
        first = 3 + 2 * self.inputs
        out_ready = [bits >> (first + 3 * i + 1) & 1 for i in range(self.outputs)]

        due = [self._due(stream) for stream in range(self.inputs + self.outputs)]
        can_move = [bool(self.held[i]) if several else bool(in_valid[i]) for i in range(self.inputs)]
        can_move += [len(queue) < _QUEUE_WORDS for queue in self.given]
        free = [not d or c for d, c in zip(due, can_move, strict=True)]
        advance = self.running and all(free)
        timing = self.timing
        wraps = timing is not None and self.time % timing.cycles == timing.cycles - 1
        launch_ready = not self.running or (advance and wraps)
        busy = self.running or any(self.given)

        answer = launch_valid | launch_ready << 1 | busy << 2
        for i in range(self.inputs):
            others = all(f for j, f in enumerate(free) if j != i)
            ready = self.held[i] < _QUEUE_WORDS if several else self.running and due[i] and others
            answer |= in_valid[i] << (3 + 2 * i) | int(ready) << (4 + 2 * i)
            if several:
                self.held[i] += (in_valid[i] and ready) - (due[i] and advance)
        for i, queue in enumerate(self.given):
            shown = bool(queue)
            # Nobody looks at `last` while valid is low.
            last = queue[0] if shown else bool(bits >> (first + 3 * i + 2) & 1)
            answer |= (shown | out_ready[i] << 1 | last << 2) << (first + 3 * i)
            if shown and out_ready[i]:
                queue.pop(0)
            stream = self.inputs + i
            if due[stream] and advance:
                assert timing is not None
                queue.append(timing.position(stream, self.time)[1] == timing.last_place(stream))
        self._step(advance, launch_ready, bool(launch_valid))
        return answer

    def _round(self, number: int) -> bool:
        return 0 <= number < len(self.rounds) and self.rounds[number]

    def _due(self, stream: int) -> bool:
        if self.timing is None:
            return False
        number, place = self.timing.position(stream, self.time)
        return self._round(number) and self.timing.inside(stream, place)

    def _unfinished(self) -> bool:
        """Whether a stream may have words to come; one knows that it has none when its last row is over."""
        if self.timing is None:
            return False
        if self._round(self.time // self.timing.cycles):
            return True
        for stream in range(self.inputs + self.outputs):
            number, place = self.timing.position(stream, self.time)
            if self._round(number) and place < self.timing.rows_end(stream):
                return True
        return False

    def _step(self, advance: bool, launch_ready: bool, launch_valid: bool) -> None:
        launch = launch_valid and launch_ready
        running = launch or (self.running and self._unfinished())
        if self.running and advance:
            self.time += 1
        if not self.running:
            self.time, self.rounds, self.timing = 0, [], None
        if launch_ready and (self.running or launch):
            self.rounds.append(launch)
        if launch:
            self.timing = self.launches[self.accepted]
            self.accepted += 1
        self.running = running
