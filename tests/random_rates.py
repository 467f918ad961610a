"""Random pipelines whose stages and inputs come at rates of their own, as text: one number says all.

``python -m tests.random_rates 17 18`` runs those numbers, ``--from 100 --count 50`` fifty of them, and ``--show 17``
prints number 17 as a program that runs by itself.

Drawn are

- one to six stages over x, or x and y, most of them line buffers and some inlined, and one to three inputs, images as
  they are or copied by a Func; each stream at a rate against its reader, of its own along x and y, of 1, 2, 3, 4, 1/2,
  1/3, 3/2 or 2/3, so that there is down after up, up after down, and branches that join again;
- of inputs, one in three without x, without y, or without both: profiles and single values;
- windows of one to five pixels along x and y, at indices written in many ways: ``2*x + k``, shifts, divisions that are
  rounded, fractions that are not in lowest terms, ``x/2 - 1 + 2*(x % 2)``, behind an inlined Func along x only;
- sums, extrema, differences and selects of them, in types of 8 to 32 bits, ``x % k`` and ``y % k`` as data and as what
  selects;
- channels unrolled whole, and one to eight lanes;
- images of sizes up to an estimate, of one size (``bound``), and tiles with each tail strategy, read by a Func that
  copies them, reads a window or takes another rate;
- sizes around powers of two and tiny ones, beginning anywhere, from inputs that are as large as Halide asks for, or
  larger, with stalls or without.

Never drawn are what is refused whatever the rest: a stream that is read at two rates, an index that runs against the
scan, three scanned dimensions, border conditions (`random_pools`, `random_plans` have them at one rate), and lanes that
do not divide, but for a few.
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
from tests.random_rate_plans import LARGEST, TYPES, Pipeline


def images_for(output, params, inputs, region, rng, room):
    """Fill the inputs of a pipeline for a region of its output, ``room`` pixels more than Halide asks for."""
    for param in params:
        param.reset()
    output.infer_input_bounds(region)
    keep = []
    for param, stream in zip(params, inputs, strict=True):
        asked = param.get()
        shape, mins = [], []
        for d in range(asked.dimensions()):
            extra = 0 if d == asked.dimensions() - 1 and stream.channels else room
            shape.append(asked.dim(d).extent() + 2 * extra)
            mins.append(asked.dim(d).min() - extra)
        info = np.iinfo(TYPES[stream.type])
        low, high = max(info.min, -LARGEST), min(info.max, LARGEST)
        array = np.asarray(rng.integers(low, high, shape[::-1], dtype=np.int64, endpoint=True))
        array[rng.random(array.shape) < 0.1] = rng.choice([low, high])
        array = np.ascontiguousarray(array.astype(TYPES[stream.type])).reshape(shape[::-1])
        buffer = hl.Buffer(array)
        buffer.set_min(mins)
        param.set(buffer)
        keep.append((array, buffer))
    return keep


def output_buffer(func, mins, extents, channels):
    shape = [*extents, channels] if channels else list(extents)
    buffer = hl.Buffer(func.types()[0], shape)
    buffer.set_min([*mins, 0] if channels else list(mins))
    return buffer


@dataclass
class Outcome:
    """What became of a number: ``said`` is "exact" or why nothing ran; what single regions said."""

    said: str
    regions: list = field(default_factory=list)


def check(seed, back_to_back=True):
    """Run one number. Raises where something is wrong."""
    pipeline = Pipeline(seed)
    plain, plain_params = pipeline.build(False)
    accelerated, params = pipeline.build(True)
    rng = np.random.default_rng(seed)
    try:
        design = fluorite.compile(accelerated)
    except CompileError as error:
        return Outcome(f"refused: {error}")
    outcome, recorder, ran = Outcome("exact"), Recorder(), 0
    for number, (mins, extents) in enumerate(pipeline.regions()):
        expected = output_buffer(plain, mins, extents, pipeline.channels)
        found = output_buffer(plain, mins, extents, pipeline.channels)
        room = 0 if pipeline.mode != "tile" and rng.integers(2) else 40
        keep = images_for(plain, plain_params, pipeline.inputs, expected, rng, room)
        for param, (_, buffer) in zip(params, keep, strict=True):
            param.set(buffer)
        plain.realize(expected)
        stalls = fluorite.Stalls(seed=seed) if number % 2 else None
        try:
            design.realize(found, stalls=stalls, launched=recorder)
        except UsageError as error:
            outcome.regions.append(f"{mins} {extents} room {room}: {error}")
            continue
        a, b = np.array(expected), np.array(found)
        if not np.array_equal(a, b):
            wrong = np.argwhere(a != b)
            first = tuple(wrong[0])
            raise AssertionError(
                f"from {mins} {extents} room {room} {stalls}: {len(wrong)} of {a.size} wrong, first at "
                f"{[int(i) for i in first[::-1]]} (from the region's first), {b[first]} for {a[first]}"
            )
        ran += 1
        outcome.regions.append(f"{mins} {extents} room {room}: exact")
    if back_to_back and ran and seed % 3 == 0:
        (accelerator,) = design.accelerators
        for frames in recorder.frames(seed).values():
            order = sequence(accelerator.generated, frames)
            for pattern in patterns(accelerator.generated, order, 0.4, seed)[: 2 + seed % 2]:
                result = run_core(accelerator, order, pattern)
                assert not result.different, f"back to back, stalling {pattern.name}: launches {result.different}"
    if not ran:
        outcome.said = "no size"
    return outcome


def program(seed):
    """The pipeline of a number as a program."""
    pipeline = Pipeline(seed)
    return f"""import halide as hl
import numpy as np
import fluorite
from fractions import Fraction
from tests.random_rate_plans import Stream
from tests.random_rates import images_for, output_buffer

{pipeline.source}

inputs = {pipeline.inputs!r}
plain, plain_params = build(False)
accelerated, params = build(True)
design = fluorite.compile(accelerated)
rng = np.random.default_rng({seed})
for mins, extents in {pipeline.regions()!r}:
    expected = output_buffer(plain, mins, extents, {pipeline.channels})
    found = output_buffer(plain, mins, extents, {pipeline.channels})
    keep = images_for(plain, plain_params, inputs, expected, rng, 40)
    for param, (_, buffer) in zip(params, keep, strict=True):
        param.set(buffer)
    plain.realize(expected)
    design.realize(found)
    a, b = np.array(expected), np.array(found)
    print(mins, extents, "equal" if np.array_equal(a, b) else f"{{(a != b).sum()}} of {{a.size}} differ")
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
        print(f"{seed} {outcome.said[:300]}", flush=True)
        counts[outcome.said[:60]] += 1
    print(counts, "failed:", failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
