"""PYNQ itself, in an environment of its own: it loads our metadata, finds our classes and runs them."""

import json
import subprocess
import sys
import textwrap
import venv
from pathlib import Path

import numpy as np
import pytest

from fluorite.boards.read import load_board
from fluorite.glue.pynq import write_pynq
from fluorite.host.cache import cache_directory
from fluorite.systems.program.run import serving
from fluorite.systems.program.settings import Memory

VERSION = "4.0.0"
HERE = Path(__file__).parent

pytestmark = pytest.mark.system


@pytest.fixture(scope="session")
def pynq():
    """Python of an environment with PYNQ, which needs an older numpy; made once (about a minute, 240 MB)."""
    folder = cache_directory() / f"pynq-{VERSION}-{sys.version_info.major}.{sys.version_info.minor}"
    done = folder / "installed"
    if not done.exists():
        venv.create(folder, clear=True, with_pip=True)
        command = [folder / "bin" / "python", "-m", "pip", "install", "-q", f"pynq=={VERSION}"]
        subprocess.run(command, check=True, capture_output=True)
        done.touch()
    return folder / "bin" / "python"


def run(*command):
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("app", "extents"), [("harris", (301, 43)), ("demosaic", (61, 43, 3)), ("blend", (33, 21, 3))])
def test_overlay_runs_the_accelerator(built, pynq, tmp_path, app, extents):
    design = built(app)
    images = design.images(extents)
    np.savez(tmp_path / "images.npz", **{f"in{n}": image for n, image in enumerate(images)})
    with serving({app: design.model}, Memory(bytes=4 << 20)) as servers:
        arguments = [design.path.parent, design.path.stem, design.module_name]
        arguments += [servers.environment["FLUORITE_SIM_SOCKET"], servers.arena, tmp_path / "images.npz"]
        told = json.loads(run(pynq, HERE / "real_board.py", *arguments).splitlines()[-1])
    assert told["version"] == VERSION
    assert servers.reports[app]["violation"] == ""
    found = np.load(tmp_path / "images.npz.out.npz")
    expected = design.golden(images, extents)
    np.testing.assert_array_equal(found["out0"], expected)
    np.testing.assert_array_equal(found["out1"], expected)


PARSE = """
import json, sys
from pynq.pl_server.hwh_parser import _HWHUltrascale, _HWHZynq
found = {"pynq-z2": _HWHZynq, "zcu104": _HWHUltrascale}[sys.argv[1]](hwh_name=sys.argv[2])
print(json.dumps({"ip": found.ip_dict, "pins": found.interrupt_pins, "clocks": found.clock_dict}))
"""


@pytest.mark.parametrize("board", ["pynq-z2", "zcu104"])
def test_the_parser_of_partial_designs_agrees(built, pynq, tmp_path, board):
    """PYNQ's second parser follows nets, and knows the interrupts of lines straight at the processor."""
    design = built("blend")
    write_pynq(design.design.hardware, load_board(board), tmp_path)
    path = tmp_path / "pynq" / design.path.with_suffix(".hwh").name
    found = json.loads(run(pynq, "-c", textwrap.dedent(PARSE), board, path))
    base, irq, divisors = {"pynq-z2": (0x43C0_0000, 61, [8, 1]), "zcu104": (0xA000_0000, 121, [6, 1])}[board]
    ip = found["ip"][design.module_name]
    assert (ip["phys_addr"], ip["addr_range"], ip["memtype"]) == (base, 0x1_0000, "REGISTER")
    assert ip["type"] == f"fluorite:accelerators:{design.module_name}:1.0"
    assert ip["registers"]["status"]["fields"]["queue_space"]["bit_offset"] == 8
    pin = {"controller": "", "index": 0, "fullpath": f"{design.module_name}/interrupt", "raw_irq": irq}
    assert ip["interrupts"]["interrupt"] == pin
    assert [found["clocks"]["0"][f"divisor{n}"] for n in (0, 1)] == divisors
