"""``fluorite run --device``: the accelerator on a real board, at the end of a serial line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fluorite.boards.ecp5.build import BAUD, line_cycles
from fluorite.boards.ecp5.serial_port import SerialPort
from fluorite.design import Design
from fluorite.errors import UsageError

__all__ = ["add_device_options", "check_device_options", "device_statistics", "on_device"]

_TIMEOUT_SECONDS = 5.0  # how long a board may be silent


def add_device_options(command: argparse.ArgumentParser) -> None:
    """What ``run`` takes for a board at a serial port."""
    command.add_argument(
        "--device",
        metavar="PORT",
        help="run the accelerator on the board at this serial port, such as /dev/ttyUSB0, loaded with the bitstream "
        "that `fluorite build` made of the same file with the same -p and --board",
    )
    command.add_argument("--baud", metavar="N", type=int, help=f"of that port, in bits a second (default: {BAUD})")


def check_device_options(options: argparse.Namespace) -> None:
    """Refuse what does not go together, before anything is compiled.

    Raises
    ------
    UsageError
        ``--baud`` without ``--device``, or ``--device`` with ``--system`` or without ``--board``.
    """
    if options.device is None:
        if options.baud is not None:
            raise UsageError("--baud is that of --device: name the serial port")
        return
    if options.system:
        raise UsageError("--device runs on a board, --system simulates one: give one of them")
    if options.board is None:
        raise UsageError("--device needs the board that is there: --board ulx3s-85f")


@contextmanager
def on_device(design: Design, path: str, baud: int | None) -> Iterator[Design]:
    """Yield the design with its accelerator on the board at a serial port.

    Parameters
    ----------
    design : Design
        Compiled for a board with an ECP5.
    path : str
        The serial port.
    baud : int or None
        Bits a second; None: those of ``fluorite build``.

    Raises
    ------
    UsageError
        The board is not one with a serial port for this, or the port cannot be had.
    LinkError
        Nothing answers, the board holds another design, or it stops answering.
    """
    assert design.board is not None
    rate = BAUD if baud is None else baud
    line_cycles(design.hardware, design.board, rate)  # refuses what cannot have been built
    with SerialPort(path, rate) as port:
        yield design.attached(port, timeout_seconds=_TIMEOUT_SECONDS)


def device_statistics(design: Design) -> list[dict[str, Any]]:
    """What each accelerator did on the board: cycles are those of all launches, waiting for the line included."""
    return [
        {"name": s.name, "launches": s.launches, "cycles": s.cycles, "output_pixels": s.output_pixels}
        for s in design.statistics
    ]
