"""Applications whose streams come at different rates: the algorithm against numpy, the accelerator against Halide."""

import math
from pathlib import Path

import halide as hl
import numpy as np
import pytest
from skimage import data

import fluorite
from fluorite.errors import CompileError, UsageError
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.run.images import random_image
from fluorite.run.launch import launches
from fluorite.run.verify import compare, output_arrays, output_sizes, set_random
from fluorite.run.words import Words
from fluorite.sim.run import Job, Stalls
from tests.rate_applications import ABSENT
from tests.rate_applications import CASES as SWEEP

APPS = Path(__file__).parent.parent / "apps"
PHOTO = data.astronaut()[60:137, 180:301]  # 121x77, a face
GREY = data.camera()[100:177, 200:321]
RAW = GREY.astype(np.uint16) * 4


def load(app, **params):
    return load_pipeline(APPS / f"{app}.py", {name: str(value) for name, value in params.items()})


def on_images(app, sizes, images, **params):
    """Halide's own output."""
    loaded = load(app, **params)
    for name, pixels in images.items():
        loaded.set_image(name, np.asarray(pixels, order="C"))
    return np.array(loaded.pipeline.realize(output_sizes(loaded, sizes)))


def planar(rgb):
    return np.ascontiguousarray(np.moveaxis(rgb, 2, 0))


