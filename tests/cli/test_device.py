"""``fluorite run --device``: an application on a board at a serial port, and what it says when there is none."""

import dataclasses
import json
import os
import re
import subprocess
import sys
import threading
import tty
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from fluorite.boards.ecp5.link import LinkError
from fluorite.boards.ecp5.protocol import FLUSH, GREETING
from fluorite.boards.ecp5.serial_port import SerialPort
from fluorite.cli import device, main
from fluorite.design import Design
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.run.verify import output_arrays, output_sizes, set_photos

ROOT = Path(__file__).parents[2]
SOBEL = str(ROOT / "apps" / "sobel.py")
PARAMS = ["tile=24"]
BAUD = 4_000_000  # a quarter of the usual cycles to simulate


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("device") / "photo.png"
    Image.fromarray(data.camera()[100:111, 200:237]).save(path)
    return str(path)


@pytest.fixture(scope="module")
def board():
    """The serial port of a board that holds sobel."""
    command = [sys.executable, "-m", "tests.boards.ecp5.serial_board", str(BAUD), SOBEL, *PARAMS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        port = process.stdout.readline().strip()
        assert port, "the board has not started: see standard error"
        yield port
        process.kill()


@contextmanager
def other_end(answer=b""):
    """The port of a board that answers a reset with some bytes, and is silent from then on."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)

    def play():
        seen = b""
        while answer and len(seen) < len(FLUSH):
            seen += os.read(ours, 100)
        os.write(ours, answer)

    thread = threading.Thread(target=play)
    thread.start()
    yield os.ttyname(theirs)
    thread.join()
    os.close(ours)
    os.close(theirs)


def test_a_photograph(board, photo, tmp_path):
    """As it is typed, in a process of its own."""
    path = tmp_path / "edges.png"
    words = [sys.executable, "-m", "fluorite.cli", "run", SOBEL, "-p", *PARAMS, "--board", "ulx3s-85f", "-i", photo]
    words += ["-o", str(path), "--device", board, "--baud", str(BAUD), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["device"], said["sizes"], said["outputs"]) == (board, [37, 11], [str(path)])
    (ran,) = said["accelerators"]
    # A byte is ten bits of 25 cycles, and the line has a byte or more for each pixel.
    assert ran["launches"] == 2 and ran["cycles"] > 250 * ran["output_pixels"] >= 250 * 37 * 11
    loaded = load_pipeline(SOBEL, dict(p.split("=") for p in PARAMS))
    (expected,) = output_arrays(loaded.pipeline.realize(output_sizes(loaded, set_photos(loaded, [photo]))))
    np.testing.assert_array_equal(np.asarray(Image.open(path)), expected)
    assert np.ptp(expected) > 100


@pytest.fixture
def run(capsys, monkeypatch, photo, tmp_path):
    """Runs the command here; exit code, standard output, message."""
    monkeypatch.setattr(device, "_TIMEOUT_SECONDS", 0.3)

    def run(*arguments, tile=16):
        output = tmp_path / "edges.png"
        words = ["run", SOBEL, "-p", f"tile={tile}", "-i", photo, "-o", str(output), *map(str, arguments)]
        code = main(words)
        printed, errors = capsys.readouterr()
        assert output.exists() == (code == 0)
        return code, printed, errors.removeprefix("fluorite: error: ").rstrip("\n")

    return run


def on(port, *more):
    return ("--board", "ulx3s-85f", "--device", port, *more)


def test_what_is_printed(run, monkeypatch, tmp_path):
    """With the simulated core in the place of the board."""
    monkeypatch.setattr(Design, "attached", lambda design, port, timeout_seconds: design)
    with other_end() as port:
        code, printed, errors = run(*on(port))
    assert code == 0 and errors == ""
    assert re.fullmatch(
        rf"edges\S*: 3 launches on {port}, \d+\.\d s\nwrote {re.escape(str(tmp_path / 'edges.png'))}\n", printed
    )


def test_no_such_port(run, tmp_path):
    assert run(*on(tmp_path / "ttyUSB0")) == (
        2, "", f"{tmp_path}/ttyUSB0: No such file or directory: is the board plugged in?"
    )  # fmt: skip


def test_another_design(run, board):
    code, printed, message = run(*on(board, "--baud", BAUD))
    assert (code, printed) == (4, "")
    assert re.fullmatch(
        "design_hash of the accelerator must be 0x[0-9a-f]{8}, not 0x[0-9a-f]{8}: the board holds another design; "
        "load the bitstream of this one",
        message,
    )


def test_no_answer(run):
    with other_end() as port:
        assert run(*on(port)) == (
            4,
            "",
            "no greeting within 0.3 s: the board must be configured with this design's bitstream, and the line must "
            "have its baud rate (0 other bytes came)",
        )
    with other_end(answer=b"\x55\xaa" * 3) as port:
        assert run(*on(port))[2].endswith("(6 other bytes came)")
    with other_end(answer=GREETING) as port:
        assert run(*on(port)) == (4, "", "the board is silent for 0.3 s: no answer to a register access")


class Silent:
    """A board that stops in the middle of a launch."""

    def run(self, *arguments, **options):
        raise LinkError("the board is silent for 0.3 s: input not yet sent, 84 of 484 bytes of output missing")


def test_a_board_that_stops(run, monkeypatch):
    def attached(design, port, timeout_seconds):
        accelerators = tuple(accelerator.on(Silent()) for accelerator in design.accelerators)
        return dataclasses.replace(design, accelerators=accelerators)

    monkeypatch.setattr(Design, "attached", attached)
    with other_end() as port:
        assert run(*on(port)) == (
            4, "", "the board is silent for 0.3 s: input not yet sent, 84 of 484 bytes of output missing"
        )  # fmt: skip


def test_in_use(run):
    with other_end() as port, SerialPort(port, BAUD):
        assert run(*on(port)) == (2, "", f"{port}: another program has this serial port")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "/dev/ttyUSB0"], "--device needs the board that is there: --board ulx3s-85f"),
        (["--baud", "9600"], "--baud is that of --device: name the serial port"),
        (on("/dev/x", "--system", "host"), "--device runs on a board, --system simulates one: give one of them"),
        (
            ["--board", "pynq-z2", "--device", "/dev/x"],
            "pynq-z2 is not for the open flow, which needs an ECP5 with [pins] in its file: take a board such as "
            "ulx3s-85f",
        ),
        (
            on("/dev/x", "--baud", "93000000"),
            "baud must be what a whole number of cycles, at least 8, of the clock of 100 MHz gives within 2%, not "
            "93000000",
        ),
        (on("/dev/x", "--baud", "1234567"), "/dev/x: 1234567 baud is not a rate of serial ports on this system"),
    ],
)
def test_refusals(run, arguments, message):
    assert run(*arguments) == (2, "", message)
