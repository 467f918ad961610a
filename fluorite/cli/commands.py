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
from fluorite.cli.device import check_device_options, device_statistics, on_device
from fluorite.cli.system import run_system
from fluorite.errors import UsageError
from fluorite.frontend.pipeline_file import LoadedFile, load_pipeline
from fluorite.host.files import check_folder_target
from fluorite.run.images import Array, check_output, save_image
from fluorite.run.verify import output_arrays, output_names, output_sizes, set_photos, set_scalars

__all__ = [
    "Notes", "assignments", "compile_command", "compiled", "counted", "loaded_file", "print_json", "print_statistics",
    "progress_bar", "report_command", "run_command", "size_of", "statistics",
]  # fmt: skip


def compile_command(options: argparse.Namespace) -> bool:
    """Write a design into a folder."""
    loaded = loaded_file(options)
    folder: Path = options.output or Path("build") / loaded.name
    check_folder_target(folder)
    design = compiled(loaded, options)
    files = [str(path) for path in design.write(folder, options.target, testbench=not options.no_testbench)]
    if options.json:
        print_json({"name": loaded.name, "params": loaded.params, "files": files, "report": _report_json(design)})
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
        print_json({"name": loaded.name, "params": loaded.params, "report": _report_json(design)})
    else:
        print(design.report.to_text())
    return True


def run_command(options: argparse.Namespace) -> bool:
    """Run photographs through the accelerator, simulated or on a board, and write what comes out."""
    check_device_options(options)
    wanted = size_of(options.size) if options.size else None
    loaded = loaded_file(options)
    design = compiled(loaded, options)
    scalars = assignments(options.set, "--set")
    set_scalars(loaded, scalars)
    notes = Notes()
    photo_sizes = set_photos(loaded, options.input, note=notes.add)
    sizes = output_sizes(loaded, wanted or photo_sizes)
    paths = _output_paths(loaded, options.output, list(design.sizes(sizes).values()))
    if options.system:
        return _run_system(options, loaded, design, sizes, scalars, paths, notes)
    if options.device:
        return _run_device(options, loaded, design, sizes, paths, notes)
    arrays, seconds = _realized(loaded, design, sizes, options.json)
    for path, array in zip(paths, arrays, strict=True):
        save_image(path, array)
    if options.json:
        print_json(
            {
                "name": loaded.name,
                "params": loaded.params,
                "notes": notes.sentences,
                "sizes": sizes,
                "outputs": paths,
                "seconds": seconds,
                "accelerators": statistics(design),
            }
        )
    else:
        print_statistics(design)
        for path in paths:
            print(f"wrote {path}")
    return True


def _realized(
    loaded: LoadedFile, design: fluorite.Design, sizes: Sequence[int], quiet: bool
) -> tuple[list[Array], float]:
    """The outputs, and the seconds that they took."""
    start = time.monotonic()
    with progress_bar(loaded.name, quiet) as progress:
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
        print_json({"name": loaded.name, "params": loaded.params, **fields, "accelerators": statistics})
    else:
        for ran in statistics:
            print(f"{ran['name']}: {counted(ran['launches'])} on {options.device}, {seconds:.1f} s")
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
        print_json({"name": loaded.name, "params": loaded.params, **fields, "accelerators": run.reports})
    else:
        print(run.printed.rstrip())
        for path in paths:
            print(f"wrote {path}")
    return True


def loaded_file(options: argparse.Namespace) -> LoadedFile:
    """Load a command's pipeline file. What it prints goes to standard error: standard output is the command's."""
    with redirect_stdout(sys.stderr):
        return load_pipeline(options.file, assignments(options.param, "-p"))


def compiled(loaded: LoadedFile, options: argparse.Namespace) -> fluorite.Design:
    """Compile it for the command's board."""
    return fluorite.compile(loaded.pipeline, options.board, loaded.name, options.shell, debug=options.debug)


@dataclass
class Notes:
    """What the user is told besides the results, each once: on standard error, and with ``--json``."""

    sentences: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """Say it, unless it was said."""
        if sentence not in self.sentences:
            self.sentences.append(sentence)
            print(f"fluorite: note: {sentence}", file=sys.stderr)


def assignments(texts: Sequence[str], option: str) -> dict[str, str]:
    """What an option gives as NAME=VALUE, once for each name."""
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{option} takes NAME=VALUE, not {text!r}")
        if name in values:
            raise UsageError(f"{option} gives {name} twice")
        values[name] = value
    return values


def size_of(text: str) -> list[int]:
    """A size, as an option spells it."""
    try:
        sizes = [int(n) for n in text.split("x")]
    except ValueError:
        sizes = []
    if not sizes or not all(1 <= n < 1 << 31 for n in sizes):
        raise UsageError(f"a size is WxH in pixels, such as 640x480, not {text!r}")
    return sizes


def _output_paths(loaded: LoadedFile, texts: Sequence[str], sizes: Sequence[Sequence[int]]) -> list[str]:
    names = output_names(loaded)
    types = dict(zip(names, (name for output in loaded.outputs for name in output.types), strict=True))
    every = [own for output, own in zip(loaded.outputs, sizes, strict=True) for _ in output.types]
    sizes_of = dict(zip(names, every, strict=True))
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
        check_output(path, types[name], sizes_of[name])
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
def progress_bar(name: str, quiet: bool) -> Iterator[_Progress]:
    """Yield a callback that draws a bar on a terminal's standard error, and nothing elsewhere."""
    with tqdm(desc=name, unit="px", unit_scale=True, leave=False, file=sys.stderr, disable=quiet or None) as bar:

        def progress(done: int, total: int, /) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def statistics(design: fluorite.Design) -> list[dict[str, Any]]:
    """What each accelerator did in the last run, for ``--json``."""
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


def print_statistics(design: fluorite.Design, indent: str = "") -> None:
    """Print what each accelerator did in the last run."""
    for s in design.statistics:
        rate = f", {s.cycles / s.output_pixels:.4f} cycles a pixel" if s.output_pixels else ""
        print(f"{indent}{s.name}: {counted(s.launches)}, {s.cycles} cycles{rate}, latency {s.latency_cycles} cycles")


def counted(launches: int) -> str:
    """So many launches, in words."""
    return "1 launch" if launches == 1 else f"{launches} launches"


def _report_json(design: fluorite.Design) -> Any:
    return json.loads(design.report.to_json())


def print_json(value: Mapping[str, Any]) -> None:
    """Print the object that ``--json`` asks for."""
    print(json.dumps(value, indent=2, default=str))
