"""A compiled core and its running instances: images in, images out, with the cycles counted."""

from __future__ import annotations

import ctypes
import math
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SimulationError, UsageError
from ..hwgen.interface import CoreInterface, SettingPort, StreamPort
from . import abi

__all__ = ["CoreInstance", "CoreModel", "Job", "LaunchStatistics", "RunResult", "Stalls", "StreamStatistics"]

AnyArray = npt.NDArray[Any]
Progress = Callable[[int, int, int], None]
_CALLBACK_MILLISECONDS = 100


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
    """

    seed: int = 0
    input_probability: float = 0.3
    output_probability: float = 0.3
    burst_cycles: float | None = None

    def __post_init__(self) -> None:
        for name in ("input_probability", "output_probability"):
            p = getattr(self, name)
            if not 0 <= p < 1:
                raise UsageError(f"{name} must be in 0 <= p < 1, not {p}")
            self._chain(p)

    def _chain(self, p: float) -> tuple[int, int]:
        """Probabilities to enter and to leave a stall, times 2**32, that give the fraction and the mean length."""
        leave = 1 - p if self.burst_cycles is None else 1 / self.burst_cycles
        enter = p * leave / (1 - p)
        if leave > 1 or enter > 1:
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
    """

    cycles: int
    streams: dict[str, StreamStatistics]
    launches: tuple[LaunchStatistics, ...]


class CoreModel:
    """A compiled core. Made by `fluorite.sim.verilate.build`.

    Attributes
    ----------
    interface : CoreInterface
        The core's ports.
    path : Path
        The shared library.
    """

    def __init__(self, path: Path, interface: CoreInterface, *, random_power_up: bool = False) -> None:
        self.path = path
        self.interface = interface
        self.random_power_up = random_power_up
        try:
            self._library = abi.load(path)
        except OSError as error:
            raise SimulationError(f"compiled core must load: {error}") from error

    def open(self, seed: int = 0) -> CoreInstance:
        """Return a new instance, reset; `seed` matters to a model built with ``random_power_up``.

        Instances share nothing: run them in different threads at the same time.
        """
        return CoreInstance(self._library, self.interface, seed, self.random_power_up)


