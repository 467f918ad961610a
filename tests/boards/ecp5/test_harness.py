"""The top as it is built, simulated at its pins: registers, frames, room, resets."""

import random

import halide as hl
import numpy as np
import pytest

from fluorite.boards.ecp5.build import BAUD, harness_of
from fluorite.boards.ecp5.harness import emit_harness
from fluorite.boards.ecp5.link import Link, LinkError
from fluorite.boards.ecp5.protocol import BLOCK_BYTES, FLUSH, GREETING, ROOM_BYTES, Command, Reply
from fluorite.errors import UsageError
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.registers import ID_MAGIC, register_map
from fluorite.run.verify import output_arrays, output_sizes, set_random
from fluorite.sim.lint import UNAVOIDABLE, lint

FAST = 10_000_000  # baud: as many bytes in a tenth of the cycles


@pytest.fixture
def board(small, simulated):
    return simulated(small[2], baud=FAST)


def frames(small, width=9, height=7, seed=0):
    """Random images for both inputs, and what Halide makes of them."""
    (left, right), out, _ = small
    numbers = np.random.default_rng(seed)
    images = [
        numbers.integers(0, 256, (height + 1, width), np.uint8),
        numbers.integers(0, 65536, (height, width), np.uint16),
    ]
    buffers = [hl.Buffer(image) for image in images]
    buffers[1].set_min([1, 2])
    left.set(buffers[0])
    right.set(buffers[1])
    return buffers, np.array(out.realize([width, height]))


def test_lint(small):
    harness = harness_of(small[2].hardware, small[2].board)
    lint(emit_harness(harness), harness.name, allow=UNAVOIDABLE)


@pytest.fixture(scope="module")
def registers(small):
    return register_map(small[2].accelerators[0].generated, ShellConfig(kind="axis"))


def test_registers(board, registers):
    link = Link(board)
    enable = registers["interrupt_enable"].offset
    assert link.read(registers["id"].offset) == ID_MAGIC
    link.write(enable, 3)
    assert link.read(enable) == link.read(enable) == 3
    assert board.lamps & 1


@pytest.mark.parametrize("baud", [FAST, BAUD])
def test_frames_are_halides(small, simulated, baud):
    _, _, design = small
    on_board = design.attached(simulated(design, baud=baud))
    for width, height in ((9, 7), (32, 5), (1, 1)):
        _keep, expected = frames(small, width, height, seed=width)
        np.testing.assert_array_equal(np.array(on_board.realize([width, height])), expected)
    (statistics,) = on_board.statistics
    assert statistics.launches == 1 and statistics.cycles > 0


def test_a_launch_larger_than_the_accelerator_takes_is_cut(small, board):
    _keep, expected = frames(small, 40, 35)
    np.testing.assert_array_equal(np.array(small[2].attached(board).realize([40, 35])), expected)


def test_board_never_sends_more_than_was_granted(small, board):
    """And the accelerator waits meanwhile, for as long as it takes."""
    _keep, expected = frames(small, 32, 32)
    on_board = small[2].attached(board)
    accelerator = on_board.accelerators[0]
    link = accelerator.backend.link
    grants = []
    write = board.write

    def slowly(data):
        if data[0] == Command.GRANT:
            grants.append(data[1])
            data = bytes([Command.GRANT, 1])
            link._granted += 1 - grants[-1]
            quiet = board.read(0.02)  # nothing but room, whatever lies ready
            link._arrived += quiet
        write(data)

    board.write = slowly
    np.testing.assert_array_equal(np.array(on_board.realize([32, 32])), expected)
    assert len(grants) >= 32 * 32 * 3 // BLOCK_BYTES


