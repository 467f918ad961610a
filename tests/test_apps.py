"""The applications: the algorithm against numpy, the accelerator against Halide."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from skimage import data

import fluorite
from fluorite.errors import UsageError
from fluorite.images import random_image
from fluorite.pipeline_file import load_pipeline
from fluorite.sim.run import Stalls
from fluorite.verify import compare, output_arrays, set_random

ROOT = Path(__file__).parent.parent
APPS = ROOT / "apps"
CAMERA = data.camera()


def load(app, **params):
    return load_pipeline(APPS / f"{app}.py", {k: str(v) for k, v in params.items()})


def realized(loaded, image):
    loaded.set_image("input", image)
    return np.array(loaded.pipeline.realize([image.shape[1], image.shape[0]]))


def windows(image, radius):
    """All shifts of an image by up to `radius`, as {(dx, dy): image}; the edge is repeated."""
    height, width = image.shape
    padded = np.pad(image.astype(np.int64), radius, mode="edge")
    return {
        (dx, dy): padded[radius + dy : radius + dy + height, radius + dx : radius + dx + width]
        for dy in range(-radius, radius + 1)
        for dx in range(-radius, radius + 1)
    }


def gaussian(image, sigma):
    weight = np.exp(-(np.arange(-4, 5) ** 2) / (2 * sigma**2))
    weight /= weight.sum()
    kernel = np.floor(np.outer(weight, weight) * 4096 + 0.5).astype(np.int64)
    total = sum(kernel[dy + 4, dx + 4] * shifted for (dx, dy), shifted in windows(image, 4).items())
    return np.minimum((total + 2048) >> 12, 255).astype(np.uint8)


def harris(image, threshold):
    """Whole-image arrays, computed on a border wide enough that only the image's own edge is repeated."""
    height, width = image.shape
    inner = np.s_[3 : 3 + height, 3 : 3 + width]
    p = windows(np.pad(image, 3, mode="edge"), 1)
    gx = sum(w * (p[1, d] - p[-1, d]) for d, w in ((-1, 1), (0, 2), (1, 1)))
    gy = sum(w * (p[d, 1] - p[d, -1]) for d, w in ((-1, 1), (0, 2), (1, 1)))
    a, b, c = (sum(windows(product, 1).values()) >> 9 for product in (gx * gx, gy * gy, gx * gy))
    response = a * b - c * c - ((a + b) >> 2) ** 2
    assert np.abs(response).max() < 2**31
    near = windows(response, 1)
    before = np.max([near[-1, -1], near[0, -1], near[1, -1], near[-1, 0]], axis=0)
    after = np.max([near[1, 0], near[-1, 1], near[0, 1], near[1, 1]], axis=0)
    corner = (response >= threshold) & (response > before) & (response >= after)
    return np.where(corner, 255, 0).astype(np.uint8)[inner]


IMAGES = {
    "photograph": CAMERA,
    "odd crop": CAMERA[100:177, 200:331],
    "one pixel": CAMERA[:1, :1],
    "one row": CAMERA[9:10, :70],
    "random": random_image((83, 59), "uint8", np.random.default_rng(5)),
    "extremes": np.random.default_rng(6).choice([0, 255], (60, 60)).astype(np.uint8),
}


@pytest.mark.parametrize("tile", [0, 32])
def test_gaussian_algorithm(tile):
    loaded = load("gaussian", tile=tile)
    for name, image in IMAGES.items():
        np.testing.assert_array_equal(realized(loaded, image), gaussian(image, 2.0), err_msg=name)


@pytest.mark.parametrize("tile", [0, 32])
def test_harris_algorithm(tile):
    loaded = load("harris", tile=tile, threshold=20000)
    for name, image in IMAGES.items():
        np.testing.assert_array_equal(realized(loaded, image), harris(image, 20000), err_msg=name)


def test_gaussian_keeps_flat_images():
    loaded = load("gaussian")
    for level in (0, 1, 128, 255):
        assert (realized(loaded, np.full((20, 30), level, np.uint8)) == level).all()


def test_gaussian_refuses_a_sigma_whose_weights_do_not_fit():
    with pytest.raises(UsageError, match=r"gaussian\.py:\d+: ValueError: sigma must be at least 1\.7, not 1\.0$"):
        load("gaussian", sigma=1)


def test_harris_finds_the_corners_of_a_square():
    image = np.full((60, 80), 30, np.uint8)
    image[20:40, 25:60] = 220
    ys, xs = np.nonzero(realized(load("harris"), image))
    assert len(xs) == 4
    for x, y in ((25, 20), (59, 20), (25, 39), (59, 39)):
        assert np.min(np.maximum(abs(xs - x), abs(ys - y))) <= 1


SIZES = {"odd": (71, 45), "tiles": (64, 64), "narrow": (3, 40), "one pixel": (1, 1)}


@pytest.mark.parametrize("stalled", [False, True])
@pytest.mark.parametrize("tile", [0, 32])
@pytest.mark.parametrize("app", ["gaussian", "harris"])
def test_accelerator_is_exact(app, tile, stalled):
    loaded = load(app, tile=tile, **({"max_width": 80, "max_height": 64} if tile == 0 else {}))
    design = fluorite.compile(loaded.pipeline, name=loaded.name)
    stalls = Stalls(seed=3, input_probability=0.3, output_probability=0.3) if stalled else None
    for sizes in SIZES.values():
        for seed in (1, 2):
            set_random(loaded, sizes, seed)
            (expected,) = output_arrays(loaded.pipeline.realize(list(sizes)))
            (actual,) = output_arrays(design.realize(list(sizes), stalls=stalls))
            assert compare(app, expected, actual) is None


@pytest.mark.parametrize("app", ["gaussian", "harris"])
def test_steady_state_is_a_pixel_a_cycle(app):
    loaded = load(app, tile=0, max_width=300, max_height=200)
    design = fluorite.compile(loaded.pipeline, name=loaded.name)
    loaded.set_image("input", CAMERA[:200, :300])
    design.realize([300, 200])
    (statistics,) = design.statistics
    assert statistics.launches == 1
    assert statistics.output_pixels == 300 * 200
    # Nothing but the halo, at most 4 pixels on each side, and the latency comes on top of the pixels.
    assert statistics.cycles <= (300 + 8) * (200 + 8) + statistics.latency_cycles


@pytest.mark.slow
def test_demo(tmp_path):
    result = subprocess.run(
        [sys.executable, APPS / "demo.py", "--output", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert "the same as Halide, bit for bit" in result.stdout
    for quantity in ("cycles per pixel", "latency", "line buffers"):
        assert quantity in result.stdout
    assert {p.name for p in tmp_path.iterdir()} >= {"input.png", "output.png", "difference.png"}
