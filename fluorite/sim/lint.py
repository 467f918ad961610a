"""Verilator as a critical reader of Verilog."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fluorite.errors import SimulationError
from fluorite.host.toolchain import find_toolchain, run_tool

__all__ = ["UNAVOIDABLE", "lint"]

#: What Verilog from Amaranth cannot be without: registers that have an initial value and are assigned in a process,
#: signals of which not all bits are used.
UNAVOIDABLE = ("PROCASSINIT", "UNUSEDSIGNAL")

_MESSAGE = re.compile(r"^%(?:Warning|Error).*(?:\n(?!%|- ).*)*", re.MULTILINE)
_HINT = re.compile(r"\n *\.\.\. (?:For|Use|See) .*")


def lint(verilog: str, top: str, *, allow: Sequence[str] = ()) -> None:
    """Check Verilog under all of Verilator's warnings.

    Parameters
    ----------
    verilog : str
        Source of all modules. (That a file holds more than one is the one thing not complained about.)
    top : str
        Name of the top module.
    allow : sequence of str
        Warnings to let pass, such as those in `UNAVOIDABLE`.

    Raises
    ------
    SimulationError
        There are warnings or errors; the message holds them all.
    """
    tools = find_toolchain()
    environment = {**os.environ, "VERILATOR_ROOT": str(tools.verilator_root)}
    accepted = [f"-Wno-{name}" for name in ("DECLFILENAME", *allow)]
    with tempfile.TemporaryDirectory(prefix="fluorite-lint-") as directory:
        (Path(directory) / "core.v").write_text(verilog, encoding="utf-8")
        command = [
            str(tools.verilator),
            "--lint-only",
            "--quiet",
            "-Wall",
            "-Wno-fatal",
            *accepted,
            "--top-module",
            top,
            "core.v",
        ]
        try:
            printed = run_tool(command, cwd=Path(directory), env=environment).stdout
        except SimulationError as error:
            raise SimulationError(f"module {top!r} must pass Verilator's lint: {error}") from None
    if messages := _MESSAGE.findall(printed):
        listed = "\n".join(_HINT.sub("", message).rstrip() for message in messages)
        raise SimulationError(f"module {top!r} must pass Verilator's lint:\n{listed}")