class CoreInstance:
    """One simulated core, which keeps its state from run to run. One thread at a time runs it; others wait."""

    def __init__(self, library: ctypes.CDLL, interface: CoreInterface, seed: int, random_power_up: bool) -> None:
        self.interface = interface
        self._library = library
        self._lock = threading.Lock()
        self._clean = True
        self._handle = library.fluorite_open(seed % 2**64, int(random_power_up))
        if not self._handle:
            raise SimulationError(f"core {interface.module!r} must reset: {self._fatal_message()}")
        self._close = weakref.finalize(self, library.fluorite_close, self._handle)

    def reset(self) -> None:
        """Hold the core's reset for a few cycles."""
        with self._lock:
            self._reset()

    def run(
        self,
        inputs: Sequence[AnyArray],
        outputs: Sequence[AnyArray],
        settings: Mapping[str, int],
        *,
        stalls: Stalls | None = None,
        timeout_cycles: int = 100_000,
        progress: Progress | None = None,
    ) -> RunResult:
        """Run one launch; see `run_many`."""
        job = Job(inputs, outputs, settings)
        return self.run_many([job], stalls=stalls, timeout_cycles=timeout_cycles, progress=progress)

    def run_many(
        self,
        jobs: Sequence[Job],
        *,
        stalls: Stalls | None = None,
        timeout_cycles: int = 100_000,
        progress: Progress | None = None,
    ) -> RunResult:
        """Run launches back to back.

        A launch is offered as soon as its settings may be: at once where they equal those of the launch before,
        otherwise when the core is idle. Inputs follow each other without a gap. Wherever valid is low, and in the
        padding of the last word of a row, the data is garbage; so are the settings while the core is idle.

        Parameters
        ----------
        jobs : sequence of Job
            Outputs are written in place; arrays may have any strides.
        stalls : Stalls, optional
            None: every input word is there at once, every output is taken at once.
        timeout_cycles : int
            Longest time without a transfer on any port.
        progress : callable, optional
            Called about ten times a second with the cycles so far, the words transferred so far (of all streams)
            and the words of the whole run. An exception from it ends the run.

        Returns
        -------
        RunResult
            Cycle counts.

        Raises
        ------
        SimulationError
            The core hung, or broke the protocol of a port.
        UsageError
            An array or a setting does not fit the interface.
        """
        if not jobs:
            return RunResult(0, {s.name: StreamStatistics(0, 0, 0, 0) for s in self._streams}, ())
        arrays, settings = self._marshal(jobs)
        totals = [sum(_words(s, a) for a in arrays[i :: len(self._streams)]) for i, s in enumerate(self._streams)]
        raised: list[BaseException] = []

        def call(cycles: int, words: int) -> int:
            try:
                if progress is not None:
                    progress(cycles, words, sum(totals))
            except BaseException as error:  # also Ctrl-C, which arrives here
                raised.append(error)
                return 1
            return 0

        stalls = stalls or Stalls(0, 0, 0)
        options = abi.Options(
            stalls.seed % 2**64, *stalls._chain(stalls.input_probability), *stalls._chain(stalls.output_probability),
            timeout_cycles, _CALLBACK_MILLISECONDS, abi.CALLBACK(call),
        )  # fmt: skip
        outcome = abi.Outcome()
        streams = (abi.StreamCounts * len(self._streams))()
        launches = (abi.LaunchCounts * len(jobs))()
        with self._lock:
            if not self._clean:
                self._reset()
            self._clean = False
            self._library.fluorite_run(
                self._handle, len(jobs), arrays, settings, ctypes.byref(options), ctypes.byref(outcome), streams, launches
            )
            if raised:
                raise raised[0]
            if outcome.error:
                raise SimulationError(self._describe(outcome, streams, launches, totals, timeout_cycles))
            self._clean = True
        return RunResult(
            outcome.cycles,
            {
                port.name: StreamStatistics(s.words, s.blocked_cycles, s.first_cycle, s.last_cycle)
                for port, s in zip(self._streams, streams, strict=True)
            },
            tuple(LaunchStatistics(a.accepted_cycle, a.first_output_cycle, a.finished_cycle) for a in launches),
        )

    @property
    def _streams(self) -> tuple[StreamPort, ...]:
        """In the harness's order."""
        return (*self.interface.inputs, *self.interface.outputs)

    def _reset(self) -> None:
        if self._library.fluorite_reset(self._handle):
            raise SimulationError(f"core {self.interface.module!r} must reset: {self._fatal_message()}")
        self._clean = True

    def _fatal_message(self) -> str:
        return str(self._library.fluorite_fatal_message().decode(errors="replace"))

    def _marshal(self, jobs: Sequence[Job]) -> tuple[ctypes.Array[abi.Array], ctypes.Array[ctypes.c_uint64]]:
        interface = self.interface
        arrays: list[abi.Array] = []
        settings: list[int] = []
        for job in jobs:
            for kind, ports, given in (
                ("input", interface.inputs, job.inputs),
                ("output", interface.outputs, job.outputs),
            ):
                if len(given) != len(ports):
                    names = ", ".join(port.name for port in ports)
                    raise UsageError(f"{kind} arrays must be {len(ports)} ({names}), not {len(given)}")
                arrays.extend(_array(port, array) for port, array in zip(ports, given, strict=True))
            if unknown := sorted(set(job.settings) - {s.name for s in interface.settings}):
                raise UsageError(f"settings must be those of core {interface.module!r}, not {', '.join(unknown)}")
            settings.extend(_setting(port, job.settings) for port in interface.settings)
        return (abi.Array * len(arrays))(*arrays), (ctypes.c_uint64 * max(1, len(settings)))(*settings)

    def _describe(
        self,
        outcome: abi.Outcome,
        streams: ctypes.Array[abi.StreamCounts],
        launches: ctypes.Array[abi.LaunchCounts],
        totals: Sequence[int],
        timeout_cycles: int,
    ) -> str:
        """Say what a failed run did wrong, where and when."""
        failure = abi.Failure(outcome.error)
        core = f"core {self.interface.module!r}"
        if failure is abi.Failure.FATAL:
            return f"{core} must settle: cycle {outcome.error_cycle}: {self._fatal_message()}"
        if failure is abi.Failure.BUSY_LOW:
            return (
                f"{core} must keep busy high until the last output word is taken: "
                f"low in launch {outcome.launch}, cycle {outcome.error_cycle}"
            )
        if failure is abi.Failure.TIMEOUT:
            accepted = sum(launch.accepted_cycle != abi.NEVER for launch in launches)
            waits = [] if accepted == len(launches) else [f"launch_ready low at launch {accepted} of {len(launches)}"]
            for port, counts, total in zip(self._streams, streams, totals, strict=True):
                if counts.words < total:
                    signal = "ready" if port.direction == "in" else "valid"
                    waits.append(f"{port.name}_{signal} low after {counts.words} of {total} words")
            return (
                f"{core} must make progress: no transfer for {timeout_cycles} cycles at cycle {outcome.error_cycle}: "
                + ("; ".join(waits) or "everything transferred, busy still high")
            )
        name = self._streams[outcome.port].name
        rule = {
            abi.Failure.VALID_DROPPED: f"{name}_valid must stay high until {name}_ready: dropped",
            abi.Failure.DATA_CHANGED: f"{name}_data must stay while {name}_ready is low: changed",
            abi.Failure.LAST_CHANGED: f"{name}_last must stay while {name}_ready is low: changed",
            abi.Failure.LAST_EARLY: f"{name}_last must be low before the last word: high",
            abi.Failure.LAST_MISSING: f"{name}_last must be high at the last word: low",
            abi.Failure.EXTRA_WORD: f"{name}_valid must be low outside launches: high",
        }[failure]
        return f"{core}: {rule} at launch {outcome.launch}, word {outcome.word}, cycle {outcome.error_cycle}"