def apart(image, first, count, step=2):
    """Along the last axis, by offset from `first` on, every other pixel of an image whose edge is repeated."""
    wide = np.pad(image.astype(np.int64), [(0, 0)] * (image.ndim - 1) + [(8, 8)], mode="edge")
    length = -(-image.shape[-1] // step)
    return [wide[..., 8 + first + d :: step][..., :length] for d in range(count)]


def along_both(image, function):
    return function(function(image).swapaxes(-1, -2)).swapaxes(-1, -2)


def test_binning_algorithm():
    expected = along_both(RAW[:76, :120], lambda image: sum(apart(image, 0, 2)))
    np.testing.assert_array_equal(on_images("binning", (60, 38), {"input": RAW}, colour=False), expected)


def test_binning_of_a_bayer_image_keeps_its_colours():
    raw = np.tile(np.uint16([[10, 20], [30, 40]]), (20, 20))
    binned = on_images("binning", (20, 20), {"input": raw})
    np.testing.assert_array_equal(binned, 4 * raw[:20, :20])


@pytest.mark.parametrize(("taps", "weights"), [(2, (1, 1)), (4, (1, 3, 3, 1))])
def test_downsample_algorithm(taps, weights):
    def total(image):
        return sum(w * p for w, p in zip(weights, apart(image, 1 - taps // 2, taps), strict=True))

    expected = (along_both(GREY, total) + sum(weights) ** 2 // 2) // sum(weights) ** 2
    np.testing.assert_array_equal(on_images("downsample", (61, 39), {"input": GREY}, taps=taps), expected)


def test_downsample_refuses_other_numbers_of_taps():
    with pytest.raises(UsageError, match=r"downsample\.py:\d+: ValueError: taps must be 2 or 4, not 3$"):
        load("downsample", taps=3)


def test_bilinear_algorithm():
    def total(image):
        left, here, right = apart(image, -1, 3, 1)
        return np.stack([3 * here + left, 3 * here + right], -1).reshape(*image.shape[:-1], -1)

    expected = (along_both(GREY, total) + 8) >> 4
    np.testing.assert_array_equal(on_images("bilinear", (242, 154), {"input": GREY}), expected)


@pytest.mark.parametrize("window", [2, 3])
def test_max_pool_algorithm(window):
    padded = np.pad(GREY, 1)[2 - window // 2 - window % 2 :, 2 - window // 2 - window % 2 :] if window == 3 else GREY
    blocks = np.lib.stride_tricks.sliding_window_view(np.pad(padded, ((0, 2), (0, 2))), (window, window))
    expected = blocks[::2, ::2][:39, :61].max(axis=(2, 3))
    np.testing.assert_array_equal(on_images("max_pool", (61, 39), {"input": GREY}, window=window), expected)


def test_max_pool_refuses_other_windows():
    with pytest.raises(UsageError, match=r"max_pool\.py:\d+: ValueError: window must be 2 or 3, not 4$"):
        load("max_pool", window=4)


def test_resample_algorithm():
    def down(image):
        a, b, c = apart(image, 0, 3, 3)
        return np.stack([3 * a + b, b + 3 * c], -1).reshape(*image.shape[:-1], -1)

    def up(image):
        before, a, b, after = apart(image, -1, 4)
        return np.stack([before + 5 * a, 3 * a + 3 * b, 5 * b + after], -1).reshape(*image.shape[:-1], -1)

    for function, total, params in ((down, 16, {}), (up, 36, {"up": True})):
        expected = (along_both(GREY, function) + total // 2) // total
        size = expected.shape[::-1]
        np.testing.assert_array_equal(on_images("resample32", size, {"input": GREY}, **params), expected)


def yuv(rgb):
    """Each pixel's luma and chroma in BT.601's video range, not rounded."""
    red, green, blue = rgb.astype(np.float64)
    return (
        16 + (65.738 * red + 129.057 * green + 25.064 * blue) / 256,
        128 + (-37.945 * red - 74.494 * green + 112.439 * blue) / 256,
        128 + (112.439 * red - 94.154 * green - 18.285 * blue) / 256,
    )


def nv12(rgb):
    """The planes of a photograph of even sizes."""
    luma, u, v = yuv(rgb)
    means = [plane.reshape(plane.shape[0] // 2, 2, -1, 2).mean((1, 3)) for plane in (u, v)]
    chroma = np.stack(means, -1).reshape(luma.shape[0] // 2, -1)
    return luma, chroma


def test_to_nv12_algorithm():
    rgb = planar(PHOTO)[:, :76, :120]
    frame = on_images("to_nv12", (120, 76 * 3 // 2), {"input": rgb})
    assert np.abs(frame - np.concatenate(nv12(rgb))).max() < 1


def test_nv12_gives_the_photograph_back():
    rgb = np.repeat(np.repeat(planar(PHOTO)[:, :38, :60], 2, 1), 2, 2)  # nothing is lost to chroma at half the size
    luma, chroma = (np.round(plane).astype(np.uint8) for plane in nv12(rgb))
    restored = on_images("nv12", (120, 76), {"luma": luma, "chroma": chroma}).astype(np.int64)
    assert np.abs(restored - rgb).max() <= 3


def test_thumbnails_algorithm():
    loaded = load("thumbnails")
    loaded.set_image("input", planar(PHOTO))
    sizes = [(121 >> k, 77 >> k, 3) for k in range(4)]
    buffers = [hl.Buffer(hl.UInt(8), list(size)) for size in sizes]
    loaded.pipeline.realize(buffers)
    t = np.arange(256, dtype=np.float32) / np.float32(255)
    expected = (255 * t * t * (3 - 2 * t) + np.float32(0.5)).astype(np.uint8)[planar(PHOTO)]
    for (width, height, _), buffer in zip(sizes, buffers, strict=True):
        np.testing.assert_array_equal(np.array(buffer), expected[:, :height, :width])
        even = expected[:, : height // 2 * 2, : width // 2 * 2].astype(np.uint16)
        four = [even[:, j::2, i::2] for j in (0, 1) for i in (0, 1)]
        expected = ((sum(four) + 2) >> 2).astype(np.uint8)


def profiles(shape):
    """Gains that a lens asks for which is darker the further from the middle, every eight pixels; 64 is 1."""
    found = {}
    for name, extent in (("gain_x", shape[1]), ("gain_y", shape[0])):
        distance = (np.arange(extent // 8 + 2) * 8 - extent / 2) / extent
        found[name] = np.round(64 * (1 + 1.5 * distance**2)).astype(np.uint8)
    return found


def test_flat_field_makes_the_corners_bright_again():
    gains = profiles(GREY.shape)
    wanted = np.minimum(GREY, 180) * 0.7
    columns, rows = (
        np.interp(np.arange(extent), 8 * np.arange(len(gain)), gain / 64)
        for extent, gain in ((121, gains["gain_x"]), (77, gains["gain_y"]))
    )
    darkened = np.round(wanted / np.outer(rows, columns)).astype(np.uint8) + np.uint8(9)
    flat = on_images("flat_field", (121, 77), {"input": darkened, **gains, "black": np.array(9, np.uint8)})
    assert np.abs(flat - wanted).max() <= 2


def test_demosaic_half_of_one_colour():
    y, x = np.indices((20, 30))
    raw = np.where(y % 2 == x % 2, 4 * 90, np.where(y % 2 == 0, 4 * 200, 4 * 30)).astype(np.uint16)
    photo = on_images("demosaic_half", (15, 10), {"input": raw})
    assert (photo == np.reshape([200, 90, 30], (3, 1, 1))).all()


def test_pyramid_without_gain_gives_the_photograph_back():
    np.testing.assert_array_equal(on_images("pyramid", (121, 77), {"input": GREY}, gain=4, tile=0), GREY)


def test_pyramid_doubles_fine_detail():
    fine = np.where(np.indices((64, 64)).sum(0) % 2, 120, 100).astype(
        np.uint8
    )  # nothing of it is left at half the size
    boosted = on_images("pyramid", (64, 64), {"input": fine}, gain=8, tile=0, levels=2)
    np.testing.assert_array_equal(boosted[8:-8, 8:-8], 2 * fine[8:-8, 8:-8] - 110)


def test_pyramid_blend_of_one_photograph_is_that():
    one, other = planar(PHOTO), planar(data.chelsea()[100:177, 100:221])
    fade = np.broadcast_to(np.linspace(0, 255, 121).astype(np.uint8), (77, 121))

    def blended(a, b, mask):
        images = {"a": a, "b": b, "mask": mask}
        return on_images("pyramid_blend", (121, 77), images, tile=0, levels=2)

    np.testing.assert_array_equal(blended(one, one, fade), one)
    np.testing.assert_array_equal(blended(one, other, np.full_like(fade, 255)), one)
    np.testing.assert_array_equal(blended(one, other, np.zeros_like(fade)), other)


def test_exposure_fusion_shows_what_each_exposure_shows():
    def fused(dark, bright):
        return on_images("exposure_fusion", (121, 77), {"dark": dark, "bright": bright}, levels=2)

    np.testing.assert_array_equal(fused(GREY, GREY), GREY)
    scene = np.clip(GREY.astype(np.int64) * 2, 0, 511)
    both = fused((scene // 2).astype(np.uint8), np.minimum(scene * 2, 255).astype(np.uint8)).astype(np.int64)
    assert both[scene < 40].mean() > scene[scene < 40].mean()  # shadows come from the bright one
    assert (both[scene > 200] < 250).mean() > 0.9  # and lights from the dark one


@pytest.mark.parametrize("app", ["pyramid", "pyramid_blend", "exposure_fusion"])
def test_pyramids_refuse_no_levels(app):
    with pytest.raises(UsageError, match=rf"{app}\.py:\d+: ValueError: levels must be at least 1, not 0$"):
        load(app, levels=0)


# --- the accelerators -------------------------------------------------------------------------------------------------

STALLS = (None, Stalls(4, 0.6, 0.1, burst_cycles=9))
SIZES = ((35, 23), (3, 20), (1, 1))
WHOLE = {"tile": 0, "max_width": 250, "max_height": 160}
# By application: photographs and the size of the result; then how it is compiled.
IMAGES = {
    "binning": ({"input": RAW}, (60, 38)),
    "downsample": ({"input": GREY}, (61, 39)),
    "bilinear": ({"input": GREY}, (241, 153)),
    "max_pool": ({"input": GREY}, (61, 39)),
    "resample32": ({"input": GREY}, (79, 51)),
    "flat_field": ({"input": GREY, **profiles(GREY.shape), "black": np.array(9, np.uint8)}, (121, 77)),
    "nv12": ({"luma": GREY[:, :120], "chroma": GREY[:39, 1:]}, (119, 77)),
    "to_nv12": ({"input": planar(PHOTO)}, (121, 77 + 39)),
    "thumbnails": ({"input": planar(PHOTO)}, (121, 77)),
    "demosaic_half": ({"input": RAW}, (60, 38)),
    "pyramid": ({"input": GREY}, (121, 77)),
    "exposure_fusion": ({"dark": GREY // 2, "bright": np.minimum(GREY, 127) * 2}, (121, 77)),
    "pyramid_blend": ({"a": planar(PHOTO), "b": planar(PHOTO)[:, ::-1], "mask": GREY}, (121, 77)),
}
CASES = [
    ("binning", {"tile": 13}),
    ("downsample", {**WHOLE, "taps": 2, "lanes": 4}),
    ("bilinear", {"tile": 26, "lanes": 2}),  # rows begin before the scan's
    ("max_pool", {**WHOLE}),
    ("resample32", {**WHOLE, "lanes": 2}),
    ("resample32", {"tile": 12, "up": True, "lanes": 3}),
    ("flat_field", {**WHOLE, "lanes": 2}),
    ("nv12", {**WHOLE, "lanes": 4}),
    ("to_nv12", {}),
    ("thumbnails", {"lanes": 4}),
    ("demosaic_half", {"tile": 13}),
    ("pyramid", {"tile": 24, "levels": 2, "lanes": 2}),
    ("pyramid_blend", {**WHOLE, "levels": 1}),
    ("exposure_fusion", {**WHOLE, "levels": 1}),
]
# Beside the numbers of lanes in `rate_applications`: one pixel a cycle in tiles of an odd size, all levels.
OTHERS = [
    ("binning", {**WHOLE, "colour": False, "lanes": 2}),
    ("downsample", {"tile": 13}),
    ("bilinear", {"tile": 13}),
    ("max_pool", {"tile": 12, "window": 2, "lanes": 2}),
    ("resample32", {"tile": 13}),
    ("resample32", {**WHOLE, "up": True}),
    ("flat_field", {"tile": 13}),
    ("nv12", {"tile": 13}),
    ("pyramid", {**WHOLE}),
    ("pyramid_blend", {**WHOLE, "levels": 2}),
]
CASES += [pytest.param(*case, marks=pytest.mark.system) for case in OTHERS]


@pytest.mark.parametrize(("app", "params"), CASES, ids=lambda value: str(value))
def test_accelerator_is_exact(app, params):
    loaded = load(app, **params)
    design = fluorite.compile(loaded.pipeline, name=loaded.name)

    def check(sizes, stalls):
        expected = realized_by_halide(loaded, design, sizes)
        for stall in stalls:
            for wanted, actual in zip(expected, output_arrays(design.realize(sizes, stalls=stall)), strict=True):
                assert compare(app, wanted, actual) is None, (sizes, stall)

    images, size = IMAGES[app]
    for name, pixels in images.items():
        loaded.set_image(name, np.asarray(pixels, order="C"))
    check(output_sizes(loaded, size), STALLS)
    for number, small in enumerate(SIZES):
        least = 8 if app == "thumbnails" else 1  # where an output has no pixels, Halide computes none of any
        sizes = output_sizes(loaded, [max(n, least) for n in small])
        set_random(loaded, sizes, seed=number, outputs=design.buffers(sizes))
        check(sizes, STALLS[:1])
    for accelerator in design.accelerators:
        check_back_to_back(accelerator)


@pytest.mark.system
@pytest.mark.parametrize("case", SWEEP, ids=str)
def test_any_number_of_lanes_is_exact(case):
    """Sizes around the tile's and the lanes', of images as they come, with ports that stall."""
    loaded = case.load()
    design = fluorite.compile(loaded.pipeline, name=case.app)
    sizes = ((73, 49), (24, 25), (47, 24), (9, 1), (8, 7), (2, 17), (1, 1))
    for seed, (width, height) in enumerate(sizes):
        images, result = case.images(width, height, seed)
        for name, pixels in images.items():
            loaded.set_image(name, pixels)
        expected = realized_by_halide(loaded, design, result)
        for stall in (None, Stalls(seed), Stalls(seed + 1, 0.6, 0.1, burst_cycles=9)):
            for wanted, actual in zip(expected, output_arrays(design.realize(result, stalls=stall)), strict=True):
                assert compare(case.app, wanted, actual) is None, (result, stall)
    for accelerator in design.accelerators:
        check_back_to_back(accelerator)


@pytest.mark.parametrize("case", ABSENT, ids=str)
def test_other_numbers_of_lanes_are_refused(case):
    with pytest.raises(CompileError, match=r"which is no whole number of lanes; unroll xi? by a multiple of [23]"):
        fluorite.compile(case.load().pipeline)


def realized_by_halide(loaded, design, sizes):
    """Halide's own outputs, the first of which has these sizes."""
    buffers = design.buffers(sizes)
    loaded.pipeline.realize(buffers)
    return output_arrays(buffers)


def check_back_to_back(accelerator):
    """Launches in a row, exact, and as many cycles apart as the scan has positions."""
    generated = accelerator.generated
    random = np.random.default_rng(0)
    rank = len(generated.region.func.args)
    names = [i.name for i in generated.region.inputs]
    for mins in ([0, 0, 0][:rank], [3 * generated.steps[0], generated.steps[1], 0][:rank]):
        (launch,) = launches(generated, mins, [11, 9, 3][:rank], {})
        jobs = []
        for _ in range(3):
            images = {
                name: random_image(
                    generated.input(name).region(launch.mins, launch.extents)[1][::-1], str(i.type), random
                )
                for name, i in zip(names, generated.region.inputs, strict=True)
            }
            packed = [Words(layout).pack(images[n]) for layout, n in zip(generated.inputs, names, strict=True)]
            expected = accelerator.golden(images, launch.mins, launch.extents)
            room = [Words(s).room(np.zeros_like(array)) for s, array in zip(generated.outputs, expected, strict=True)]
            jobs.append(Job(packed, room, launch.settings))
        with accelerator.simulator.instance() as core:
            run = core.run_many(jobs)
        for stream, array, packed in zip(generated.outputs, expected, jobs[-1].outputs, strict=True):
            actual = np.zeros_like(array)
            Words(stream).unpack(packed, actual)
            if Words(stream).in_place:
                actual = packed.reshape(actual.shape)
            np.testing.assert_array_equal(actual, array)
        cycles = math.prod(length.evaluate(launch.variables) for length in generated.extents.scan)
        assert np.diff([ran.first_output_cycle for ran in run.launches]).tolist() == [cycles] * 2
