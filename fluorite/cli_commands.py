"""What the subcommands of ``fluorite`` do. Each returns False if the hardware differs from Halide."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

import fluorite
from fluorite.cli_device import check_device_options, device_statistics, on_device
from fluorite.cli_system import run_system
from fluorite.errors import UsageError
from fluorite.files import check_folder_target
from fluorite.frontend.halide_errors import run_refused
from fluorite.images import Array, check_output, save_image
from fluorite.pipeline_file import LoadedFile, load_pipeline
from fluorite.sim.run import Stalls
from fluorite.verify import (
    Mismatch,
    compare,
    output_arrays,
    output_names,
    output_sizes,
    set_photos,
    set_random,
    set_scalars,
)

__all__ = ["compile_command", "compiled", "loaded_file", "report_command", "run_command", "verify_command"]

_DEFAULT_SIZES = ((64, 48), (131, 77), (300, 265))


def compile_command(options: argparse.Namespace) -> bool:
    """Write a design into a folder."""
    loaded = loaded_file(options)
    folder: Path = options.output or Path("build") / loaded.name
    check_folder_target(folder)
    design = compiled(loaded, options)
    files = [str(path) for path in design.write(folder, options.target, testbench=not options.no_testbench)]
    if options.json:
        _print_json({"name": loaded.name, "params": loaded.params, "files": files, "report": _report_json(design)})
    else:
        print(design.report.to_text())
        for file in files:
            print(f"wrote {file}")
    return True


def report_command(options: argparse.Namespace) -> bool:
    """Print a design's report."""
    loaded = loaded_file(options)
    design = compiled(loaded, options)
    if options.json:
        _print_json({"name": loaded.name, "params": loaded.params, "report": _report_json(design)})
    else:
        print(design.report.to_text())
    return True


def run_command(options: argparse.Namespace) -> bool:
    """Run photographs through the accelerator, simulated or on a board, and write what comes out."""
    check_device_options(options)
    wanted = _size(options.size) if options.size else None
    loaded = loaded_file(options)
    design = compiled(loaded, options)
    scalars = _assignments(options.set, "--set")
    set_scalars(loaded, scalars)
    notes = Notes()
    photo_sizes = set_photos(loaded, options.input, note=notes.add)
    sizes = output_sizes(loaded, wanted or photo_sizes)
    paths = _output_paths(loaded, options.output, sizes)
    if options.system:
        return _run_system(options, loaded, design, sizes, scalars, paths, notes)
    if options.device:
        return _run_device(options, loaded, design, sizes, paths, notes)
    arrays, seconds = _realized(loaded, design, sizes, options.json)
    for path, array in zip(paths, arrays, strict=True):
        save_image(path, array)
    if options.json:
        _print_json(
            {
                "name": loaded.name,
                "params": loaded.params,
                "notes": notes.sentences,
                "sizes": sizes,
                "outputs": paths,
                "seconds": seconds,
                "accelerators": _statistics(design),
            }
        )
    else:
        _print_statistics(design)
        for path in paths:
            print(f"wrote {path}")
    return True


def _realized(
    loaded: LoadedFile, design: fluorite.Design, sizes: Sequence[int], quiet: bool
) -> tuple[list[Array], float]:
    """The outputs, and the seconds that they took."""
    start = time.monotonic()
    with _progress_bar(loaded.name, quiet) as progress:
        arrays = output_arrays(design.realize(sizes, progress=progress))
    return arrays, time.monotonic() - start


def _run_device(
    options: argparse.Namespace,
    loaded: LoadedFile,
    design: fluorite.Design,
    sizes: Sequence[int],
    paths: Sequence[str],
    notes: Notes,
) -> bool:
    with on_device(design, options.device, options.baud) as on_board:
        arrays, seconds = _realized(loaded, on_board, sizes, options.json)
    for path, array in zip(paths, arrays, strict=True):
        save_image(path, array)
    statistics = device_statistics(on_board)
    if options.json:
        fields = {
            "notes": notes.sentences,
            "device": options.device,
            "sizes": sizes,
            "outputs": paths,
            "seconds": seconds,
        }
        _print_json({"name": loaded.name, "params": loaded.params, **fields, "accelerators": statistics})
    else:
        for ran in statistics:
            print(f"{ran['name']}: {_counted(ran['launches'])} on {options.device}, {seconds:.1f} s")
        for path in paths:
            print(f"wrote {path}")
    return True


