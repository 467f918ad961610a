"""``fluorite build``: a pipeline file as a bitstream, by open tools."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from fluorite.boards.ecp5.build import build_design
from fluorite.cli.commands import compiled, loaded_file
from fluorite.errors import UsageError
from fluorite.host.files import check_folder_target

__all__ = ["add_build_options", "build_command"]


def add_build_options(command: argparse.ArgumentParser) -> None:
    """What ``build`` takes besides the pipeline file and the board."""
    command.add_argument("-o", "--output", metavar="DIR", type=Path, help="the folder (default: build/NAME)")


def build_command(options: argparse.Namespace) -> bool:
    """Build a bitstream and write it, with what belongs to it, into a folder.

    Raises
    ------
    UsageError
        No board is named, or it is not for this flow.
    CompileError
        The design does not reach the board's clock.
    """
    if options.board is None:
        raise UsageError("build needs a board: --board ulx3s-85f")
    loaded = loaded_file(options)
    folder: Path = options.output or Path("build") / loaded.name
    check_folder_target(folder)
    design = compiled(loaded, options)
    assert design.board is not None

    def progress(step: str) -> None:
        if not options.json:
            print(f"{loaded.name}: {step} ...", file=sys.stderr, flush=True)

    result = build_design(design.hardware, design.board, folder, progress=progress)
    if options.json:
        files = [str(path) for path in result.files]
        print(json.dumps({"name": loaded.name, "params": loaded.params, "files": files, **result.to_json()}, indent=2))
    else:
        print(result.to_text())
        for path in result.files:
            print(f"wrote {path}")
    return True
