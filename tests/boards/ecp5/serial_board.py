"""A program that is a board at the end of a serial port: prints the port's name, then answers until it is stopped.

    python -m tests.boards.ecp5.serial_board BAUD FILE [NAME=VALUE ...]

The port is a pseudo terminal, and what is behind it the top that ``fluorite build`` places and routes, Verilated, bit
by bit at its pins. It is a process of its own, as a board is: Halide's names are those of a first compilation.
"""

import os
import select
import sys
import tty

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from tests.boards.ecp5.simulated_board import SimulatedBoard

_SLICE_SECONDS = 0.001  # of the simulated board, between two looks at the line


def main(baud, file, *params):
    loaded = load_pipeline(file, dict(param.split("=") for param in params))
    design = fluorite.compile(loaded.pipeline, "ulx3s-85f", loaded.name)
    board = SimulatedBoard(design, design.board, baud=int(baud))
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    print(os.ttyname(theirs), flush=True)
    busy = False
    while True:
        there, _, _ = select.select([ours], [], [], 0 if busy else 0.01)
        if there:
            board.write(os.read(ours, 4096))
        answer = board.read(_SLICE_SECONDS)
        busy = bool(there or answer)
        if answer:
            os.write(ours, answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
