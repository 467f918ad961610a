"""A bitstream as Linux's FPGA manager takes it: Vivado's .bit without its header, the bytes of each word swapped.

That is what AMD's ``bootgen -process_bitstream bin`` makes, byte for byte; it is not needed here. The .bit format is a
list of tagged fields: ``a`` design, ``b`` part, ``c`` date, ``d`` time, each with a length of 16 bits; ``e`` the data,
with a length of 32 bits, in the order of configuration ports that are 8 bits wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fluorite.boards.board import Board
from fluorite.errors import UsageError
from fluorite.host.files import file_size, write_file

__all__ = ["Bitstream", "read_bit", "to_bin", "write_bin"]

_START = bytes.fromhex("00090ff00ff00ff00ff0000001")
_SYNC = bytes.fromhex("aa995566")
_SYNC_WITHIN_BYTES = 512  # of the data's beginning: dummy words and the detection of the bus width come before
_NO_OPERATION = bytes.fromhex("20000000")
_PAD_BYTES = {"zynq-7000": 32, "zynq-ultrascale+": 4}  # to a multiple of which bootgen fills up with no-operations


@dataclass(frozen=True, slots=True)
class Bitstream:
    """A .bit file's contents.

    Attributes
    ----------
    design : str
        Name of the top level and the options it was made with.
    part : str
        The FPGA, as Vivado writes it: ``"7z020clg400"``, ``"xczu7ev-ffvc1156-2-e"``.
    data : bytes
        For the configuration port.
    """

    design: str
    part: str
    data: bytes


def read_bit(path: Path) -> Bitstream:
    """Read a .bit file.

    Raises
    ------
    UsageError
        It cannot be read, is not a .bit file, or is cut short.
    """
    file_size(path)  # a file, and not what never ends
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if not content.startswith(_START):
        raise UsageError(f"{path}: not a .bit file: its header is missing")
    position, texts = len(_START), {}
    for key in "abcd":
        length = _length(path, content, position, key, 2)
        raw = content[position + 3 : position + 3 + length]
        if len(raw) < length:
            raise _cut(path, f"field {key} has {len(raw)} of {length} bytes")
        texts[key] = raw.rstrip(b"\0").decode("latin-1")
        position += 3 + length
    length = _length(path, content, position, "e", 4)
    data = content[position + 5 :]
    if len(data) < length:
        raise _cut(path, f"its data has {len(data)} of {length} bytes")
    if len(data) > length:
        raise UsageError(f"{path}: {len(data) - length} bytes follow the data: not a .bit file as Vivado writes it")
    return Bitstream(texts["a"], texts["b"], data)


def _length(path: Path, content: bytes, position: int, key: str, size_bytes: int) -> int:
    head = content[position : position + 1 + size_bytes]
    if len(head) == 1 + size_bytes and head[:1] == key.encode():
        return int.from_bytes(head[1:], "big")
    if len(head) < 1 + size_bytes:
        raise _cut(path, f"field {key} is missing")
    raise UsageError(f"{path}: not a .bit file: field {key} must come at byte {position}")


def _cut(path: Path, what: str) -> UsageError:
    return UsageError(f"{path}: the file is cut short: {what}; copy it again")


def to_bin(bitstream: Bitstream, board: Board, path: Path) -> bytes:
    """The bitstream for the FPGA manager.

    Parameters
    ----------
    bitstream : Bitstream
    board : Board
        Which it must be for.
    path : Path
        Where it was read from, for messages.

    Raises
    ------
    UsageError
        It is for another FPGA, for a part of one, or not a bitstream.
    """
    if board.family not in _PAD_BYTES:
        raise UsageError(f"{board.name} has no processor with an FPGA manager: there is no .bin for it")
    part = board.part.lower().removeprefix("xc")
    if bitstream.part.lower().removeprefix("xc") not in (part, part.rpartition("-")[0]):
        raise UsageError(f"{path}: made for {bitstream.part}, but {board.name} has {board.part}")
    if "PARTIAL=TRUE" in bitstream.design.upper():
        raise UsageError(f"{path}: a partial bitstream: the device tree overlay loads whole ones")
    if _SYNC not in bitstream.data[:_SYNC_WITHIN_BYTES]:
        raise UsageError(f"{path}: no sync word {_SYNC.hex()} in the first {_SYNC_WITHIN_BYTES} bytes of its data")
    if len(bitstream.data) % 4:
        raise UsageError(f"{path}: {len(bitstream.data)} bytes of data: a bitstream is made of 32-bit words")
    missing = -len(bitstream.data) % _PAD_BYTES[board.family]
    data = bitstream.data + _NO_OPERATION * (missing // 4)
    swapped = bytearray(len(data))
    for byte in range(4):
        swapped[byte::4] = data[3 - byte :: 4]
    return bytes(swapped)


def write_bin(source: Path, target: Path, board: Board) -> Path:
    """Convert a .bit file; what was there before stays if that fails.

    Raises
    ------
    UsageError
        As :func:`read_bit` and :func:`to_bin`, or the file cannot be written.
    """
    data = to_bin(read_bit(source), board, source)
    write_file(target, data)
    return target
