"""A PYNQ class whose input is at another rate than its output, over hardware without RTL."""

import importlib
import re
from types import SimpleNamespace

import numpy as np
import pytest

from fluorite.boards.placement import place
from fluorite.boards.read import load_board
from fluorite.glue.pynq.accelerator import AcceleratorClass
from fluorite.glue.pynq.driver_region import Box, Stream
from fluorite.glue.pynq.write import module_source

BYTES = 1 << 20


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    """The driver's ``halved``, of which a launch takes 40 x 30 pixels."""
    names = ("designs", "fake_device", "pynq.fake_pynq")
    designs, fake, pynq = (importlib.import_module(f"tests.glue.{name}") for name in names)
    folder, example, board = tmp_path_factory.mktemp("halved"), designs.example("halved"), load_board("pynq-z2")
    arena = folder / "arena"
    arena.write_bytes(bytes(BYTES))
    device = fake.FakeDevice(example.map, example.words, folder / "halved", arena, BYTES)
    device.eager = True
    (placed,) = place([example.map], board).accelerators
    source = module_source("halved", "halved", board, [AcceleratorClass(example.generated, placed)])
    (folder / "halved.py").write_text(source)
    made = pynq.Board(fake.FakeSystem(device))
    return SimpleNamespace(accelerator=made.open(folder / "halved.py", "halved_axi")[1], device=device, board=made)


def columns(least, extent):
    """First column of the input that is read, and how many are."""
    first, last = (least - 1) // 2, (least + extent) // 2
    return first, last - first + 1