def _array(port: StreamPort, array: AnyArray) -> abi.Array:
    """Check an array against its port and describe its memory, dimensions in the core's order."""
    if port.element_bits == 1:
        allowed = [np.dtype(np.bool_), np.dtype(np.uint8)]
    else:
        allowed = [np.dtype(f"{'int' if port.signed else 'uint'}{port.element_bits}")]
    if not isinstance(array, np.ndarray):
        raise UsageError(f"array of stream {port.name!r} must be a numpy array, not {type(array).__name__}")
    if array.dtype not in allowed:
        raise UsageError(f"dtype of stream {port.name!r} must be {' or '.join(map(str, allowed))}, not {array.dtype}")
    if array.ndim != port.dimensions:
        raise UsageError(f"array of stream {port.name!r} must have {port.dimensions} dimensions, not {array.ndim}")
    if array.size == 0:
        raise UsageError(f"array of stream {port.name!r} must not be empty: shape {array.shape}")
    if port.direction == "out" and not array.flags.writeable:
        raise UsageError(f"array of output {port.name!r} must be writeable")
    unused = abi.DIMENSIONS - array.ndim
    return abi.Array(
        array.ctypes.data,
        (ctypes.c_int64 * abi.DIMENSIONS)(*reversed(array.strides), *[0] * unused),
        (ctypes.c_int64 * abi.DIMENSIONS)(*reversed(array.shape), *[1] * unused),
    )


def _words(port: StreamPort, array: abi.Array) -> int:
    row, *rest = array.extent
    return int(-(-row // port.lanes) * math.prod(rest))


def _setting(port: SettingPort, settings: Mapping[str, int]) -> int:
    """Return a setting's bits."""
    if port.name not in settings:
        raise UsageError(f"setting {port.name!r} must be given")
    value = int(settings[port.name])
    low, high = (-(1 << port.width_bits - 1), (1 << port.width_bits - 1) - 1) if port.signed else (0, (1 << port.width_bits) - 1)
    if not low <= value <= high:
        raise UsageError(f"setting {port.name!r} must be in {low}..{high}, not {value}")
    return value % (1 << port.width_bits)