def _run_system(
    options: argparse.Namespace,
    loaded: LoadedFile,
    design: fluorite.Design,
    sizes: list[int],
    scalars: Mapping[str, str],
    paths: list[str],
    notes: Notes,
) -> bool:
    run = run_system(loaded, design, sizes, scalars, options.system)
    for path, array in zip(paths, run.arrays, strict=True):
        save_image(path, array)
    if options.json:
        fields = {
            "notes": notes.sentences,
            "system": options.system,
            "sizes": sizes,
            "outputs": paths,
            "seconds": run.seconds,
        }
        _print_json({"name": loaded.name, "params": loaded.params, **fields, "accelerators": run.reports})
    else:
        print(run.printed.rstrip())
        for path in paths:
            print(f"wrote {path}")
    return True


def verify_command(options: argparse.Namespace) -> bool:
    """Compare the simulated accelerator with Halide on photographs or random images, without stalls and with."""
    if not 0 <= options.stalls < 1:
        raise UsageError(f"--stalls must be in 0 <= P < 1, not {options.stalls}")
    verified_sizes = _verified_sizes(options)
    loaded = loaded_file(options)
    design = compiled(loaded, options)
    set_scalars(loaded, _assignments(options.set, "--set"))
    notes = Notes()
    cases = []
    reference = design.reference
    for size in verified_sizes:
        if options.input:
            photo_sizes = set_photos(loaded, options.input, size, note=notes.add)
            sizes = output_sizes(loaded, size or photo_sizes)
        else:
            sizes = output_sizes(loaded, size or _DEFAULT_SIZES[0])
            with run_refused(loaded.name, design.loaded.pipeline.funcs):
                set_random(loaded, sizes, options.seed, reference)
        with run_refused(loaded.name, design.loaded.pipeline.funcs):
            expected = output_arrays(reference.realize(sizes))
        for probability in (0.0, options.stalls) if options.stalls else (0.0,):
            cases.append(_verify_case(loaded, design, sizes, expected, probability, options))
    exact = all(case["exact"] for case in cases)
    if options.json:
        fields = {"notes": notes.sentences, "exact": exact, "cases": cases}
        _print_json({"name": loaded.name, "params": loaded.params, **fields})
    else:
        verdict = "the same as Halide, bit for bit" if exact else "NOT the same as Halide"
        print(f"{loaded.name}: {verdict} ({len(cases)} runs)")
    return exact


def _verify_case(
    loaded: LoadedFile,
    design: fluorite.Design,
    sizes: list[int],
    expected: Sequence[Array],
    probability: float,
    options: argparse.Namespace,
) -> dict[str, Any]:
    stalls = None
    if probability:
        stalls = Stalls(seed=options.seed, input_probability=probability, output_probability=probability)
    with _progress_bar(loaded.name, options.json) as progress:
        actual = output_arrays(design.realize(sizes, stalls=stalls, progress=progress))
    compared = [compare(*triple) for triple in zip(output_names(loaded), expected, actual, strict=True)]
    mismatches: list[Mismatch] = [m for m in compared if m is not None]
    if not options.json:
        size = "x".join(str(n) for n in sizes)
        images = "photograph" if options.input else f"random (seed {options.seed})"
        stalled = f"stalls {probability:g} (seed {options.seed})" if probability else "no stalls"
        print(f"{loaded.name} {size}, {images}, {stalled}: {'exact' if not mismatches else 'DIFFERENT'}")
        for mismatch in mismatches:
            print(f"  {mismatch}")
        _print_statistics(design, indent="  ")
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
        "accelerators": _statistics(design),
    }


