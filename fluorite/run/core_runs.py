"""Runs of one accelerator's core alone: launches back to back, ports that stall, and every handshake looked at.

``Design.realize`` runs one launch at a time. A core may be given the next one while it is busy with the last, and then
its input streams run into each other. The images here are those that the software part gave the core; the results are
compared with Halide's, the handshakes with the schedule.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace

import numpy as np

from fluorite.errors import SimulationError
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.plan.stream_plan import StreamPlan
from fluorite.run.accelerator import Accelerator
from fluorite.run.golden import Golden
from fluorite.run.launch import Launch
from fluorite.run.words import Words
from fluorite.sim.handshakes import Timing, first_difference
from fluorite.sim.model import CoreInstance
from fluorite.sim.run import AnyArray, Job, RunResult, Stalls

__all__ = ["CoreCheck", "Frame", "Pattern", "Recorder", "patterns", "run_core", "sequence"]

_KEPT_OF_A_SIZE = 2  # two launches of a size, because they may differ in their origins
_MOST_CYCLES = 150_000  # of a run
_LOOKED_AT_CYCLES = 20_000  # of each run: the handshakes are checked here in Python
_TIMEOUT_CYCLES = 20_000
_LONGEST_BURST = 50  # times the mean: never
_BREAK_OFF_CYCLES = 40  # without a transfer
_FOREVER = 1e6
_BURST_CYCLES = 7.0
_LATE_LAUNCHES = 0.75


@dataclass(frozen=True)
class Frame:
    """A launch with its images and Halide's results, axes reversed."""

    launch: Launch
    inputs: tuple[AnyArray, ...]
    expected: tuple[AnyArray, ...]


