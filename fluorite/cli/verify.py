"""``fluorite verify``: the simulated hardware beside Halide, whole pipelines first and then each core alone."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from fluorite.cli.commands import (
    Notes,
    assignments,
    compiled,
    counted,
    loaded_file,
    print_json,
    print_statistics,
    progress_bar,
    size_of,
    statistics,
)
from fluorite.design import Design
from fluorite.errors import UsageError
from fluorite.frontend.halide_errors import run_refused
from fluorite.frontend.pipeline_file import LoadedFile
from fluorite.run.accelerator import Accelerator
from fluorite.run.core_runs import Frame, Recorder, patterns, run_core, sequence
from fluorite.run.images import Array
from fluorite.run.verify import compare, output_arrays, output_names, output_sizes, set_photos, set_random, set_scalars
from fluorite.sim.run import Stalls

__all__ = ["default_sizes", "verify_command"]

_DEFAULT_SIZES = ((64, 48, 3, 2), (131, 77, 3, 2), (300, 265, 3, 2))


def verify_command(options: argparse.Namespace) -> bool:
    """Compare the simulated hardware with Halide on photographs or random images; whether they are the same."""
    if not 0 <= options.stalls < 1:
        raise UsageError(f"--stalls must be in 0 <= P < 1, not {options.stalls}")
    wanted = [size_of(text) for text in options.sizes.split(",")] if options.sizes else None
    loaded = loaded_file(options)
    design = compiled(loaded, options)
    set_scalars(loaded, assignments(options.set, "--set"))
    notes = Notes()
    reference = design.reference
    cases: list[dict[str, Any]] = []
    launches: dict[str, list[list[Frame]]] = {}
    usual: Sequence[list[int] | None] = [None] if options.input else default_sizes(loaded, design)
    for size in wanted or usual:
        if options.input:
            photo_sizes = set_photos(loaded, options.input, size, note=notes.add)
            sizes = output_sizes(loaded, size or photo_sizes)
        else:
            assert size is not None
            sizes = output_sizes(loaded, size)
            with run_refused(loaded.name, design.loaded.pipeline.funcs):
                set_random(loaded, sizes, options.seed, reference, design.buffers(sizes))
        buffers = design.buffers(sizes)
        with run_refused(loaded.name, design.loaded.pipeline.funcs):
            reference.realize(buffers)
        expected = output_arrays(buffers)
        recorder = Recorder()
        for probability in (0.0, options.stalls) if options.stalls else (0.0,):
            cases.append(_verify_pipeline(loaded, design, sizes, expected, probability, recorder, options))
        for name, frames in recorder.frames(options.seed).items():
            launches.setdefault(name, []).extend(frames)
    cores = [_verify_core(loaded, a, launches[a.name], options) for a in design.accelerators if a.name in launches]
    exact = all(checked["exact"] for checked in (*cases, *cores))
    if options.json:
        fields = {"notes": notes.sentences, "exact": exact, "cases": cases, "cores": cores}
        print_json({"name": loaded.name, "params": loaded.params, **fields})
    else:
        verdict = "the same as Halide, bit for bit" if exact else "NOT the same as Halide"
        alone = [f"{_counted(len(c['runs']), 'run')} of {c['name']} alone" for c in cores]
        print(f"{loaded.name}: {verdict} ({'; '.join([_counted(len(cases), 'run'), *alone])})")
    return exact


def default_sizes(loaded: LoadedFile, design: Design) -> list[list[int]]:
    """Sizes that are verified where none are asked for: those of images that the hardware can compute.

    A launch of a whole image has no more pixels than it was compiled for, and exactly so many where they are fixed.
    """
    dimensions = loaded.outputs[0].dimensions
    found: list[list[int]] = []
    for size in _DEFAULT_SIZES:
        sizes = list(size[:dimensions])
        for accelerator in design.accelerators:
            region = accelerator.generated.region
            if len(region.func.args) != dimensions:
                continue  # whose dimensions are not the output's
            bordered = {border.dimension for border in accelerator.generated.lowered.borders}
            for number, loop in enumerate(region.loops):
                if loop.whole and loop.fixed:
                    sizes[loop.position] = (loop.min or 0) + loop.max_extent
                elif number in bordered:
                    sizes[loop.position] = min(sizes[loop.position], loop.max_extent)
            for channel in region.channels:
                sizes[channel.position] = channel.min + channel.extent
        if sizes not in found:
            found.append(sizes)
    return found


def _verify_pipeline(
    loaded: LoadedFile,
    design: Design,
    sizes: list[int],
    expected: Sequence[Array],
    probability: float,
    recorder: Recorder,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """The whole pipeline: Halide's software part around the simulated hardware, a launch at a time."""
    stalls = Stalls(options.seed, probability, probability) if probability else None
    with progress_bar(loaded.name, options.json) as progress:
        realized = design.realize(sizes, stalls=stalls, progress=progress, launched=None if probability else recorder)
    compared = [
        compare(*triple) for triple in zip(output_names(loaded), expected, output_arrays(realized), strict=True)
    ]
    mismatches = [m for m in compared if m is not None]
    if not options.json:
        images = "photograph" if options.input else f"random (seed {options.seed})"
        stalled = f"stalls {probability:g} (seed {options.seed})" if probability else "no stalls"
        print(f"{loaded.name} {_by(sizes)}, {images}, {stalled}: {'DIFFERENT' if mismatches else 'exact'}")
        for mismatch in mismatches:
            print(f"  {mismatch}")
        print_statistics(design, indent="  ")
    return {
        "sizes": sizes,
        "inputs": options.input or "random",
        "seed": options.seed,
        "stalls": probability,
        "exact": not mismatches,
        "mismatches": [
            {
                "output": m.output,
                "count": m.count,
                "total": m.total,
                "position": m.position,
                "expected": m.expected,
                "actual": m.actual,
            }
            for m in mismatches
        ],
        "accelerators": statistics(design),
    }


def _verify_core(
    loaded: LoadedFile, accelerator: Accelerator, launches: Sequence[Sequence[Frame]], options: argparse.Namespace
) -> dict[str, Any]:
    """One core alone: launches back to back, and every handshake in the cycle in which the schedule has it."""
    order = sequence(accelerator.generated, launches)
    sizes = [list(extents) for extents in dict.fromkeys(frame.launch.extents for frame in order)]
    runs = []
    if not options.json:
        print(f"{loaded.name}, {accelerator.name} alone: {counted(len(order))} back to back of {_listed(sizes)}")
    for pattern in patterns(accelerator.generated, order, options.stalls, options.seed):
        run = run_core(accelerator, order, pattern)
        if not options.json:
            result = f"DIFFERENT in launch {', '.join(map(str, run.different))}" if run.different else "exact"
            looked_at = f"{run.looked_at_cycles} of them" if run.looked_at_cycles < run.cycles else "all"
            print(
                f"  stalling {pattern.name}: {result}, {run.cycles} cycles, the handshakes of {looked_at} as scheduled"
            )
        runs.append(
            {
                "stalling": pattern.name,
                "cycles": run.cycles,
                "cycles_with_handshakes_checked": min(run.cycles, run.looked_at_cycles),
                "exact": not run.different,
                "different_launches": list(run.different),
            }
        )
    return {
        "name": accelerator.name,
        "launches": len(order),
        "sizes": sizes,
        "runs": runs,
        "exact": all(run["exact"] for run in runs),
    }


def _by(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))


def _listed(sizes: Sequence[Sequence[int]]) -> str:
    return ", ".join(map(_by, sizes))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
