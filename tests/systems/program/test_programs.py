"""Applications as programs: driver, extern stages and Halide's part, compiled, against their simulated hardware."""

import functools
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

import fluorite
from fluorite.errors import SimulationError, UsageError
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.run.verify import compare, output_arrays, output_names, output_sizes, set_random
from fluorite.systems.program.program import SystemProgram, build_programs
from fluorite.systems.program.settings import DECERR, SLVERR, InjectedError, Memory
from tests.rate_applications import UNTILED

APPS = Path(__file__).parents[3] / "apps"
NAMES = sorted(path.stem for path in APPS.glob("*.py") if path.stem != "demo")
# Small tiles, so that there are several; iterations with a border each take whole images.
WHOLE = (*UNTILED, "box", "dither")
CASES = {name: (name, *(() if name in WHOLE else (("tile", 32),))) for name in NAMES}
CASES["jacobi-each"] = ("jacobi", ("tile", 0), ("border", "each"), ("max_width", 128), ("max_height", 96))
# A program, its driver against the simulator: every case on one of both, by turns.
ARM = {case: ("arm32", "arm64")[number % 2] for number, case in enumerate(CASES)}
ARM["demosaic"] = "arm64"  # one of both is for boards, too
PROCESSORS = {case: ("host", ARM[case]) for case in CASES} | {"harris": ("host", "arm32", "arm64")}
ROUTES = [(case, target, board) for case in CASES for target in ("arm32", "arm64") for board in (False, True)]


@functools.cache
def loaded_design(app, *params, board=None):
    loaded = load_pipeline(APPS / f"{app}.py", {name: str(value) for name, value in params})
    return loaded, fluorite.compile(loaded.pipeline, board, loaded.name)


@functools.cache
def programs(case, targets):
    """Programs of a case by processor, and their common simulators."""
    return built(loaded_design(*CASES[case])[1], *targets)


def built(design, *targets):
    folder = tempfile.TemporaryDirectory()
    made = build_programs(design, targets, Path(folder.name), random_power_up=True)
    for program in made.values():
        program.keep = folder
    return made


def run(loaded, program, size, seed=0, design=None, **options):
    """Run on random images and compare with Halide; returns what came of the program.

    The design says how large the outputs are, where they are not all alike.
    """
    sizes = output_sizes(loaded, size) if loaded.outputs[0].dimensions > 1 else [size[0]]
    set_random(loaded, sizes, seed, outputs=design.buffers(sizes) if design else ())
    # As files have them: from (0, 0) on, as large as the output, or as that reads of them.
    images = {image.name: np.array(image.parameter.get()) for image in loaded.images}
    for name, pixels in images.items():
        loaded.set_image(name, pixels)
    expected = realized_by_halide(loaded, design, sizes)
    arrays = [np.full_like(array, 85) for array in expected]
    done = program.run(images, arrays, timeout_seconds=200, **options)
    for name, ours, halides in zip(output_names(loaded), arrays, expected, strict=True):
        assert compare(name, halides, ours) is None
    return done


def realized_by_halide(loaded, design, sizes):
    """Halide's own outputs, the first of which has these sizes."""
    if design is None:
        return output_arrays(loaded.pipeline.realize(sizes))
    buffers = design.buffers(sizes)
    loaded.pipeline.realize(buffers)
    return output_arrays(buffers)


def run_case(case, target, size=(109, 77), targets=None, **options):
    loaded, design = loaded_design(*CASES[case])
    return run(loaded, programs(case, targets or PROCESSORS[case])[target], size, design=design, **options)


def in_flight(done):
    """Most launches that the hardware had at a time, as its own status register told the driver."""
    (found,) = re.findall(r"; (\d+) in flight at most", done.output)
    return int(found)


# The others are built for every processor in `make test-system`.
NATIVE = ("harris", "fanout")


@pytest.mark.parametrize(
    "case", [case if case in NATIVE else pytest.param(case, marks=pytest.mark.system) for case in CASES]
)
def test_every_application_natively_and_as_an_arm_program(case):
    done = run_case(case, "host", memory=Memory(bytes=64 << 20, stalls=0.2, reorder=True, seed=3))
    assert all(report["interrupts"] > 0 for report in done.reports.values())
    run_case(case, ARM[case], repeat=2)


@pytest.mark.parametrize(("case", "target"), [("harris", "arm32"), ("demosaic", "arm64")], ids=str)
def test_as_board_programs(case, target):
    run_case(case, target, (101, 80), board=True)


