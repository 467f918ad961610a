"""Boards as data, and the flows that build for them."""

from fluorite.boards.board import Board, Budget, Control, MemoryPort, Pins, Processor
from fluorite.boards.placement import Master, Placed, Placement, place
from fluorite.boards.read import board_names, load_board, read_board

__all__ = [
    "Board",
    "Budget",
    "Control",
    "Master",
    "MemoryPort",
    "Pins",
    "Placed",
    "Placement",
    "Processor",
    "board_names",
    "load_board",
    "place",
    "read_board",
]
