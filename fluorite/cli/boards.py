"""``fluorite boards`` and ``fluorite bitstream``: what needs a board but no pipeline."""

from __future__ import annotations

import argparse
import json

from fluorite.boards.listing import all_boards, board_dict, board_table
from fluorite.boards.read import load_board
from fluorite.glue.linux.bitstream import write_bin
from fluorite.host.files import check_file_target

__all__ = ["bitstream_command", "boards_command"]


def boards_command(options: argparse.Namespace) -> bool:
    """List boards: those that come with fluorite, or those that are named."""
    boards = tuple(load_board(name) for name in options.board) or all_boards()
    if options.json:
        print(json.dumps({"boards": [board_dict(board) for board in boards]}, indent=2))
    else:
        print(board_table(boards))
    return True


def bitstream_command(options: argparse.Namespace) -> bool:
    """Convert Vivado's bitstream for Linux' FPGA manager."""
    check_file_target(options.output)
    path = write_bin(options.file, options.output, load_board(options.board))
    if options.json:
        print(json.dumps({"file": str(path)}, indent=2))
    else:
        print(f"wrote {path}")
    return True
