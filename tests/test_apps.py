"""The applications: the algorithm against numpy, the accelerator against Halide."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from skimage import data

import fluorite
from fluorite.errors import UsageError
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.run.images import random_image
from fluorite.run.launch import launches
from fluorite.run.verify import compare, output_arrays, output_sizes, set_random
from fluorite.run.words import Words
from fluorite.sim.run import Job, Stalls

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


# --- the other algorithms ---------------------------------------------------------------------------------------------

PHOTO = data.astronaut()[60:137, 180:301]  # 121x77, a face
TEXTURE = data.chelsea()[100:177, 100:221]
PAGE = data.page()[60]  # one line of it


def planar(rgb):
    return np.ascontiguousarray(np.moveaxis(rgb, 2, 0))


def bayer(rgb):
    """What a sensor with the pattern G R / B G sees of a picture, at 10 bits."""
    y, x = np.indices(rgb.shape[:2])
    seen = np.where((y % 2 == 0) & (x % 2 == 1), 0, np.where((y % 2 == 1) & (x % 2 == 0), 2, 1))
    return np.take_along_axis(rgb, seen[..., None], 2)[..., 0].astype(np.uint16) * 4


FADE = np.broadcast_to(np.linspace(0, 255, 121).astype(np.uint8), (77, 121))
PHOTOGRAPHS = {
    "gaussian": {"input": CAMERA[100:177, 200:321]},
    "harris": {"input": CAMERA[100:177, 200:321]},
    "sobel": {"input": CAMERA[100:177, 200:321]},
    "median": {"input": CAMERA[100:177, 200:321]},
    "unsharp": {"input": planar(PHOTO)},
    "blend": {"a": planar(PHOTO), "b": planar(TEXTURE), "weight_a": FADE[:, ::-1], "weight_b": FADE},
    "fanout": {"input": PAGE},
    "jacobi": {"input": CAMERA[100:177, 200:321].astype(np.uint16) * 257},
    "demosaic": {"input": bayer(PHOTO)},
}


def on_photograph(app, **params):
    """Halide's own output for the application's photographs."""
    loaded = load(app, **params)
    return np.array(loaded.pipeline.realize(set_photographs(app, loaded)))


def set_photographs(app, loaded):
    """Set the inputs; returns the sizes of the output."""
    for name, image in PHOTOGRAPHS[app].items():
        loaded.set_image(name, np.ascontiguousarray(image))
    sizes = list(next(iter(PHOTOGRAPHS[app].values())).shape[::-1])
    return output_sizes(loaded, sizes)


def test_sobel_algorithm():
    p = windows(PHOTOGRAPHS["sobel"]["input"], 1)
    gx = sum(w * (p[1, d] - p[-1, d]) for d, w in ((-1, 1), (0, 2), (1, 1)))
    gy = sum(w * (p[d, 1] - p[d, -1]) for d, w in ((-1, 1), (0, 2), (1, 1)))
    np.testing.assert_array_equal(on_photograph("sobel"), np.minimum(abs(gx) + abs(gy), 255))


def test_median_algorithm():
    near = windows(PHOTOGRAPHS["median"]["input"], 1)
    np.testing.assert_array_equal(on_photograph("median"), np.median(list(near.values()), axis=0))


def test_unsharp_algorithm():
    photo = PHOTOGRAPHS["unsharp"]["input"].astype(np.int64)
    gray = (77 * photo[0] + 150 * photo[1] + 29 * photo[2]) >> 8
    weight = [math.comb(8, i) for i in range(9)]
    blur = sum(weight[dx + 4] * weight[dy + 4] * shifted for (dx, dy), shifted in windows(gray, 4).items())
    sharp = np.clip(2 * gray - ((blur + 32768) >> 16), 0, 255)
    ratio = np.minimum(32 * sharp // np.maximum(gray, 1), 255)
    np.testing.assert_array_equal(on_photograph("unsharp"), np.minimum(ratio * photo >> 5, 255))


def test_blend_algorithm():
    a, b, weight_a, weight_b = (PHOTOGRAPHS["blend"][n].astype(np.int64) for n in ("a", "b", "weight_a", "weight_b"))
    total = np.maximum(weight_a + weight_b, 1)
    np.testing.assert_array_equal(on_photograph("blend"), (a * weight_a + b * weight_b + total // 2) // total)


def test_blend_of_nothing_is_black():
    loaded = load("blend")
    for name in ("a", "b"):
        loaded.set_image(name, np.full((3, 20, 30), 255, np.uint8))
    for name in ("weight_a", "weight_b"):
        loaded.set_image(name, np.zeros((20, 30), np.uint8))
    assert not np.array(loaded.pipeline.realize([30, 20, 3])).any()


def test_fanout_algorithm():
    p = np.pad(PAGE.astype(np.int64), 6, mode="edge")
    smooth = (p[:-2] + 2 * p[1:-1] + p[2:] + 2) >> 2  # from pixel -5
    shifted = {d: smooth[5 + d : 5 + d + len(PAGE)] for d in range(-4, 5)}
    slope = shifted[1] - shifted[-1]
    bend = {d: shifted[d - 1] - 2 * shifted[d] + shifted[d + 1] for d in (0, 1)}
    contrast = np.max(list(shifted.values()), axis=0) - np.min(list(shifted.values()), axis=0)
    edge = ((bend[0] >= 0) != (bend[1] >= 0)) & (contrast >= 24) & (4 * abs(slope) > contrast)
    np.testing.assert_array_equal(on_photograph("fanout"), np.where(edge, np.where(slope > 0, 255, 128), 0))


@pytest.mark.parametrize("tile", [0, 32])
def test_jacobi_algorithm(tile):
    image = np.pad(PHOTOGRAPHS["jacobi"]["input"].astype(np.int64), 15, mode="edge")
    for _ in range(15):
        near = windows(image, 1)
        image = (near[0, 0] + near[1, 0] + near[-1, 0] + near[0, 1] + near[0, -1]) // 5
    np.testing.assert_array_equal(on_photograph("jacobi", tile=tile), image[15:-15, 15:-15])


@pytest.mark.parametrize("tile", [0, 33])
def test_demosaic_restores_the_photograph(tile):
    restored = on_photograph("demosaic", tile=tile).astype(np.int64)
    error = (restored - PHOTOGRAPHS["unsharp"]["input"])[:, 4:-4, 4:-4]
    # In dB, 32.3 on this crop; a red pixel taken for a blue one would cost twenty.
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 32


def test_demosaic_of_one_colour():
    loaded = load("demosaic", tile=33)
    loaded.set_image("input", bayer(np.broadcast_to(np.uint8([200, 90, 30]), (50, 70, 3))))
    assert (np.array(loaded.pipeline.realize([70, 50, 3])) == np.reshape([200, 90, 30], (3, 1, 1))).all()


def test_jacobi_refuses_no_iterations():
    with pytest.raises(UsageError, match=r"jacobi\.py:\d+: ValueError: iterations must be at least 1, not 0$"):
        load("jacobi", iterations=0)


# --- the accelerators -------------------------------------------------------------------------------------------------

STALLS = (None, Stalls(3), Stalls(4, 0.6, 0.1, burst_cycles=9))
WHOLE = {"max_width": 130, "max_height": 80}
# Whole, or in tiles at odd positions, at lanes that divide neither, by turns; the others in the sweep, where one and
# four lanes take turns too.
TURNS = [("whole", 2), (33, 3)]
OTHERS = [(32, 4), ("whole", 1)]
APPLICATIONS = [app for app in PHOTOGRAPHS if app != "jacobi"]
CASES = [(app, *TURNS[n % 2]) for n, app in enumerate(APPLICATIONS)] + [("jacobi", 33, 4)]
SWEEP = [(app, *how) for n, app in enumerate(APPLICATIONS) for how in (TURNS[1 - n % 2], OTHERS[n % 2])]
SWEEP += [("jacobi", "whole", 1), ("jacobi", "whole", 16)]
CASES += [pytest.param(*case, marks=pytest.mark.system) for case in SWEEP]


def compiled(app, how, lanes):
    params = {"tile": how} if how != "whole" else {"tile": 0, **WHOLE}
    if app == "fanout":
        params.pop("max_height", None)
        params["max_width"] = 400
    loaded = load(app, lanes=lanes, **params)
    return loaded, fluorite.compile(loaded.pipeline, name=loaded.name)


@pytest.mark.parametrize(("app", "how", "lanes"), CASES, ids=lambda v: str(v))
def test_accelerator_is_exact(app, how, lanes):
    loaded, design = compiled(app, how, lanes)

    def check(sizes, stalls):
        expected = output_arrays(loaded.pipeline.realize(sizes))
        for stall in stalls:
            (actual,) = output_arrays(design.realize(sizes, stalls=stall))
            assert compare(app, expected[0], actual) is None, (sizes, stall)

    check(set_photographs(app, loaded), STALLS)
    for number, size in enumerate(((71, 45), (64, 64), (3, 40), (1, 1))):
        sizes = output_sizes(loaded, size) if app != "fanout" else [size[0]]
        set_random(loaded, sizes, seed=number)
        check(sizes, STALLS[:2])
    check_back_to_back(design)


def check_back_to_back(design):
    """Launches in a row, whose rate is the schedule's own, exact and as many cycles apart as the report says."""
    (accelerator,) = design.accelerators
    (report,) = design.report.accelerators
    generated = accelerator.generated
    random = np.random.default_rng(0)
    rank = len(generated.region.func.args)
    extents = [31, 27, 3][:rank]
    names = [i.name for i in generated.region.inputs]
    # The image that borders are for is the one that is asked for.
    sizes = {name: 0 if ".min." in name else extents[int(name[-1])] for name in generated.lowered.metadata}
    (launch,) = launches(generated, [0] * rank, extents, sizes)
    layouts, result = [Words(stream) for stream in generated.inputs], Words(generated.outputs[0])
    jobs, inputs = [], []
    output_type = np.dtype(str(generated.region.func.types[0]))
    for _ in range(3):
        inputs.append(_inputs(generated, launch, random))
        packed = [layout.pack(inputs[-1][name]) for layout, name in zip(layouts, names, strict=True)]
        jobs.append(Job(packed, [result.room(np.empty(extents[::-1], output_type))], launch.settings))
    with accelerator.simulator.instance() as core:
        run = core.run_many(jobs)
    actual = np.empty(extents[::-1], output_type)
    result.unpack(jobs[-1].outputs[0], actual)
    if result.in_place:
        actual = jobs[-1].outputs[0].reshape(actual.shape)
    np.testing.assert_array_equal(actual, accelerator.golden(inputs[-1], launch.mins, launch.extents)[0])
    variables = {"extent_x": extents[0], "extent_y": 27}
    cycles = eval(report.cycles_per_launch, {"max": max, "ceil_div": lambda a, b: -(-a // b)}, variables)
    assert np.diff([ran.first_output_cycle for ran in run.launches]).tolist() == [cycles] * 2


def _inputs(generated, launch, random):
    """Random images of exactly the regions that a launch reads."""
    return {
        i.name: random_image(generated.input(i.name).region(launch.mins, launch.extents)[1][::-1], str(i.type), random)
        for i in generated.region.inputs
    }


# --- full HD, without a simulation ------------------------------------------------------------------------------------

# How far an output pixel looks. Of whole images the accelerator does the borders, where it is not padded by software.
HALO = {"gaussian": 4, "harris": 3, "sobel": 1, "median": 1, "unsharp": 4, "blend": 0, "demosaic": 2, "jacobi": 15}
PADDED = ("harris", "demosaic", "jacobi")
# Least line buffers of a raster-order schedule that computes each value once, without windows: rows x pixels x bits.
LEAST_BITS = {
    "gaussian": 8 * 1920 * 8,
    "harris": 1920 * (2 * 8 + 2 * (20 + 20 + 21) + 30 + 1),  # of the response one row, and a row of what it compared to
    "sobel": 2 * 1920 * 8,
    "median": 2 * 1920 * 8,
    "unsharp": 1920 * (8 * 8 + 4 * 24),  # rows of gray, and of the colours that wait for the blur
    "blend": 0,
    "demosaic": 1920 * 5 * 10,  # three of raw and two of green, 10 bits each
    "jacobi": 15 * 2 * 1080 * 16,
}


@pytest.mark.parametrize(("app", "lanes"), [(app, lanes) for app in HALO for lanes in (1, 4)] + [("jacobi", 16)])
def test_full_hd_keeps_its_rate_in_the_least_memory(app, lanes):
    width = 1080 if app == "jacobi" else 1920  # of what the accelerator reads, halo included
    halo = 2 * HALO[app]
    padding = halo if app in PADDED else 0
    loaded = load(app, tile=0, lanes=lanes, max_width=width - padding, max_height=1080 - padding)
    (report,) = fluorite.compile(loaded.pipeline, name=loaded.name).report.accelerators
    assert report.lanes == lanes
    assert width * 1080 / lanes <= report.cycles_per_largest_launch <= 1.01 * width * 1080 / lanes
    assert report.latency_cycles <= (halo + 1) * width / lanes + 250
    # A value a lane at most is stored beside the rows, in memories or windows, and registers reach the clock.
    assert report.memory_bits <= LEAST_BITS[app] * 1.003
    # Windows, and the state of borders: of sixteen lanes of 15 iterations 240 words.
    beside_rows = 700 if lanes <= 4 else 240 * 16 + 100
    assert LEAST_BITS[app] <= report.line_buffer_bits_lower_bound <= LEAST_BITS[app] + beside_rows
    assert report.pipeline_register_bits <= 0.002 * (lanes + 1) * LEAST_BITS[app] + 1300 * lanes


def test_a_frame_with_its_border_is_a_pixel_a_cycle():
    for app in (*set(HALO) - {"jacobi"}, "jacobi each"):
        for lanes in (1, 2):
            border = {"border": "each"} if app == "jacobi each" else {}
            loaded = load(app.split()[0], tile=0, lanes=lanes, **border)
            (report,) = fluorite.compile(loaded.pipeline, name=loaded.name).report.accelerators
            assert report.cycles_per_largest_launch <= 1.01 * 1920 * 1080 / lanes


def test_statistics_count_pixels_and_not_their_channels():
    loaded, design = compiled("blend", "whole", 2)
    sizes = set_photographs("blend", loaded)
    design.realize(sizes)
    (statistics,) = design.statistics
    assert statistics.output_pixels == 121 * 77
    assert statistics.cycles <= -(-121 // 2) * 77 + statistics.latency_cycles


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
