"""Vivado's .bit to the FPGA manager's .bin, compared with AMD's bootgen."""

from pathlib import Path

import numpy as np
import pytest

from fluorite.boards import load_board
from fluorite.errors import UsageError
from fluorite.glue.linux.bitstream import write_bin

PREAMBLE = b"\xff" * 32 + bytes.fromhex("000000bb11220044") + b"\xff" * 8
ZYNQ, ZYNQMP = ("pynq-z2", "zynq", b"7z020clg400\0"), ("zcu104", "zynqmp", b"xczu7ev-ffvc1156-2-e\0")


def bit(part=ZYNQ[2], words=100, sync=b"\xaa\x99\x55\x66", design=b"top;UserID=0XFFFFFFFF;Version=2022.2\0", extra=b""):
    """A .bit file with noise for a design."""
    noise = np.random.default_rng(words).bytes(4 * words)
    data = PREAMBLE + sync + bytes.fromhex("20000000") + noise + extra
    fields = b"".join(
        key + len(text).to_bytes(2, "big") + text
        for key, text in ((b"a", design), (b"b", part), (b"c", b"2026/01/01\0"), (b"d", b"12:00:00\0"))
    )
    return bytes.fromhex("00090ff00ff00ff00ff0000001") + fields + b"e" + len(data).to_bytes(4, "big") + data


@pytest.mark.parametrize("words", [96, 100, 101, 103])  # the zynq pads to 32 bytes
@pytest.mark.parametrize(("board", "arch", "part"), [ZYNQ, ZYNQMP], ids=["zynq", "zynqmp"])
def test_as_bootgen_does(run, tmp_path, board, arch, part, words):
    source, target = tmp_path / "d.bit", tmp_path / "d.bin"
    source.write_bytes(bit(part, words))
    (tmp_path / "d.bif").write_text("all: { d.bit }")
    code, text = run(
        "bootgen", "-image", "d.bif", "-arch", arch, "-process_bitstream", "bin", "-w", "on", cwd=tmp_path
    )  # fmt: skip
    assert code == 0, text
    assert write_bin(source, target, load_board(board)) == target
    made = target.read_bytes()
    assert made == (tmp_path / "d.bit.bin").read_bytes()
    assert made[48:52] == bytes.fromhex("665599aa")  # what Linux's zynq-fpga looks for
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.bif", "d.bin", "d.bit", "d.bit.bin"]


HEADER = len(bit()) - (48 + 8 + 400)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "d.bit: not a .bit file: its header is missing"),
        (b"\x7fELF" + bytes(100), "d.bit: not a .bit file: its header is missing"),
        (bit()[:20], "d.bit: the file is cut short: field a has 4 of 37 bytes; copy it again"),
        (bit()[:53], "d.bit: the file is cut short: field b is missing; copy it again"),
        (bit()[:-7], "d.bit: the file is cut short: its data has 449 of 456 bytes; copy it again"),
        (bit()[: HEADER - 5], "d.bit: the file is cut short: field e is missing; copy it again"),
        (bit() + b"\0", "d.bit: 1 bytes follow the data: not a .bit file as Vivado writes it"),
        (
            bit()[:53] + b"x" + bit()[54:],
            "d.bit: not a .bit file: field b must come at byte 53",
        ),
        (bit(b"7z010clg400\0"), "d.bit: made for 7z010clg400, but pynq-z2 has xc7z020clg400-1"),
        (bit(b"7z02\0"), "d.bit: made for 7z02, but pynq-z2 has xc7z020clg400-1"),
        (bit(design=b"top;PARTIAL=TRUE\0"), "d.bit: a partial bitstream: the device tree overlay loads whole ones"),
        (bit(sync=b"\xaa\x99\x55\x67"), "d.bit: no sync word aa995566 in the first 512 bytes of its data"),
        (bit(extra=b"\0\0"), "d.bit: 458 bytes of data: a bitstream is made of 32-bit words"),
    ],
)
def test_what_is_not_a_bitstream(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.bit").write_bytes(content)
    (tmp_path / "d.bin").write_text("as it was")
    with pytest.raises(UsageError) as caught:
        write_bin(Path("d.bit"), Path("d.bin"), load_board("pynq-z2"))
    assert str(caught.value) == message
    assert (tmp_path / "d.bin").read_text() == "as it was" and len(list(tmp_path.iterdir())) == 2


def test_a_board_without_fpga_manager(tmp_path):
    (tmp_path / "d.bit").write_bytes(bit())
    with pytest.raises(
        UsageError, match=r"^ulx3s-85f has no processor with an FPGA manager: there is no \.bin for it$"
    ):
        write_bin(tmp_path / "d.bit", tmp_path / "d.bin", load_board("ulx3s-85f"))


def test_files_that_cannot_be_used(tmp_path):
    (tmp_path / "d.bit").write_bytes(bit())
    board = load_board("pynq-z2")
    with pytest.raises(UsageError, match=r"none\.bit: no such file$"):
        write_bin(tmp_path / "none.bit", tmp_path / "d.bin", board)
    with pytest.raises(UsageError, match=r"none/d\.bin: cannot be written: No such file or directory$"):
        write_bin(tmp_path / "d.bit", tmp_path / "none/d.bin", board)
    assert len(list(tmp_path.iterdir())) == 1
