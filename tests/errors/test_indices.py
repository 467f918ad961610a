"""What the compiler refuses of indices and borders: exact words, each by a small pipeline."""

import halide as hl
import numpy as np
import pytest

from fluorite.errors import UnsupportedError
from tests.errors.refusals import OUTERMOST, Refusals, accelerated, c, copied, image, whole, x, xi, xo, y, yi, yo

refused = Refusals()

_INDEX = (
    "a stream is read at a pure variable plus a constant, or at a border condition of that, in each of the 2 scanned "
    "dimensions; compute source at this index in software, or remove source from the inputs and stages"
)


@refused(UnsupportedError, f"hw: index (x * 2) in source((x * 2), y): {_INDEX}")
def downsampled():
    source = image()
    return accelerated(source[x * 2, y], [source])


@refused(UnsupportedError, f"hw: index (x / 2) in source((x / 2), y): {_INDEX}")
def upsampled():
    source = image()
    return accelerated(source[x / 2, y], [source])


@refused(UnsupportedError, f"hw: index (0 - x) in source((0 - x), y): {_INDEX}")
def mirrored():
    source = image()
    return accelerated(source[-x, y], [source])


@refused(UnsupportedError, f"hw: index x in source(x, x): {_INDEX}")
def diagonal():
    source = image()
    return accelerated(source[x, x], [source])


@refused(UnsupportedError, f"hw: index (x + y) in source((x + y), y): {_INDEX}")
def skewed():
    source = image()
    return accelerated(source[x + y, y], [source])


@refused(UnsupportedError, f"hw: index int32(source_im(x, y)) in source(int32(source_im(x, y)), y): {_INDEX}")
def index_by_data():
    source = image()
    return accelerated(source[hl.i32(source[x, y]), y], [source])


@refused(
    UnsupportedError,
    "hw: source(y, x) scans source in another way than elsewhere: a stream has one raster order, and an argument "
    "is a number in all reads or in none; make a copy of source for this read in software",
)
def transposed_and_not():
    source = image()
    return accelerated(source[x, y] + source[y, x], [source])


@refused(
    UnsupportedError,
    "hw: source(0, y) scans 1 dimensions: every stream of this accelerator scans the 2 dimensions of hw; give "
    "source the dimensions of hw",
)
def constant_index():
    source = image()
    return accelerated(source[0, y], [source])


@refused(
    UnsupportedError,
    "hw: source(x) scans 1 dimensions: every stream of this accelerator scans the 2 dimensions of hw; give source"
    " the dimensions of hw",
)
def input_of_fewer_dimensions():
    source = image(dimensions=1)
    return accelerated(source[x], [source])


@refused(
    UnsupportedError,
    "hw: table(int32(source_im(x, y))): index 0 ranges over 0..255, but table over 0..199; clamp the index",
)
def table_shorter_than_its_index():
    source = image()
    table = hl.Buffer(np.arange(200, dtype=np.uint8), "table")
    return accelerated(table[hl.i32(source[x, y])], [source])


@refused(
    UnsupportedError,
    "hw: border condition max(min(x - 1, 99), 0): hardware does borders of whole images, and x is tiled; "
    "accelerate at hl.Var.outermost() without tile(), or compute the padded Func in software as an input",
)
def border_of_a_tile():
    source = image()
    hw = hl.Func("hw")
    hw[x, y] = source[hl.clamp(x - 1, 0, 99), y]
    hw.compute_root().tile(x, y, xo, yo, xi, yi, 16, 16).accelerate([source], xi, xo)
    return copied(hw)


@refused(
    UnsupportedError,
    "repeat_edge: channel max(min(0, ((0 + source.extent.2) - 1)), 0) in source(max(min(likely(_0), (... - 1)), 0), "
    "max(min(likely(_1), (... - 1)), 0), max(min(likely(_2), (... - 1)), 0)): which channel is read must be known "
    "before there is an image; give the border condition's bounds along it as numbers",
)
def border_of_channels_that_the_image_says():
    source, hw = image(dimensions=3), hl.Func("hw")
    bounds = [(0, source.width()), (0, source.height()), (0, source.channels())]
    hw[x, y, c] = hl.BoundaryConditions.repeat_edge(source, bounds)[x - 1, y, c]
    whole(hw).bound(c, 0, 3).reorder(c, x, y).unroll(c).accelerate([source], x, OUTERMOST)
    return copied(hw, (x, y, c))


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)
