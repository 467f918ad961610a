"""Boards from TOML files: those that come with fluorite by name, a user's own by path."""

from __future__ import annotations

import dataclasses
import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from fluorite.boards.board import BLOCK_RAM_BITS, Board, Processor
from fluorite.boards.placement import WINDOW_BYTES
from fluorite.errors import UsageError
from fluorite.hwgen.family.delays import FAMILIES

__all__ = ["board_names", "load_board", "read_board"]

_DATA = Path(__file__).parent / "data"


def board_names() -> list[str]:
    """Names of the boards that come with fluorite."""
    return sorted(path.stem for path in _DATA.glob("*.toml"))


def load_board(name: str | Path) -> Board:
    """A board by its name, or by the path of its TOML file.

    Raises
    ------
    UsageError
        There is none, or its file does not describe a board.
    """
    if isinstance(name, str) and name in board_names():
        return read_board(_DATA / f"{name}.toml")
    if str(name).endswith(".toml"):
        return read_board(Path(name))
    known = ", ".join(board_names())
    raise UsageError(f"no board is named {str(name)!r}; there are {known}, or give the path of a board's .toml file")


def read_board(path: Path) -> Board:
    """Read a board's file.

    Raises
    ------
    UsageError
        It cannot be read, is not TOML, or does not describe a board; the message names the key.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from error
    if "name" in values:
        raise UsageError(f"{path}: name: a board is named as its file is; leave it out")
    try:
        board: Board = _build(Board, {"name": path.stem, **values}, "")
        _check(board)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    return board


def _check(board: Board) -> None:
    """What types cannot say."""
    if board.family not in FAMILIES:
        raise UsageError(f"family must be one of {', '.join(FAMILIES)}, not {board.family!r}")
    if board.clock_hz < 1_000_000:
        raise UsageError(f"clock_hz must be at least 1000000, not {board.clock_hz}")
    if min(board.budget.lut, board.budget.ff, board.budget.bram) < 1:
        raise UsageError("budget.lut, budget.ff and budget.bram must be at least 1")
    if board.budget.bram_bits != BLOCK_RAM_BITS[board.family]:
        raise UsageError(f"budget.bram_bits must be {BLOCK_RAM_BITS[board.family]} for family {board.family}")
    if (board.family == "ecp5") != (board.processor is None):
        raise UsageError(f"processor must be {'left out' if board.processor else 'given'} for family {board.family}")
    if board.processor is None and board.pins is None:
        raise UsageError("pins must be given for a board without a processor")
    if board.processor is not None:
        _check_processor(board.processor, board.family)


def _check_processor(processor: Processor, family: str) -> None:
    kinds = {"zynq-7000": "ps7", "zynq-ultrascale+": "psu"}
    if processor.kind != kinds[family]:
        raise UsageError(f"processor.kind must be {kinds[family]!r} for family {family}")
    if not processor.memory:
        raise UsageError("processor.memory must have at least one port")
    if not processor.interrupts:
        raise UsageError("processor.interrupts must have at least one number")
    parts = processor.preset.split(":")
    if processor.preset and (len(parts) != 4 or not all(parts)):
        raise UsageError(f"processor.preset must be vendor:name:part0:version, not {processor.preset!r}")
    if not processor.preset and (processor.preset_alternatives or processor.connections):
        raise UsageError("processor.preset must be given where preset_alternatives or connections are")
    control = processor.control
    if control.base_address % WINDOW_BYTES or control.bytes < WINDOW_BYTES:
        raise UsageError(
            f"processor.control must start at a multiple of {WINDOW_BYTES:#x} and have at least as many bytes, "
            f"not start at {control.base_address:#x} and have {control.bytes:#x}"
        )
    ports = {"processor.control": control.protocol}
    for number, port in enumerate(processor.memory):
        where = f"processor.memory[{number}]"
        ports[where] = port.protocol
        if port.data_bits not in (32, 64, 128):
            raise UsageError(f"{where}.data_bits must be 32, 64 or 128, not {port.data_bits}")
        if port.data_bits != processor.memory[0].data_bits:
            raise UsageError(f"{where}.data_bits must be that of the first port")
        if port.address_bits < 32:
            raise UsageError(f"{where}.address_bits must be at least 32, not {port.address_bits}")
    for where, protocol in ports.items():
        if protocol not in ("AXI3", "AXI4"):
            raise UsageError(f"{where}.protocol must be AXI3 or AXI4, not {protocol!r}")


def _build(kind: Any, values: object, where: str) -> Any:
    """A value of a type from what TOML gave; ``where`` is the path of its key."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is types.UnionType:  # `X | None`: a key that may be left out
        return _build(arguments[0], values, where)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(values, Mapping):
            raise UsageError(f"{where} must be a table")
        return _record(kind, values, where)
    if origin is tuple:
        if not isinstance(values, list):
            raise UsageError(f"{where} must be a list")
        return tuple(_build(arguments[0], value, f"{where}[{number}]") for number, value in enumerate(values))
    if origin is Mapping:
        if not isinstance(values, Mapping):
            raise UsageError(f"{where} must be a table")
        return {str(key): _build(arguments[1], value, f"{where}.{key}") for key, value in values.items()}
    if type(values) is not kind:  # a bool is no int here
        names = {str: "a string", int: "a whole number", bool: "true or false"}
        raise UsageError(f"{where} must be {names[kind]}, not {values!r}")
    if kind is int and isinstance(values, int) and values < 0:
        raise UsageError(f"{where} must not be negative, but is {values}")
    return values


def _record(kind: type, values: Mapping[str, object], where: str) -> Any:
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    prefix = f"{where}." if where else ""
    for key in values:
        if key not in fields:
            raise UsageError(f"{prefix}{key} is not known; {where or 'a board'} has {', '.join(fields)}")
    for name, field in fields.items():
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if name not in values and not optional:
            raise UsageError(f"{prefix}{name} is missing")
    return kind(**{key: _build(hints[key], value, f"{prefix}{key}") for key, value in values.items()})
