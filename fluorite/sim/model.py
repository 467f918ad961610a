"""A compiled core and its running instances: images in, images out, with the cycles counted."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from fluorite.errors import SimulationError
from fluorite.hwgen.interface import CoreInterface, StreamPort
from fluorite.sim import abi
from fluorite.sim.marshal import marshal, words_of
from fluorite.sim.run import AnyArray, Job, LaunchStatistics, RunResult, Stalls, StreamStatistics

__all__ = ["CoreInstance", "CoreModel"]

Progress = Callable[[int, int, int], None]
_CALLBACK_MILLISECONDS = 100


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
        """Reset the core, for a single cycle."""
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
        quiet_cycles: int = 16,
        handshakes: bool = False,
        progress: Progress | None = None,
    ) -> RunResult:
        """Run launches back to back.

        A launch is offered as soon as its settings may be: at once where they equal those of the launch before,
        otherwise when the core is idle. Inputs follow each other without a gap, and words go on being offered behind
        the last launch's: none may be taken. Wherever valid is low, and in the padding of the last word of a row, the
        data is garbage; so are the settings while the core is idle.

        Parameters
        ----------
        jobs : sequence of Job
            Outputs are written in place; arrays may have any strides.
        stalls : Stalls, optional
            None: every input word is there at once, every output is taken at once.
        timeout_cycles : int
            Longest time without a transfer on any port.
        quiet_cycles : int
            How long to watch the core after the last launch: nothing may come or be taken any more.
        handshakes : bool
            Whether to keep every cycle's valid, ready and last.
        progress : callable, optional
            Called about ten times a second with the cycles so far, the words transferred so far (of all streams)
            and the words of the whole run. An exception from it ends the run; so does Ctrl-C.

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
        arrays, settings = marshal(self.interface, jobs)
        totals = [sum(words_of(s, a) for a in arrays[i :: len(self._streams)]) for i, s in enumerate(self._streams)]
        raised: list[BaseException] = []

        def watch() -> Iterator[int]:
            # A generator, because Ctrl-C is raised where Python code is entered: here inside the `try`, whereas in
            # a plain function it would be outside of any, and lost in the C code.
            while True:
                try:
                    yield abi.CONTINUE
                    if progress is not None:
                        progress(options.cycles, options.words, sum(totals))
                except GeneratorExit:
                    return
                except BaseException as error:
                    raised.append(error)
                    yield 0

        watcher = watch()
        next(watcher)
        stalls = stalls or Stalls(0, 0, 0)
        ports = [("launch", "in"), *((port.name, port.direction) for port in self._streams)]
        rates = [abi.StallRate(*stalls.chain(stalls.probability(*port))) for port in ports]
        options = abi.Options(
            stalls.seed % 2**64, (abi.StallRate * len(rates))(*rates), timeout_cycles, quiet_cycles, int(handshakes),
            _CALLBACK_MILLISECONDS, 0, 0, abi.CALLBACK(watcher.__next__),
        )  # fmt: skip
        outcome = abi.Outcome()
        streams = (abi.StreamCounts * len(self._streams))()
        launches = (abi.LaunchCounts * len(jobs))()
        with self._lock:
            if not self._clean:
                self._reset()
            self._clean = False
            self._library.fluorite_run(
                self._handle, len(jobs), arrays, settings,
                ctypes.byref(options), ctypes.byref(outcome), streams, launches,
            )  # fmt: skip
            if raised:
                raise raised[0]
            if outcome.error == abi.Failure.STOPPED:
                raise KeyboardInterrupt
            if outcome.error:
                raise SimulationError(self._describe(outcome, streams, launches, totals, timeout_cycles))
            kept = self._handshakes() if handshakes else None
            self._clean = True
        return RunResult(
            outcome.cycles,
            {
                port.name: StreamStatistics(s.words, s.blocked_cycles, s.first_cycle, s.last_cycle)
                for port, s in zip(self._streams, streams, strict=True)
            },
            tuple(LaunchStatistics(a.accepted_cycle, a.first_output_cycle, a.finished_cycle) for a in launches),
            kept,
        )

    def _handshakes(self) -> AnyArray:
        cycles = ctypes.POINTER(ctypes.c_uint64)()
        count = self._library.fluorite_trace(self._handle, ctypes.byref(cycles))
        return np.ctypeslib.as_array(cycles, (count,)).copy()

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
            abi.Failure.TAKEN_EARLY: f"{name}_ready must be low until the word's launch is accepted: high",
        }[failure]
        return f"{core}: {rule} at launch {outcome.launch}, word {outcome.word}, cycle {outcome.error_cycle}"
