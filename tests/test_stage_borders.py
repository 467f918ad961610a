"""Line-buffered stages that read a border, with windows over them: the scan goes on when the image has ended.

A stage that others look at through a window is computed for more rows than the image has. Whether a row lies behind the
image is asked in those rows, too, so the row's number needs the range of all rows that are counted: heights at which
that passes a power of two, or at which every launch has the compiled height, are where a narrower one shows.
"""

import halide as hl
import numpy as np
import pytest

import fluorite

x, y, c = hl.vars("x y c")
OUTERMOST = hl.Var.outermost()
BC = hl.BoundaryConditions


def photo(*size):
    return np.random.default_rng(3).integers(0, 256, size[::-1], np.uint8)


def border(kind, source, bounds):
    if kind == "constant_exterior":
        return BC.constant_exterior(source, hl.u8(77), bounds)
    return getattr(BC, kind)(source, bounds)


@pytest.mark.parametrize(
    ("kind", "height", "reach", "lanes", "fixed"),
    [
        ("repeat_edge", 7, 1, 1, False),
        ("repeat_edge", 6, 1, 1, True),
        ("mirror_image", 15, 1, 2, False),
        ("mirror_interior", 14, 2, 1, False),
        ("constant_exterior", 30, 2, 1, True),
        ("constant_exterior", 31, 1, 3, False),
    ],
)
def test_last_rows_of_a_stage_behind_a_border(kind, height, reach, lanes, fixed):
    width = 9
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    pixels = photo(width, height)
    source.set(hl.Buffer(pixels))
    stage, hw, output = hl.Func("stage"), hl.Func("hw"), hl.Func("output")
    bounds = [(0, width), (0, height)] if fixed else [(0, source.width()), (0, source.height())]
    edge = border(kind, source, bounds)
    stage[x, y] = edge[x, y - 1] + 3 * edge[x - 1, y + 1]
    hw[x, y] = stage[x, y - reach] + 5 * stage[x + 1, y + reach]
    output[x, y] = hw[x, y]
    hw.compute_root()
    for variable, extent in ((x, width), (y, height)):
        (hw.bound if fixed else hw.set_estimate)(variable, 0, extent)
    if lanes > 1:
        hw.unroll(x, lanes)
    hw.accelerate([source], x, OUTERMOST)
    stage.linebuffer()
    design = fluorite.compile(output)
    for rows in (height,) if fixed else (height, height - 1, 6):
        part = np.ascontiguousarray(pixels[:rows])
        source.set(hl.Buffer(part))
        expected = np.array(output.realize([width, rows]))
        np.testing.assert_array_equal(np.array(design.realize([width, rows])), expected)


def test_last_planes_of_a_stage_behind_a_border():
    source = hl.ImageParam(hl.UInt(8), 3, "source")
    pixels = photo(5, 4, 7)
    source.set(hl.Buffer(pixels))
    stage, hw, output = hl.Func("stage"), hl.Func("hw"), hl.Func("output")
    edge = BC.repeat_edge(source)
    stage[x, y, c] = edge[x, y, c - 1] + 3 * edge[x, y, c + 1]
    hw[x, y, c] = stage[x, y, c - 1] + 5 * stage[x, y - 1, c + 1]
    output[x, y, c] = hw[x, y, c]
    hw.compute_root().set_estimate(x, 0, 5).set_estimate(y, 0, 4).set_estimate(c, 0, 7)
    hw.accelerate([source], x, OUTERMOST)
    stage.linebuffer()
    expected = np.array(output.realize([5, 4, 7]))
    np.testing.assert_array_equal(np.array(fluorite.compile(output).realize([5, 4, 7])), expected)


def test_rows_as_short_as_a_position_is_ahead():
    """A column that is counted 3 words ahead of the scan starts at 3: a row of 3 words never came to its end."""
    lanes = 4
    source = hl.ImageParam(hl.Int(8), 2, "source")
    edge = BC.constant_exterior(source, hl.i8(-41))
    near, far, hw, output = (hl.Func(name) for name in ("near", "far", "hw", "output"))
    difference = hl.saturating_sub(edge[x + 1, y - 1], edge[x, y - 1]) / hl.i8(10)
    near[x, y] = hl.i32(difference) ^ hl.i32(edge[x + 5, y + 2])
    far[x, y] = hl.u8(edge[x, y - 10])
    hw[x, y] = hl.u16(near[x - 2, y]) ^ hl.u16(near[x + 1, y + 3]) ^ hl.u16(far[x, y - 2]) ^ hl.u16(edge[x, y - 2])
    output[x, y] = hw[x, y]
    hw.compute_root().set_estimate(x, 0, 65).set_estimate(y, 0, 24)
    hw.unroll(x, lanes, hl.TailStrategy.GuardWithIf).accelerate([source], x, OUTERMOST)
    near.linebuffer()
    far.linebuffer()
    design = fluorite.compile(output)
    generated = design.accelerators[0].generated
    ahead = max(-lag[0] for lag in generated.coordinates.values())
    least = generated.extents.scan[0].evaluate({"extent_x": 1, "extent_y": 1})
    assert least > ahead > 0
    pixels = np.random.default_rng(1).integers(-128, 128, (24, 65), np.int8)
    for width in (1, 5, *range(lanes * (least - 2), lanes * least + 2), 65):
        source.set(hl.Buffer(part := np.ascontiguousarray(pixels[:, :width])))
        expected = np.array(output.realize([width, 24]))
        np.testing.assert_array_equal(np.array(design.realize([width, 24])), expected, str(part.shape))
