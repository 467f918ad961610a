"""Random pipelines with reductions in time and in space, as text, in two schedules each: one number says all.

``python -m tests.random_reductions 17 18`` runs those numbers, ``--from 100 --count 50`` fifty of them, ``--show 17``
prints number 17 as a program that runs by itself.

Drawn are

- one to four stages over x, or x and y, most with one or two updates, and one or two images, some with a border;
- updates over RDoms of one to three dimensions that begin below, at and above 0, restricted by RVars, by data, by
  coordinates and by a Param: sums with tables of weights, products, extrema, guarded ones, those whose order matters
  (Horner, shifts, xor, divisions, tables of the value so far), Tuples (the least with its place, sums with their
  weights), and updates without a domain between them, in types of 8 to 64 bits;
- two schedules for each update: serial, unrolled in part or whole, split with and without unrolled inner loops,
  reordered, fused, and factored by ``rfactor``;
- channels unrolled whole, one to four lanes, streams of twice and half the rate;
- images of sizes up to an estimate, of one size (``bound``), and tiles with each tail strategy;
- sizes around powers of two and tiny ones, with stalls or without, and launches back to back.

Both schedules are compiled, and both must give what Halide's own run gives.
"""

import argparse
import collections
import sys
import traceback
from dataclasses import dataclass, field

import halide as hl
import numpy as np

import fluorite
from fluorite.errors import CompileError, FluoriteError, UsageError
from fluorite.run.core_runs import Recorder, patterns, run_core, sequence
from tests.random_rates import output_buffer
from tests.random_reduction_plans import TYPES, Pipeline

ROOM = 12  # pixels around what Halide asks for


def images_for(output, params, inputs, region, rng):
    """Fill the inputs of a pipeline for a region of its output; those with a border are as large as the region."""
    for param in params:
        param.reset()
    corner = [region.dim(d).min() for d in range(region.dimensions())]
    sizes = [region.dim(d).extent() for d in range(region.dimensions())]
    for param, stream in zip(params, inputs, strict=True):
        if stream.border:
            param.set(hl.Buffer(param.type(), sizes[: len(stream.rates)] + [4] * stream.channels))
    output.infer_input_bounds(region)
    keep = []
    for param, stream in zip(params, inputs, strict=True):
        asked, rank = param.get(), len(stream.rates)
        shape, mins = [], []
        for d in range(asked.dimensions()):
            room = 0 if d == rank or stream.border else ROOM
            shape.append(sizes[d] if stream.border and d < rank else asked.dim(d).extent() + 2 * room)
            mins.append(corner[d] if stream.border and d < rank else asked.dim(d).min() - room)
        info = np.iinfo(TYPES[stream.type])
        array = rng.integers(info.min, info.max, shape[::-1], TYPES[stream.type], endpoint=True)
        array[rng.random(array.shape) < 0.1] = rng.choice(np.array([info.min, info.max], array.dtype))
        buffer = hl.Buffer(param.type(), shape)  # not of numpy's memory: Halide takes no array of uint64
        np.array(buffer, copy=False)[...] = array
        buffer.set_min(mins)
        keep.append(buffer)
    for param, buffer in zip(params, keep, strict=True):
        param.set(buffer)
    return keep


@dataclass
class Outcome:
    """What became of a number: what was said of each schedule, "exact" or why nothing ran, and of single regions."""

    said: list = field(default_factory=list)
    regions: list = field(default_factory=list)
    cycles: list = field(default_factory=list)


def check(seed, back_to_back=True):
    """Run one number in both of its schedules. Raises where something is wrong."""
    pipeline = Pipeline(seed)
    plain, plain_params = pipeline.build(0)
    rng = np.random.default_rng(seed)
    runs = []
    for mins, extents in pipeline.regions():
        expected = output_buffer(plain, mins, extents, pipeline.channels)
        keep = images_for(plain, plain_params, pipeline.inputs, expected, rng)
        plain.realize(expected)
        runs.append((mins, extents, keep, np.array(expected)))
    outcome = Outcome()
    for schedule in (1, 2):
        outcome.said.append(_run(pipeline, plain, schedule, runs, outcome, back_to_back and seed % 3 == 0))
    return outcome


