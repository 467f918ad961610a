"""Applications as programs: driver, extern stages and Halide's part, compiled, against their simulated hardware."""

import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

import fluorite
from fluorite.errors import SimulationError
from fluorite.images import crop
from fluorite.pipeline_file import load_pipeline
from fluorite.sim.system.program import SystemProgram
from fluorite.sim.system.settings import DECERR, SLVERR, InjectedError, Memory
from fluorite.verify import compare, output_arrays, output_names, output_sizes, set_random

APPS = Path(__file__).parents[3] / "apps"
NAMES = sorted(path.stem for path in APPS.glob("*.py") if path.stem != "demo")


@functools.cache
def loaded_design(app, *params):
    loaded = load_pipeline(APPS / f"{app}.py", {name: str(value) for name, value in params})
    return loaded, fluorite.compile(loaded.pipeline, name=loaded.name)


@functools.cache
def program(app, target, *params):
    folder = tempfile.TemporaryDirectory()
    built = SystemProgram.build(loaded_design(app, *params)[1], target, Path(folder.name), random_power_up=True)
    built.keep = folder
    return built


def run(app, target, params, size, seed=0, **options):
    """Run on random images and compare with Halide; returns what came of the program."""
    loaded, _ = loaded_design(app, *params)
    sizes = output_sizes(loaded, size) if loaded.outputs[0].dimensions > 1 else [size[0]]
    set_random(loaded, sizes, seed)
    images = {}
    for image in loaded.images:  # as files have them: from (0, 0) on, as large as the output
        array = np.array(image.parameter.get())
        images[image.name] = crop(array, sizes[:2]) if array.ndim > 1 else array[: sizes[0]].copy()
        loaded.set_image(image.name, images[image.name])
    expected = output_arrays(loaded.pipeline.realize(sizes))
    arrays = [np.full_like(array, 85) for array in expected]
    done = program(app, target, *params).run(images, arrays, timeout_seconds=200, **options)
    for name, ours, halides in zip(output_names(loaded), arrays, expected, strict=True):
        assert compare(name, halides, ours) is None
    return done


def tiled(app):
    """Small tiles, so that several are in flight; what has none runs whole images."""
    text = (APPS / f"{app}.py").read_text()  # loading it would rename its Funcs, and what is built would not be reused
    return (("tile", 32),) if "tile = hl.GeneratorParam" in text else (("max_width", 400),)


@pytest.mark.parametrize("app", NAMES)
def test_every_application_natively(app):
    params = tiled(app)
    done = run(app, "host", params, (109, 77))
    run(app, "host", params, (64, 64), memory=Memory(bytes=64 << 20, stalls=0.2, reorder=True, seed=3))
    (report,) = done.reports.values()
    assert report["interrupts"] > 0


ARM = [("harris", "arm32"), ("sobel", "arm32"), ("harris", "arm64")]
MORE = [(app, target) for app in NAMES for target in ("arm32", "arm64") if (app, target) not in ARM]


@pytest.mark.parametrize(
    ("app", "target"), [*ARM, *(pytest.param(*case, marks=pytest.mark.system) for case in MORE)], ids=str
)
def test_as_arm_programs(app, target):
    params = tiled(app)
    run(app, target, params, (109, 77), repeat=2)
    run(app, target, params, (101, 80), board=True)


@pytest.mark.parametrize("kind", ["read", "write"])
def test_an_error_in_a_frame_is_reported_and_the_next_is_right(kind):
    for number, beat in enumerate((0, 17, 300, 520)):
        response = (SLVERR, DECERR)[number % 2]
        error = InjectedError(kind, beat=beat, response=response)
        with pytest.raises(SimulationError, match=r"exit code 1") as caught:
            run("harris", "host", tiled("harris"), (109, 77), errors=[error])
        assert ("SLVERR", "DECERR")[number % 2] in str(caught.value)
    run("harris", "host", tiled("harris"), (109, 77))


def test_whole_image_in_one_launch():
    done = run("harris", "host", (("tile", 0), ("max_width", 320), ("max_height", 200)), (301, 187), repeat=2)
    (name,) = done.reports
    assert f"{name}: 2 launches" in done.output
    assert not done.violations


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