@pytest.mark.system
@pytest.mark.parametrize(("case", "target", "board"), ROUTES, ids=str)
def test_every_application_on_every_processor(case, target, board):
    both = ("arm32", "arm64")
    run_case(case, target, targets=both, repeat=2, board=board)
    run_case(case, target, (64, 64), both, board=board, memory=Memory(bytes=64 << 20, stalls=0.3, reorder=True, seed=4))


@pytest.mark.parametrize(("target", "board"), [("arm32", False), ("arm64", False), ("arm64", True)], ids=str)
def test_several_tiles_are_in_flight(target, board):
    """Four of Halide's threads, and a memory so slow that a tile takes longer than to start the next one."""
    memory = Memory(bytes=64 << 20, bandwidth=0.05)
    done = run_case("harris", target, board=board, memory=memory, environment={"HL_NUM_THREADS": "4"})
    assert in_flight(done) >= 2
    assert re.search(r"^corners(_\d+)?: 12 launches", done.output, re.MULTILINE)


@pytest.mark.parametrize("kind", ["read", "write"])
def test_an_error_in_a_frame_is_reported_and_the_next_is_right(kind):
    for number, beat in enumerate((0, 17, 300, 520)):
        response = (SLVERR, DECERR)[number % 2]
        error = InjectedError(kind, beat=beat, response=response)
        with pytest.raises(SimulationError, match=r"exit code 1") as caught:
            run_case("harris", "host", errors=[error])
        assert ("SLVERR", "DECERR")[number % 2] in str(caught.value)
    run_case("harris", "host")


def test_whole_image_in_one_launch():
    loaded, design = loaded_design("harris", ("tile", 0), ("max_width", 320), ("max_height", 200))
    done = run(loaded, built(design, "host")["host"], (301, 187), repeat=2)
    (name,) = done.reports
    assert f"{name}: 2 launches" in done.output
    assert not done.violations


@pytest.mark.parametrize("board", [False, True])
def test_memory_ports_of_ultrascale(board):
    """128 bits a beat, and an arena beyond 4 GiB: the upper halves of addresses are real."""
    loaded, program = ultrascale()
    memory = Memory(base=0x8_0000_0000, bytes=64 << 20, stalls=0.2, reorder=True)
    assert {port.data_bits for system in program.systems.values() for port in system.ports.masters} == {128}
    run(loaded, program, (109, 77), board=board, memory=memory)
    high = Memory(base=0xFF_FC00_0000, bytes=64 << 20)  # to the last byte that 40 bits reach
    run(loaded, program, (109, 77), board=board, memory=high)
    beyond = Memory(base=0x100_0000_0000, bytes=64 << 20)
    with pytest.raises(SimulationError, match="a buffer lies where the accelerator's addresses do not reach"):
        run(loaded, program, (109, 77), board=board, memory=beyond)


@functools.cache
def ultrascale():
    loaded, design = loaded_design("harris", ("tile", 32), board="kv260")
    assert (design.shell.data_bits, design.shell.address_bits) == (128, 40)
    return loaded, built(design, "arm64")["arm64"]


def test_addresses_beyond_32_bits_are_refused_by_hardware_of_32():
    memory = Memory(base=0x1_0000_0000, bytes=64 << 20)
    with pytest.raises(SimulationError, match="a buffer lies where the accelerator's addresses do not reach"):
        run_case("harris", "arm64", memory=memory)


def test_stream_shells_have_no_programs(tmp_path):
    loaded, _ = loaded_design("sobel")
    design = fluorite.compile(loaded.pipeline, name="sobel", shell="axis")
    with pytest.raises(UsageError, match=r"^sobel: a system simulation needs shells of kind 'axi', not 'axis'$"):
        SystemProgram.build(design, "host", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_command_line(tmp_path):
    photo, ours, halides = (str(tmp_path / f"{name}.png") for name in ("photo", "ours", "halides"))
    Image.fromarray(data.camera()[100:180, 50:171]).save(photo)

    def command(*arguments):
        full = [sys.executable, "-m", "fluorite.cli", "run", str(APPS / "harris.py"), "-p", "tile=32", "-i", photo]
        done = subprocess.run([*full, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    command("-o", halides)
    report = json.loads(command("-o", ours, "--system", "arm64-board", "--json"))
    assert report["accelerators"]["corners"]["violation"] == ""
    np.testing.assert_array_equal(np.asarray(Image.open(ours)), np.asarray(Image.open(halides)))