def test_room_is_what_has_left_the_queue(board, registers):
    """Without a launch, the accelerator takes nothing: all bytes fit and are still there after."""
    link = Link(board)
    for _ in range(ROOM_BYTES // BLOCK_BYTES):
        board.write(bytes([Command.DATA, BLOCK_BYTES - 1]) + bytes(BLOCK_BYTES))
    assert board.read(0.1) == b""
    assert link.read(registers["id"].offset) == ID_MAGIC


@pytest.mark.parametrize("seed", range(6))
def test_reset_from_any_state(small, board, registers, seed):
    """A host that dies in the middle of anything, and one that comes after it."""
    numbers = random.Random(seed)
    _, _, design = small
    for _ in range(4):
        on_board = design.attached(board)
        link = on_board.accelerators[0].backend.link
        for setting in registers.settings:
            link.write(setting.low.offset, numbers.getrandbits(8))
        link.write(registers["control"].offset, 1)
        for number in range(2):
            board.write(bytes([Command.DATA | number, 0x40 | 59]) + numbers.randbytes(60))
        board.write(bytes([Command.GRANT, 5]))
        board.read(numbers.random() * 0.002)
        board.write(numbers.choice([b"\x02\x10", b"\x01", b"\x80", b"\x81\xff" + bytes(30), b"\x04", b""]))
    _keep, expected = frames(small, seed=seed)
    np.testing.assert_array_equal(np.array(design.attached(board).realize([9, 7])), expected)


def test_button_resets(board, registers):
    link = Link(board)
    enable = registers["interrupt_enable"].offset
    link.write(enable, 3)
    board.press(True)
    assert board.read(0.01) == b"" and not board.lamps & 1
    board.press(False)
    assert board.read(0.01) == b"" and board.lamps & 1
    assert link.read(enable) == 0


def test_greeting_alone_after_a_flush(board):
    board.write(FLUSH)
    assert board.read(0.1) == GREETING
    board.write(bytes(5) + bytes([Command.READ, 0, 0]))
    assert board.read(0.1) == bytes([Reply.READ]) + b"TRLF"


def test_another_design(small, simulated, make_blur):
    board = simulated(small[2], baud=FAST)
    other = make_blur(board="ulx3s-85f")
    theirs, ours = (d.accelerators[0] for d in (small[2], other))
    with pytest.raises(LinkError) as error:
        other.attached(board)
    hashes = [register_map(a.generated, ShellConfig(kind="axis")).design_hash for a in (theirs, ours)]
    assert str(error.value) == (
        f"design_hash of the accelerator must be {hashes[1]:#010x}, not {hashes[0]:#010x}: the board holds another "
        "design; load the bitstream of this one"
    )


def test_a_baud_rate_that_the_clock_does_not_give(small):
    with pytest.raises(UsageError) as error:
        harness_of(small[2].hardware, small[2].board, 9_300_000)
    assert str(error.value) == (
        "baud must be what a whole number of cycles, at least 8, of the clock of 100 MHz gives within 2%, not 9300000"
    )
    with pytest.raises(UsageError):
        harness_of(small[2].hardware, small[2].board, 25_000_000)


APPLICATIONS = {
    "sobel": {"tile": 24},
    "harris": {"tile": 24},
    "blend": {"tile": 16},
    "demosaic": {"tile": 16, "lanes": 2},
    "fanout": {},
    "unsharp": {"tile": 16},
    "median": {"tile": 24, "lanes": 4},
    "jacobi": {"tile": 16},
    "gaussian": {"tile": 16},
}
_CHEAP = 3


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.system] * (k >= _CHEAP)) for k, n in enumerate(APPLICATIONS)]
)
def test_applications_are_halides(load, simulated, name):
    loaded, design = load(name, **APPLICATIONS[name])
    sizes = output_sizes(loaded, [37, 11][: loaded.outputs[0].dimensions])
    set_random(loaded, sizes, 0)
    expected = output_arrays(loaded.pipeline.realize(sizes))
    board = simulated(design)  # at the baud rate of the bitstream
    for ours, halides in zip(output_arrays(design.attached(board).realize(sizes)), expected, strict=True):
        np.testing.assert_array_equal(ours, halides)
