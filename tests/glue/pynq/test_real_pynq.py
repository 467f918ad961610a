"""PYNQ itself, in an environment of its own: it loads our metadata, finds our classes and runs them."""

import json
import subprocess
import sys
import textwrap
import venv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from fluorite.boards.read import load_board
from fluorite.glue.pynq import write_pynq
from fluorite.host.cache import cache_directory
from fluorite.systems.program.run import serving
from fluorite.systems.program.settings import Memory

HERE = Path(__file__).parent
#: What each version asks for, as far as it is used here, held where the newest is too new for it. Native parts are not
#: built away from a board. (Of pynqmetadata, 0.1.2 and older do not run on Python 3.11.)
_COMMON = ["numpy<2", "cffi", "pycparser<3", "setuptools<81"]
REQUIREMENTS = {
    "2.7.0": _COMMON,
    "3.0.1": [*_COMMON, "nest_asyncio", "pynqutils==0.1.1", "pynqmetadata==0.1.9"],
    "3.1.2": [*_COMMON, "nest_asyncio", "pynqutils==0.1.3", "pynqmetadata==0.1.9"],
    "4.0.0": [],  # whatever it asks for
}

pytestmark = pytest.mark.system


@pytest.fixture(scope="session", params=REQUIREMENTS)
def pynq(request):
    """Python of an environment with a version of PYNQ; made once (about a minute and 240 MB each)."""
    version = request.param
    folder = cache_directory() / f"pynq-{version}-{sys.version_info.major}.{sys.version_info.minor}"
    done, python = folder / "installed", folder / "bin" / "python"
    wanted = [*REQUIREMENTS[version], f"pynq=={version}"]
    if not done.exists() or done.read_text() != str(wanted):
        venv.create(folder, clear=True, with_pip=True)
        if wanted[:-1]:
            run(python, "-m", "pip", "install", "-q", *wanted[:-1])
        run(python, "-m", "pip", "install", "-q", *(["--no-deps"] if wanted[:-1] else []), wanted[-1])
        done.write_text(str(wanted))
    return Pynq(version, python)


class Pynq(NamedTuple):
    """A version of PYNQ, and the Python that has it."""

    version: str
    python: Path


def run(*command):
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True, check=False, timeout=600)
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
        told = json.loads(run(pynq.python, HERE / "real_board.py", *arguments).splitlines()[-1])
    assert told["version"] == pynq.version
    assert servers.reports[app]["violation"] == ""
    found = np.load(tmp_path / "images.npz.out.npz")
    expected = design.golden(images, extents)
    np.testing.assert_array_equal(found["out0"], expected)
    np.testing.assert_array_equal(found["out1"], expected)


def test_what_it_does_with_buffers(pynq):
    """As the tests' own stand-in has it: they are cacheable if asked for, and from 3.1 on maintained as a whole."""
    told = json.loads(run(pynq.python, HERE / "real_memory.py").splitlines()[-1])
    assert (told["version"], told["default"]) == (pynq.version, 0)
    if pynq.version in ("2.7.0", "3.0.1"):
        assert told["told"] == [["allocate", 100, 1 << 24], ["to", 128, 64], ["from", 128, 64]]
    else:
        assert told["told"] == [["allocate", 8192, 1 << 24], ["to", "all"], ["from", "all"]]


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
    found = json.loads(run(pynq.python, "-c", textwrap.dedent(PARSE), board, path))
    base, irq, divisors = {"pynq-z2": (0x43C0_0000, 61, [8, 1]), "zcu104": (0xA000_0000, 121, [6, 1])}[board]
    ip = found["ip"][design.module_name]
    assert (ip["phys_addr"], ip["addr_range"], ip["memtype"]) == (base, 0x1_0000, "REGISTER")
    assert ip["type"] == f"fluorite:accelerators:{design.module_name}:1.0"
    assert ip["registers"]["status"]["fields"]["queue_space"]["bit_offset"] == 8
    pin = {"controller": "", "index": 0, "fullpath": f"{design.module_name}/interrupt", "raw_irq": irq}
    assert ip["interrupts"]["interrupt"] == pin
    assert [found["clocks"]["0"][f"divisor{n}"] for n in (0, 1)] == divisors


@pytest.mark.parametrize(
    ("board", "arch", "multiples"), [("pynq-z2", "armv7l", (20, 32)), ("kv260", "aarch64", (30, 45))]
)
def test_clocks(built, pynq, tmp_path, board, arch, multiples):
    """At two rates of the PLL, 1.0 and 1.6 or 1.5 GHz: PYNQ 3.1 and older take divisors as they stand."""
    design = built("blend")
    write_pynq(design.design.hardware, load_board(board), tmp_path)
    arguments = [tmp_path / "pynq", design.path.stem, arch, *multiples]
    told = json.loads(run(pynq.python, HERE / "real_clock.py", *arguments).splitlines()[-1])
    assert told["version"] == pynq.version
    theirs, ours = zip(*told["rates"], strict=True)
    mhz = load_board(board).clock_hz / 1e6
    by_divisors = {"pynq-z2": [125.0, 200.0], "kv260": [mhz * 2 / 3, mhz]}[board]
    nearest = {"pynq-z2": [125.0, 1600 / 13], "kv260": [mhz, mhz]}[board]
    assert list(theirs) == pytest.approx(nearest if pynq.version == "4.0.0" else by_divisors, rel=1e-4)
    assert list(ours) == pytest.approx(nearest, rel=1e-4)


def test_clocks_of_vivados_metadata(built, pynq, tmp_path):
    """For a Zynq-7000 it has no rate where PYNQ 4.0 looks for it, and divisors for the preset's PLL."""
    design = built("blend")
    write_pynq(design.design.hardware, load_board("pynq-z2"), tmp_path)
    path = tmp_path / "pynq" / design.path.with_suffix(".hwh").name
    text = path.read_text()
    (line,) = [line for line in text.splitlines() if "ACT_FREQMHZ" in line]
    path.write_text(text.replace(line + "\n", ""))
    told = json.loads(
        run(pynq.python, HERE / "real_clock.py", tmp_path / "pynq", design.path.stem, "armv7l", 20).splitlines()[-1]
    )
    assert told["rates"] == [["TypeError" if pynq.version == "4.0.0" else 125.0, 125.0]]


FIND = """
import os, sys
from real_device import SimulatedDevice
import pynq
print(os.path.abspath(pynq.Overlay("blend.bit", download=False).bitfile_name))
import blend_overlay
print(blend_overlay.Overlay(download=False).bitfile_name)
"""


def test_a_wheels_bitstream_is_found_by_its_name(built, pynq, tmp_path):
    """By the entry point ``pynq.overlays``."""
    design = built("blend")
    write_pynq(design.design.hardware, load_board("pynq-z2"), tmp_path)
    (tmp_path / "pynq" / "blend.bit").write_bytes(b"")
    run(sys.executable, tmp_path / "pynq" / "make_bundle.py", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    run(pynq.python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "-t", site, wheel)
    found = run("env", f"PYTHONPATH={site}:{HERE}", pynq.python, "-c", FIND).splitlines()
    assert found == [str(site / "blend_overlay" / "blend.bit")] * 2
