"""A stand-in for a design's bitstream, which only the vendor's tools can make: the form is right, not the content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fluorite.boards.board import Board
from fluorite.glue.linux.bitstream import Bitstream, to_bin

__all__ = ["stand_in"]

_BYTES = 256 << 10  # enough for the FPGA manager to take it in many pieces
# Dummy words, the pattern by which the bus width is found, the sync word, a no-operation.
_START = bytes.fromhex("ffffffff" * 8 + "000000bb" + "11220044" + "ffffffff" * 2 + "aa995566" + "20000000")


def stand_in(name: str, board: Board) -> bytes:
    """A bitstream for a board as Linux's FPGA manager takes it, made of a design's name."""
    content = b"".join(hashlib.sha256(f"{name} {n}".encode()).digest() for n in range(_BYTES // 32))
    part = board.part.removeprefix("xc").rpartition("-")[0]
    return to_bin(Bitstream(name, part, _START + content), board, Path(f"{name}.bit"))
