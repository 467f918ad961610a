"""Programs end with us."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from fluorite.host.processes import run_process
from fluorite.systems.program.run import _socket_folder

APPS = Path(__file__).parents[2] / "apps"
# What fluorite does, in short: something temporary, a program, and one that it starts.
WORK = """
import subprocess, sys, tempfile
from fluorite.cli.signals import EndedBySignal, ended_by_signals
from fluorite.host.processes import run_process
from fluorite.systems.program.run import _socket_folder
try:
    with ended_by_signals(), tempfile.TemporaryDirectory() as folder:
        run_process(["sh", "-c", "sleep 300 & echo > $0/there; sleep 300", folder])
except EndedBySignal as ended:
    sys.exit(128 + ended.number)
"""


def left_over(mark):
    """Processes that have this in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                mark.encode() in (process / "environ").read_bytes()
                and "Z" not in (process / "stat").read_text().split()
            ):
                found.append(process.name)
        except OSError:
            continue
    return found


def eventually(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def default_signals():
    """Tests may run in the background, where these are ignored, and a program started there respects that."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def ended(command, folder, there, number):
    """Start a command, wait until something is `there`, send the signal; nothing may be left. Returns its exit code."""
    mark = f"FLUORITE_TEST_MARK={folder}"
    environment = {**os.environ, "TMPDIR": str(folder), "FLUORITE_TEST_MARK": str(folder)}
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, preexec_fn=default_signals, **pipes) as process:
        eventually(lambda: list(folder.glob(there)))
        process.send_signal(number)
        process.send_signal(number)  # impatience does not disturb it
        process.communicate(timeout=60)
    assert eventually(lambda: not left_over(mark), 30)
    assert not list(folder.iterdir())
    return process.returncode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_nothing_is_left(tmp_path, number):
    assert ended([sys.executable, "-c", WORK], tmp_path, "*/there", number) == 128 + number


def test_a_run_ends_with_its_simulators(tmp_path, request):
    command = [
        sys.executable,
        "-m",
        "fluorite.cli",
        "run",
        str(APPS / "harris.py"),
        "-p",
        "tile=32",
        "--system",
        "host",
    ]
    folder = Path(tempfile.mkdtemp(prefix="f"))  # a socket's address is short
    request.addfinalizer(folder.rmdir)
    image = tmp_path / "large.pgm"
    image.write_bytes(b"P5 3000 3000 255 " + bytes(9_000_000))
    command += ["-i", str(image), "-o", str(tmp_path / "out.png")]
    assert ended(command, folder, "*/socket0", signal.SIGTERM) == 128 + signal.SIGTERM
    assert not (tmp_path / "out.png").exists()


def test_what_a_program_printed_before_it_was_late():
    with pytest.raises(subprocess.TimeoutExpired) as late:
        run_process(["sh", "-c", "echo before; sleep 60"], timeout_seconds=0.5)
    assert late.value.stdout in ("before\n", b"before\n")
    done = run_process(["sh", "-c", "echo out; echo error >&2; exit 3"])
    assert (done.returncode, done.stdout) == (3, "out\nerror\n")


def test_sockets_where_their_names_fit(tmp_path, monkeypatch):
    long = tmp_path / ("long" * 20)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert _socket_folder() == "/tmp"
    monkeypatch.setattr(tempfile, "tempdir", "/var/tmp")
    assert _socket_folder() is None