@dataclass(frozen=True)
class _Recorded:
    accelerator: Accelerator
    launch: Launch
    inputs: tuple[AnyArray, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """How a core is disturbed in a run.

    Attributes
    ----------
    name : str
        In words, to follow "stalling".
    stalls : Stalls or None
        Which ports stall.
    interrupted : bool
        Whether before each launch another is broken off by a reset.
    """

    name: str
    stalls: Stalls | None = None
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class CoreCheck:
    """One run of a core: launches back to back.

    Attributes
    ----------
    pattern : str
        Which ports stalled.
    launches : int
        Launches of the run.
    cycles : int
        Its length.
    looked_at_cycles : int
        Cycles whose handshakes were compared with the schedule.
    different : tuple of int
        Launches whose results are not Halide's.
    """

    pattern: str
    launches: int
    cycles: int
    looked_at_cycles: int
    different: tuple[int, ...]


class Recorder:
    """Keeps some of the launches of one run of the pipeline: of each size of a launch up to two, with their images.

    It is called for each launch, see :meth:`fluorite.Design.realize`.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, tuple[int, ...]], list[_Recorded]] = {}

    def __call__(self, accelerator: Accelerator, launch: Launch, inputs: Sequence[AnyArray]) -> None:
        """Keep the launch if it is among the first of its size, wherever Halide's threads are."""
        own = self._kept.setdefault((accelerator.name, launch.extents), [])
        before = [other for other in own if other.launch.mins < launch.mins]
        if len(before) < _KEPT_OF_A_SIZE and all(other.launch.mins != launch.mins for other in own):
            own.append(_Recorded(accelerator, launch, tuple(np.array(image) for image in inputs)))
            own.sort(key=lambda other: other.launch.mins)
            del own[_KEPT_OF_A_SIZE:]

    def frames(self, seed: int) -> dict[str, list[list[Frame]]]:
        """By accelerator, the frames of each launch; Halide computes them with the Params that are set now."""
        models: dict[str, Golden] = {}
        found: dict[str, list[list[Frame]]] = {}
        for name, extents in sorted(self._kept):
            for kept in self._kept[name, extents]:
                model = models.setdefault(name, kept.accelerator.golden_model())
                found.setdefault(name, []).append(frames(model, kept, seed))
        return found


def frames(model: Golden, recorded: _Recorded, seed: int) -> list[Frame]:
    """Frames of one launch's settings: its own images, and others made of the same values.

    The others are the images moved, and such in which all values are the least or the greatest that the images have, or
    next to each other: they reach what random pixels hardly do. Values that are not in the images may be ones that the
    pipeline never has.
    """
    rng = np.random.default_rng(seed)
    launch, inputs = recorded.launch, recorded.inputs
    variants = [
        inputs,
        [np.roll(image, image.size // 3 + 1) for image in inputs],
        [np.where(rng.integers(0, 2, image.shape) == 1, image.max(), image.min()) for image in inputs],
        [rng.choice(_neighbours(image), image.shape) for image in inputs],
        [np.full_like(image, image.max()) for image in inputs],
        [np.full_like(image, image.min()) for image in inputs],
    ]
    names = [i.name for i in recorded.accelerator.generated.region.inputs]
    return [
        Frame(
            launch,
            tuple(np.asarray(image, order="C") for image in images),
            tuple(model(dict(zip(names, images, strict=True)), launch.mins, launch.extents, launch.variables)),
        )
        for images in variants
    ]


def _neighbours(image: AnyArray) -> AnyArray:
    """Four values of an image that are next to each other, in its middle."""
    values = np.unique(image)
    return values[len(values) // 2 - 2 :][:4] if len(values) > 4 else values


def sequence(generated: Generated, of_launches: Sequence[Sequence[Frame]]) -> list[Frame]:
    """The order in which frames of several launches run: small ones first, each launch's own in a row, and to and fro.

    Large launches are left out where there are smaller ones; what is there is run in all.
    """

    def cycles(own: Sequence[Frame]) -> int:
        return timing(generated, own[0].launch).cycles * len(own)

    ordered = sorted(of_launches, key=lambda own: (cycles(own), own[0].launch.extents, own[0].launch.mins))
    total = 0
    chosen: list[Sequence[Frame]] = []
    for own in ordered:
        total += cycles(own)
        if total > _MOST_CYCLES and chosen:
            break
        chosen.append(own if total <= _MOST_CYCLES else own[:2])
    order = [frame for own in chosen for frame in own] + [own[1] for own in reversed(chosen[:-1])]
    if len(chosen) > 1:  # what a large launch leaves behind must not matter to a small one
        order += [own[number] for number in (2, 3) if number < len(chosen[-1]) for own in (chosen[-1], chosen[0])]
    return order


def patterns(generated: Generated, order: Sequence[Frame], probability: float, seed: int) -> list[Pattern]:
    """The runs of a core: nothing stalls, every port does, in bursts, each port alone; resets, and late launches."""
    found = [Pattern("nothing"), Pattern("nothing, a reset in the middle of another before each", interrupted=True)]
    if not probability:
        return found
    rare = probability / (1 - probability)
    bursts = max(_BURST_CYCLES, rare)
    found.append(Pattern(f"{probability:g} of the cycles on every port", Stalls(seed, probability, probability)))
    found.append(
        Pattern(
            f"{probability:g} of the cycles in bursts of {bursts:g} on every port",
            Stalls(seed + 1, probability, probability, burst_cycles=bursts),
        )
    )
    share = max(probability, 0.5)
    often = max(_BURST_CYCLES, share / (1 - share))
    for stream in generated.interface.streams:
        alone = Stalls(seed + 2, 0, 0, often, ((stream.name, share),))
        found.append(Pattern(f"{share:g} of the cycles in bursts of {often:g} on {stream.name} alone", alone))
    # So late that a launch also comes while the last results of the one before are on their way out, and when all are.
    cycles = sorted({timing(generated, frame.launch).cycles for frame in order})
    # Launch after launch, the last words wait for their consumer while the core comes to its end.
    most, idle = max(probability, 0.8), 2 * cycles[-1]
    both = Stalls(seed + 4, 0, most, ports=(("launch", 1 - 1 / idle),))
    found.append(Pattern(f"{most:g} of the cycles on every output, and every launch for {idle} on average", both))
    # Or they still wait when the next launch comes to an idle core.
    wait = max(idle, most / (1 - most))
    both = Stalls(seed + 5, 0, most, wait, ports=(("launch", _late(idle)),))
    bursts_of = f"{most:g} of the cycles in bursts of {wait:g} on every output"
    found.append(Pattern(f"{bursts_of}, and {_LATE_LAUNCHES:g} of the launches as long", both))
    for late in dict.fromkeys((cycles[0], cycles[len(cycles) // 2], cycles[-1])):
        launches = Stalls(seed + 3, 0, 0, late, (("launch", _late(late)),))
        found.append(Pattern(f"{_LATE_LAUNCHES:g} of the launches for {late} cycles on average", launches))
    return found


def _late(cycles: float) -> float:
    """The fraction of cycles to stall in, so that of launches `_LATE_LAUNCHES` come so many cycles late on average."""
    odds = _LATE_LAUNCHES * cycles
    return odds / (1 + odds)


def run_core(
    accelerator: Accelerator,
    order: Sequence[Frame],
    pattern: Pattern,
    instance: Callable[[], AbstractContextManager[CoreInstance]] | None = None,
) -> CoreCheck:
    """Run frames through the core, each offered as soon as the protocol allows.

    Parameters
    ----------
    accelerator : Accelerator
        Its core is run.
    order : sequence of Frame
        What to run.
    pattern : Pattern
        How the core is disturbed.
    instance : callable, optional
        Gives the core to run in the place of the accelerator's own.

    Raises
    ------
    SimulationError
        The core breaks the protocol of a port, or a handshake is not in the cycle in which the schedule has it.
    """
    generated = accelerator.generated
    layouts = [Words(stream) for stream in generated.inputs]
    results = [Words(stream) for stream in generated.outputs]
    images = [[np.zeros_like(image) for image in frame.expected] for frame in order]
    jobs = [
        Job(
            [layout.pack(image) for layout, image in zip(layouts, frame.inputs, strict=True)],
            [result.room(image) for result, image in zip(results, own, strict=True)],
            frame.launch.settings,
        )
        for frame, own in zip(order, images, strict=True)
    ]
    timings = [timing(generated, frame.launch) for frame in order]
    cycles, looked_at = 0, 0
    with (instance or accelerator.simulator.instance)() as core:
        for first, beyond in _parts(len(order), pattern):
            if pattern.interrupted:
                other = random.Random(first).randrange(len(jobs))
                _break_off(core, jobs[other], timings[other], first)
            longest = max(timing.cycles for timing in timings[first:beyond])
            run = _run(core, jobs[first:beyond], pattern, timings[beyond - 1].cycles, longest)
            assert run.handshakes is not None
            looking_at = min(len(run.handshakes), _LOOKED_AT_CYCLES - looked_at)
            if difference := first_difference(generated.interface, timings[first:beyond], run.handshakes, looking_at):
                raise SimulationError(f"core {generated.interface.module!r}: {difference}; stalling {pattern.name}")
            cycles, looked_at = cycles + run.cycles, looked_at + looking_at
    different = []
    for number, (frame, own, job) in enumerate(zip(order, images, jobs, strict=True)):
        for result, image, packed in zip(results, own, job.outputs, strict=True):
            result.unpack(packed, image)
        if any(image.tobytes() != right.tobytes() for image, right in zip(own, frame.expected, strict=True)):
            different.append(number)
    return CoreCheck(pattern.name, len(order), cycles, looked_at, tuple(different))


def _parts(launches: int, pattern: Pattern) -> list[tuple[int, int]]:
    """The launches that run back to back, as ranges: each alone if there is a reset before it."""
    if pattern.interrupted:
        return [(number, number + 1) for number in range(launches)]
    return [(0, launches)]


def _run(core: CoreInstance, jobs: Sequence[Job], pattern: Pattern, last_cycles: int, longest_cycles: int) -> RunResult:
    stalls = pattern.stalls or Stalls(0, 0, 0)
    burst = max([stalls.burst_cycles or 1.0, *(1 / (1 - p) for _, p in stalls.ports)])
    quiet = 2 * last_cycles + 16  # in which there is no transfer either
    return core.run_many(
        jobs,
        stalls=pattern.stalls,
        # At rates far apart, most of a launch may be without a transfer, and so may what is left of it before `quiet`.
        timeout_cycles=longest_cycles + quiet + _TIMEOUT_CYCLES + round(_LONGEST_BURST * burst),
        quiet_cycles=quiet,
        handshakes=True,
    )


def _break_off(core: CoreInstance, job: Job, timing: Timing, number: int) -> None:
    """Leave a core in the middle of a launch, by a run that fails, because that resets it.

    Every other time it is full of words that nobody takes. Else the input ends too early, where an output's words begin
    or somewhere, and the next word that the core takes fails; or both wait for each other.
    """
    rng = random.Random(number)
    stalls, waits, inputs = Stalls(number, 0, 0), _BREAK_OFF_CYCLES, job.inputs
    if number % 2 == 0:
        outputs = tuple((port.name, 1 - 1 / _FOREVER) for port in core.interface.outputs)
        stalls = Stalls(number, 0, 0, _FOREVER, outputs)
    elif number % 8 == 3:
        p = 0.5 * timing.cycles ** -rng.random()
        stalls, waits = Stalls(number, p, p, ports=(("launch", 0.0),)), rng.randrange(1, 4)
    else:
        begins = [lag - 1 for lag in timing.lags[len(inputs) :]] if number % 8 != 7 else [rng.randrange(timing.cycles)]
        words = max(1, rng.choice(begins)) * core.interface.inputs[0].word_values
        inputs = [np.zeros((1,) * (inputs[0].ndim - 1) + (words,), inputs[0].dtype), *inputs[1:]]
    unused = [np.empty_like(array) for array in job.outputs]
    with suppress(SimulationError):
        core.run_many([replace(job, inputs=inputs, outputs=unused)], stalls=stalls, timeout_cycles=waits)


def timing(generated: Generated, launch: Launch) -> Timing:
    """When the streams of a launch are due."""
    scan = tuple(formula.evaluate(launch.variables) for formula in generated.extents.scan)
    strides = [math.prod(scan[:d]) for d in range(len(scan))]
    places = tuple(_places(stream, launch) for stream in generated.streams)
    whole = [stream.fills(len(scan) - 1, generated.extents.scan) for stream in generated.streams]
    return Timing(
        scan,
        tuple(
            sum(part * stride for part, stride in zip(stream.lag, strides, strict=True)) for stream in generated.streams
        ),
        places,
        tuple(scan[-1] if fills else own[-1][-1] + 1 for fills, own in zip(whole, places, strict=True)),
    )


def _places(stream: StreamPlan, launch: Launch) -> tuple[range, ...]:
    """Where a stream has words, along each dimension: every so many positions one."""
    found = []
    for first, words, period in zip(stream.first_words, stream.words, stream.periods, strict=True):
        start = first.evaluate(launch.variables)
        found.append(range(start * period, (start + words.evaluate(launch.variables)) * period, period))
    return tuple(found)
