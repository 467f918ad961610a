"""The page about the driver: its programs compile and compute what Halide does, its table has every error."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.frontend.region.identifiers import identifier
from fluorite.glue.write import write_software
from fluorite.systems.program.build import build_system
from fluorite.systems.program.run import run_program
from fluorite.systems.program.settings import Memory

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "driver.md").read_text()
TILES, PIPELINE = re.findall(r"```c\n(.*?)```", PAGE, re.DOTALL)
LINK = next(line for line in PAGE.splitlines() if line.strip().startswith("gcc "))


@pytest.fixture(scope="module")
def sobel():
    loaded = load_pipeline(ROOT / "apps" / "sobel.py", {"tile": "64"})
    return loaded, fluorite.compile(loaded.pipeline, name=loaded.name)


@pytest.fixture(scope="module")
def run(sobel, tmp_path_factory):
    """Compiles a program of the page as it says, and runs it against the simulated accelerator."""
    _, design = sobel
    software = tmp_path_factory.mktemp("page") / "software"
    write_software(design.hardware, design.software, software, ["host"])
    subprocess.run(["make", "-s", "driver", "TARGET=host", "BACKEND=sim"], cwd=software, check=True)
    name = identifier(design.accelerators[0].name)  # Halide may have numbered it
    system = build_system(design.hardware.cores[0].verilog, f"{name}_axi")

    def run(text):
        text = text.replace("FLUORITE_EDGES_", f"FLUORITE_{name.upper()}_")
        (software / "tiles.c").write_text(re.sub(r"(?<=fluorite_)edges|edges(?=\.h)", name, text))
        subprocess.run([*LINK.split(), "-Wall", "-Wextra", "-Werror", "-std=c99"], cwd=software, check=True)
        result = software / "result"
        program = software / "run.sh"
        program.write_text(f'#!/bin/sh\nexec ./tiles > "{result}"\n')
        program.chmod(0o755)
        memory = Memory(bytes=1 << 20, bandwidth=0.1)  # slow: a tile takes longer than to start all
        done = run_program(program, [], {name: system}, memory=memory, cwd=software)
        done.check()
        return done.output, np.fromfile(result, np.uint8)

    return run


def test_the_accelerator_alone(sobel, run):
    text, pixels = run(TILES)
    assert re.fullmatch(r"4 launches in \d+ cycles, at most [2-4] of them in flight\n", text)
    y, x = np.mgrid[:66, :258]
    (accelerator,) = sobel[1].accelerators
    padded = accelerator.generated.region.inputs[0].name
    (expected,) = accelerator.golden({padded: (x * y // 16).astype(np.uint8)}, [0, 0], [256, 64])
    np.testing.assert_array_equal(pixels.reshape(64, 256), expected)


def test_with_halides_part(sobel, run):
    text, pixels = run(PIPELINE)
    assert re.fullmatch(r"\d+ buffers as they lie, \d+ copied\n", text)
    loaded, _ = sobel
    i = np.arange(200 * 100)
    loaded.set_image("input", (i * (i // 200) // 64).astype(np.uint8).reshape(100, 200))
    np.testing.assert_array_equal(pixels.reshape(100, 200), np.array(loaded.pipeline.realize([200, 100])))


def test_every_error_is_in_the_table(driver):
    rows = re.findall(r"^\| (-\d+) \| `(\w+)` \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    texts = {name: driver.library.fluorite_error_text(code).decode() for name, code in driver.codes.items() if code}
    assert {name: (int(code), text) for code, name, text, _ in rows} == {
        name: (driver.codes[name], text) for name, text in texts.items()
    }


def test_every_environment_variable_is_there():
    used = set()
    for source in (ROOT / "fluorite" / "glue" / "runtime").glob("*.c"):
        used |= set(re.findall(r'getenv\("(\w+)"\)', source.read_text()))
    assert used and all(f"`{name}`" in PAGE for name in used)