def _run(pipeline, plain, schedule, runs, outcome, back_to_back):
    accelerated, params = pipeline.build(schedule)
    try:
        design = fluorite.compile(accelerated)
    except CompileError as error:
        return f"refused: {error}"
    outcome.cycles.append(design.report.accelerators[0].cycles_per_word)
    recorder, ran = Recorder(), 0
    for number, (mins, extents, keep, right) in enumerate(runs):
        found = output_buffer(plain, mins, extents, pipeline.channels)
        for param, buffer in zip(params, keep, strict=True):
            param.set(buffer)
        stalls = fluorite.Stalls(seed=pipeline.seed) if number % 2 == schedule % 2 else None
        try:
            design.realize(found, stalls=stalls, launched=recorder)
        except UsageError as error:
            outcome.regions.append(f"{schedule}: {mins} {extents}: {error}")
            continue
        values = np.array(found)
        if not np.array_equal(values, right):
            wrong = np.argwhere(values != right)
            first = tuple(wrong[0])
            raise AssertionError(
                f"schedule {schedule} from {mins} {extents} {stalls}: {len(wrong)} of {right.size} wrong, first at "
                f"{[int(i) for i in first[::-1]]} (from the region's first), {values[first]} for {right[first]}"
            )
        ran += 1
        outcome.regions.append(f"{schedule}: {mins} {extents}: exact")
    if back_to_back and ran:
        (accelerator,) = design.accelerators
        for frames in recorder.frames(pipeline.seed).values():
            order = sequence(accelerator.generated, frames)
            for pattern in patterns(accelerator.generated, order, 0.4, pipeline.seed)[: 2 + schedule]:
                result = run_core(accelerator, order, pattern)
                assert not result.different, (
                    f"schedule {schedule} back to back, stalling {pattern.name}: launches {result.different}"
                )
    return "exact" if ran else "no size"


def program(seed):
    """The pipeline of a number as a program."""
    pipeline = Pipeline(seed)
    return f"""import halide as hl
import numpy as np
import fluorite
from fractions import Fraction
from tests.random_rates import output_buffer
from tests.random_reduction_plans import Stream
from tests.random_reductions import images_for

{pipeline.source}

inputs = {pipeline.inputs!r}
plain, plain_params = build(0)
for schedule in (1, 2):
    accelerated, params = build(schedule)
    design = fluorite.compile(accelerated)
    rng = np.random.default_rng({seed})
    for mins, extents in {pipeline.regions()!r}:
        expected = output_buffer(plain, mins, extents, {pipeline.channels})
        found = output_buffer(plain, mins, extents, {pipeline.channels})
        keep = images_for(plain, plain_params, inputs, expected, rng)
        for param, buffer in zip(params, keep, strict=True):
            param.set(buffer)
        plain.realize(expected)
        design.realize(found)
        a, b = np.array(expected), np.array(found)
        print(schedule, mins, extents, "equal" if np.array_equal(a, b) else f"{{(a != b).sum()}} of {{a.size}} differ")
        if a.size < 200 and not np.array_equal(a, b): print(a, b, sep="\\n")
"""


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("seeds", type=int, nargs="*")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args(arguments)
    counts, failed = collections.Counter(), []
    for seed in (*options.seeds, *range(options.first, options.first + options.count)):
        if options.show:
            print(program(seed))
            continue
        try:
            outcome = check(seed)
        except Exception as error:
            print(f"{seed} FAILED: {type(error).__name__}: {error}", flush=True)
            if not isinstance(error, AssertionError | FluoriteError):
                traceback.print_exc()
            failed.append(seed)
            continue
        print(f"{seed} {outcome.cycles} {' | '.join(said[:300] for said in outcome.said)}", flush=True)
        counts.update(said[:60] for said in outcome.said)
    if not options.show:
        print(counts, "failed:", failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
