"""The list of boards, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fluorite.boards.board import Board
from fluorite.boards.read import board_names, load_board

__all__ = ["all_boards", "board_dict", "board_table"]

_HEADING = ("board", "part", "MHz", "LUT", "FF", "block RAM", "DSP", "memory ports", "what it is")


def all_boards() -> tuple[Board, ...]:
    """The boards that come with fluorite, by name."""
    return tuple(load_board(name) for name in board_names())


def board_table(boards: Sequence[Board]) -> str:
    """One line a board."""
    rows = [_HEADING, *(_row(board) for board in boards)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADING))]
    lines = []
    for name, part, *numbers, ports, title in rows:
        right = [text.rjust(width) for text, width in zip(numbers, widths[2:-2], strict=True)]
        lines.append("  ".join([name.ljust(widths[0]), part.ljust(widths[1]), *right, ports.ljust(widths[-2]), title]))
    return "\n".join(lines)


def board_dict(board: Board) -> dict[str, Any]:
    """Everything known of a board, as JSON has it."""
    return asdict(board)


def _row(board: Board) -> tuple[str, ...]:
    budget = board.budget
    numbers = (f"{board.clock_hz / 1e6:g}", str(budget.lut), str(budget.ff), str(budget.bram), str(budget.dsp))
    ports = "none"
    if board.processor is not None:
        memory = board.processor.memory
        ports = f"{len(memory)} x {memory[0].data_bits} bits"
    return (board.name, board.part, *numbers, ports, board.title)
