"""Applications with recursions: the algorithm against numpy, the accelerator against Halide on odd sizes."""

from pathlib import Path

import numpy as np
import pytest
from skimage import data

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.sim.run import Stalls

APPS = Path(__file__).parent.parent / "apps"
GREY = data.camera()[100:137, 200:261]  # 61x37


def both(app, image, **params):
    """What Halide and the accelerator give."""
    made = load_pipeline(APPS / f"{app}.py", {name: str(value) for name, value in params.items()})
    made.set_image("input", np.ascontiguousarray(image))
    sizes = [image.shape[1], image.shape[0]]
    expected = np.array(made.pipeline.realize(sizes))
    ours = np.array(fluorite.compile(made.pipeline).realize(sizes, stalls=Stalls(seed=1)))
    return expected, ours


def diffused(image):
    shown, errors = np.where(image > 127, 255, 0), np.zeros(image.shape, np.int64)
    for y in range(1, image.shape[0]):
        for x in range(1, image.shape[1] - 1):
            passed = 7 * errors[y, x - 1] + 3 * errors[y - 1, x + 1] + 5 * errors[y - 1, x] + errors[y - 1, x - 1]
            value = int(image[y, x]) + (passed >> 4)
            shown[y, x] = 255 if value > 127 else 0
            errors[y, x] = np.clip(value - shown[y, x], -255, 255)
    return shown


@pytest.mark.parametrize("size", [(37, 61), (5, 3)])
def test_dither(size):
    image = GREY[: size[0], : size[1]]
    expected, ours = both("dither", image, max_width=64, max_height=48)
    np.testing.assert_array_equal(expected, diffused(image))
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize(
    ("radius", "lanes", "size"), [(4, 1, (37, 61)), (3, 2, (20, 31)), (0, 1, (3, 5)), (9, 1, (4, 2))]
)
def test_box(radius, lanes, size):
    image = GREY[: size[0], : size[1]]
    expected, ours = both("box", image, radius=radius, lanes=lanes, max_width=64, max_height=48)
    padded, side = np.pad(image.astype(np.int64), radius, mode="edge"), 2 * radius + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side)).sum((2, 3))
    np.testing.assert_array_equal(expected, (windows + side * side // 2) // (side * side))
    np.testing.assert_array_equal(ours, expected)