def expected(image, least, extent):
    first, _ = columns(least, extent)
    at = np.arange(least, least + extent)
    return image[:, (at - 1) // 2 - first] + image[:, (at + 1) // 2 - first]


def random_image(shape):
    return np.random.default_rng(5).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("least", [0, 1, -1, -6, -7, 12])
@pytest.mark.parametrize(("rows", "extent"), [(1, 1), (5, 2), (30, 40), (31, 41), (17, 83)])
def test_regions(halved, least, rows, extent):
    """Of all parities and signs, cut into launches, at the very size of the output or the greatest of the input."""
    accelerator, origin = halved.accelerator, {"x": least, "y": -3}
    halved.accelerator.free()
    halved.board.next = 0
    image = random_image((rows, columns(least, extent)[1]))
    assert accelerator.input_shapes(rows, extent, origin=origin) == (image.shape,)
    out = np.zeros((rows, extent), np.uint8)
    assert accelerator(image, origin=origin, out=out) is out
    np.testing.assert_array_equal(out, expected(image, least, extent))
    most = extent + (columns(least, extent + 1)[1] == image.shape[1])
    np.testing.assert_array_equal(accelerator(image, origin=origin), expected(image, least, most))


def test_buffers(halved):
    """An input and an output where they lie; what software makes words of is copied."""
    accelerator = halved.accelerator
    halved.accelerator.free()
    halved.board.next = 0
    (source,) = accelerator.allocate_inputs(20, 31, origin={"x": 3})
    result = accelerator.allocate_output(20, 31)
    source[...] = random_image(source.shape)
    assert source.shape == (20, 17)
    assert accelerator(source, out=result, origin={"x": 3}) is result
    np.testing.assert_array_equal(result, expected(source, 3, 31))


@pytest.mark.parametrize("least", [0, 1, -1, -6])
def test_pad(halved, least):
    """A plain image has half the output's columns; the one read beyond it on either side is made."""
    halved.accelerator.free()
    halved.board.next = 0
    image = random_image((9, 11))
    result = halved.accelerator(image, pad="edge", origin={"x": least})
    assert result.shape == (9, 22)
    first, extent = columns(least, 22)
    at = np.clip(np.arange(first, first + extent) - least // 2, 0, 10)
    np.testing.assert_array_equal(result, expected(image[:, at], least, 22))
    out = np.zeros((9, 21), np.uint8)
    np.testing.assert_array_equal(halved.accelerator(image, pad="edge", origin={"x": least}, out=out), result[:, :21])


REFUSED = [
    (1, None, "halved: source must have more than 1 pixels along x, not 1"),
    (6, 10, "halved: out must have shape (9, 9), not (9, 10)"),
    (6, 7, "halved: out must have shape (9, 8), not (9, 7)"),
]


@pytest.mark.parametrize(("width", "wanted", "text"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals(halved, width, wanted, text):
    out = None if wanted is None else np.zeros((9, wanted), np.uint8)
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        halved.accelerator(np.zeros((9, width), np.uint8), out=out)


def test_usage(halved):
    text = type(halved.accelerator).__doc__
    assert (
        "    Input source[y, x] of uint8; of it is read\n        x from (min_x - 1) // 2 to (min_x + extent_x) // 2\n"
    ) in text


def image_at(first, last, rate):
    """An image of one loop: what a region needs of it, from its first and its last coordinate."""

    def needs(mins, extents):
        return ((first(mins[0]), last(mins[0] + extents[0] - 1)),)

    return Stream("image", False, "uint8", needs, None, (rate,), (), (1,), True, (), "", (), ())


HALF = image_at(lambda x: x // 2, lambda x: x // 2, (1, 2))
TWICE = image_at(lambda x: 2 * x - 1, lambda x: 2 * x + 1, (2, 1))
THREE_HALVES = image_at(
    lambda x: min(3 * x // 2, (3 * x - 1) // 2), lambda x: max(3 * x // 2, (3 * x + 1) // 2), (3, 2)
)
FIXED = image_at(lambda x: 3, lambda x: 9, (0, 1))


@pytest.mark.parametrize("stream", [HALF, TWICE, THREE_HALVES], ids=["half", "twice", "three halves"])
@pytest.mark.parametrize("least", range(-4, 4))
def test_extents_of_the_output(stream, least):
    """Against trying them all."""
    for placed in (False, True):
        taken = [(stream.place if placed else stream.span)(0, Box((least,), (n,)))[1] for n in range(40)]
        for pixels in range(1, 12):
            most = max(n for n in range(40) if n == 0 or taken[n] <= pixels)
            fitting = [n for n in range(1, 40) if taken[n] == taken[most] and n <= most] or [0]
            assert stream.extents(0, Box((least,), (1,)), pixels, placed) == (fitting[0], most)


def test_an_image_of_which_every_region_needs_the_same():
    region = Box((5,), (1,))
    assert FIXED.span(0, region) == (3, 7)
    assert FIXED.extents(0, region, 7, False) == (1, (1 << 31) - 1)
    assert FIXED.extents(0, region, 6, False) == (0, 0)


def test_nothing_is_needed_for_nothing():
    assert TWICE.span(0, Box((3,), (0,))) == (5, 1)
    assert image_at(lambda x: 2 * x, lambda x: 2 * x, (2, 1)).span(0, Box((3,), (0,))) == (6, 0)


def test_launches_begin_where_their_part_of_the_image_does():
    whole = Box((1,), (80,))
    assert HALF.starts(Box((41,), (40,)), whole) == [20]
    assert TWICE.starts(Box((41,), (40,)), whole) == [80]
    assert THREE_HALVES.starts(Box((41,), (40,)), whole) == [60]


@pytest.mark.parametrize(
    ("pixels", "extent"),
    [
        ((7, 4), 7),
        ((8, 4), 8),
        ((9, 4), "half is for 8 pixels of output along x, whole for 9"),
        ((6, 4), "half is for 8 pixels of output along x, whole for 6"),
    ],
)
def test_images_at_several_rates(halved, monkeypatch, pixels, extent):
    whole = image_at(lambda x: x, lambda x: x, (1, 1))._replace(name="whole")
    half = HALF._replace(name="half")
    monkeypatch.setattr(halved.accelerator, "STREAMS", (whole, half), raising=False)
    monkeypatch.setattr(halved.accelerator, "LOOPS", halved.accelerator.LOOPS[:1], raising=False)
    arrays = [np.zeros(n, np.uint8) for n in pixels]
    if isinstance(extent, int):
        assert halved.accelerator._extents(arrays, (0,), None, False) == (extent,)
    else:
        with pytest.raises(ValueError, match=f"^halved: {extent}$"):
            halved.accelerator._extents(arrays, (0,), None, False)