def loaded_file(options: argparse.Namespace) -> LoadedFile:
    """Load a command's pipeline file. What it prints goes to standard error: standard output is the command's."""
    with redirect_stdout(sys.stderr):
        return load_pipeline(options.file, _assignments(options.param, "-p"))


def compiled(loaded: LoadedFile, options: argparse.Namespace) -> fluorite.Design:
    """Compile it for the command's board."""
    return fluorite.compile(loaded.pipeline, options.board, loaded.name, options.shell)


@dataclass
class Notes:
    """What the user is told besides the results, each once: on standard error, and with ``--json``."""

    sentences: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """Say it, unless it was said."""
        if sentence not in self.sentences:
            self.sentences.append(sentence)
            print(f"fluorite: note: {sentence}", file=sys.stderr)


def _assignments(texts: Sequence[str], option: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{option} takes NAME=VALUE, not {text!r}")
        if name in values:
            raise UsageError(f"{option} gives {name} twice")
        values[name] = value
    return values


def _size(text: str) -> list[int]:
    try:
        sizes = [int(n) for n in text.split("x")]
    except ValueError:
        sizes = []
    if not sizes or not all(1 <= n < 1 << 31 for n in sizes):
        raise UsageError(f"a size is WxH in pixels, such as 640x480, not {text!r}")
    return sizes


def _verified_sizes(options: argparse.Namespace) -> list[list[int] | None]:
    """Return the sizes to verify; None is the photograph's own."""
    if options.sizes:
        return [_size(text) for text in options.sizes.split(",")]
    return [None] if options.input else [list(size) for size in _DEFAULT_SIZES]


def _output_paths(loaded: LoadedFile, texts: Sequence[str], sizes: Sequence[int]) -> list[str]:
    names = output_names(loaded)
    types = dict(zip(names, (name for output in loaded.outputs for name in output.types), strict=True))
    places: dict[str, str] = {}
    paths: dict[str, str] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (equals and name in names):
            free = [n for n in names if n not in paths]
            if not free:
                raise UsageError(
                    f"{text}: {loaded.name} has {len(names)} outputs ({', '.join(names)}) and not {len(texts)}"
                )
            name, path = free[0], text
        if name in paths:
            raise UsageError(f"{loaded.name}'s {name} is given twice")
        check_output(path, types[name], sizes)
        place = os.path.realpath(path)
        if place in places:
            raise UsageError(f"{path}: {places[place]} and {name} cannot be written to one file")
        places[place] = name
        paths[name] = path
    missing = [n for n in names if n not in paths]
    if missing:
        raise UsageError(f"{loaded.name} needs a file for its output {missing[0]}: -o {missing[0]}=FILE")
    return [paths[n] for n in names]


class _Progress(Protocol):
    def __call__(self, done: int, total: int, /) -> None: ...


@contextmanager
def _progress_bar(name: str, quiet: bool) -> Iterator[_Progress]:
    """Yield a callback that draws a bar on a terminal's standard error, and nothing elsewhere."""
    with tqdm(desc=name, unit="px", unit_scale=True, leave=False, file=sys.stderr, disable=quiet or None) as bar:

        def progress(done: int, total: int, /) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def _statistics(design: fluorite.Design) -> list[dict[str, Any]]:
    return [
        {
            "name": s.name,
            "launches": s.launches,
            "cycles": s.cycles,
            "output_pixels": s.output_pixels,
            "latency_cycles": s.latency_cycles,
            "cycles_per_pixel": s.cycles / s.output_pixels if s.output_pixels else None,
        }
        for s in design.statistics
    ]


def _print_statistics(design: fluorite.Design, indent: str = "") -> None:
    for s in design.statistics:
        rate = f", {s.cycles / s.output_pixels:.4f} cycles a pixel" if s.output_pixels else ""
        print(f"{indent}{s.name}: {_counted(s.launches)}, {s.cycles} cycles{rate}, latency {s.latency_cycles} cycles")


def _counted(launches: int) -> str:
    return "1 launch" if launches == 1 else f"{launches} launches"


def _report_json(design: fluorite.Design) -> Any:
    return json.loads(design.report.to_json())


def _print_json(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, indent=2, default=str))
