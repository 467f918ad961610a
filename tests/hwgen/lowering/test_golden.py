"""What small pipelines read and what they are lowered to, as texts that show every change."""

import halide as hl
import numpy as np
import pytest

from tests.hwgen.lowering.shown import show_lowered, show_survey

x, y, c = hl.vars("x y c")
BC = hl.BoundaryConditions
U8 = hl.UInt(8)


def source_of(dimensions=2, type_=U8, name="source"):
    return hl.ImageParam(type_, dimensions, name)


def accelerated(func, inputs, extents=(64, 48), lanes=1, fixed=False):
    """A pipeline whose output is an accelerated Func, of any size up to these extents."""
    output = hl.Func("output")
    variables = func.args()
    output[variables] = func[variables]
    func.compute_root()
    for variable, extent in zip(variables, extents, strict=False):
        (func.bound if fixed else func.set_estimate)(variable, 0, extent)
    if lanes > 1:
        func.unroll(x, lanes)
    func.accelerate(inputs, x, hl.Var.outermost())
    return output


def window():
    """Differences of neighbours, whose overflow wraps."""
    source, hw = source_of(), hl.Func("hw")
    hw[x, y] = source[x - 1, y] + source[x + 1, y] - source[x, y + 2]
    return accelerated(hw, [source])


def lanes():
    """Two pixels a cycle: taps of one distance are of two lanes."""
    source, hw = source_of(), hl.Func("hw")
    hw[x, y] = hl.max(source[x - 1, y], source[x + 1, y])
    return accelerated(hw, [source], lanes=2)


def repeated_edge():
    """A border whose pixels come one after another, each from the one before."""
    source, hw = source_of(), hl.Func("hw")
    bordered = BC.repeat_edge(source)
    hw[x, y] = hl.u16(bordered[x - 2, y]) + bordered[x, y + 1]
    return accelerated(hw, [source])


def mirrored():
    """A border that has a pixel of its own for each beyond the edge; images smaller than that have another."""
    source, hw = source_of(), hl.Func("hw")
    bordered = BC.mirror_image(source)
    hw[x, y] = hl.u16(bordered[x - 2, y]) + bordered[x + 2, y]
    return accelerated(hw, [source])


def constant_exterior():
    """A border that is a number: positions are data."""
    source, hw = source_of(), hl.Func("hw")
    bordered = BC.constant_exterior(source, 7)
    hw[x, y] = bordered[x - 1, y] + bordered[x + 1, y]
    return accelerated(hw, [source])


def channels():
    """Three channels a pixel, of which each result needs one, and one needs all."""
    source, grey, hw = source_of(3), hl.Func("grey"), hl.Func("hw")
    grey[x, y] = hl.u8((hl.u16(source[x, y, 0]) + 2 * hl.u16(source[x, y, 1]) + source[x, y, 2]) // 4)
    hw[x, y, c] = grey.linebuffer()[x, y - 1] + source[x, y, c]
    hw.bound(c, 0, 3).reorder(c, x, y).unroll(c)
    return accelerated(hw, [source])


def tuples():
    """A stage of two values and an accelerated Func of two values."""
    source, ends, hw = source_of(), hl.Func("ends"), hl.Func("hw")
    ends[x, y] = (hl.min(source[x, y], source[x + 1, y]), hl.i16(source[x, y]) - 1)
    ends.linebuffer()
    hw[x, y] = (ends[x, y][0], ends[x, y][1] + hl.i16(ends[x, y - 1][0]))
    return accelerated(hw, [source])


def params():
    """A Param as data."""
    source, gain, hw = source_of(), hl.Param(U8, "gain", 3), hl.Func("hw")
    hw[x, y] = hl.u16(source[x, y]) * gain
    return accelerated(hw, [source])


def tables():
    """A curve in floating point, and a Buffer."""
    source, curve, hw, v = source_of(), hl.Func("curve"), hl.Func("hw"), hl.Var("v")
    curve[v] = hl.u8(hl.sqrt(hl.f32(v)))
    weights = hl.Buffer(np.arange(64, dtype=np.uint8), "weights")
    hw[x, y] = curve[source[x, y]] + weights[x]
    return accelerated(hw, [source], fixed=True)


def places():
    """Where in a row of three the least value is: values of an update before it."""
    source, hw, r = source_of(), hl.Func("hw"), hl.RDom([(-1, 3)], "r")
    hw[x, y] = tuple(hl.argmin(r, source[x + r.x, y]))
    return accelerated(hw, [source])


def edges():
    """Stages behind a repeated edge: each is constant beyond an edge of its own, but for one that knows its row."""
    before = BC.repeat_edge(source := source_of())
    for number in range(4):
        stage = hl.Func(f"stage{number}")
        stage[x, y] = before[x - 1, y - 1] ^ before[x + 1, y + 2] ^ (hl.u8(y) if number == 1 else hl.u8(0))
        before = stage if number == 3 else stage.linebuffer()
    return accelerated(before, [source])


def meeting():
    """A stage that looks at what is inlined in several ways, and at an image again that is stages behind it."""
    source, row, both = source_of(), hl.Func("row"), hl.Func("both")
    blur, deep = hl.Func("blur"), hl.Func("deep")
    blur[x, y] = hl.u8((hl.u16(source[x - 1, y]) + source[x + 1, y]) // 2)
    row[x, y] = blur[x, y] - blur[x, y - 1]
    deep[x, y] = hl.max(row.linebuffer()[x, y], row[x - 2, y])
    both[x, y] = deep.linebuffer()[x, y + 1] + blur[x, y]
    return accelerated(both, [source])


def calls():
    """Inlined Funcs that are called at data, at a border and at one another; a Func wrapped for one reader."""
    source, scaled, mixed, hw = source_of(), hl.Func("scaled"), hl.Func("mixed"), hl.Func("hw")
    v = hl.Var("v")
    scaled[v] = hl.u8(v // 2)
    clamped = hl.Func("clamped")
    clamped[x, y] = source[hl.clamp(x, 0, 63), y]
    mixed[x, y] = scaled[hl.i32(clamped[x - 1, y])] + clamped[x, y]
    mixed.in_(hw).linebuffer()
    hw[x, y] = mixed[x, y] ^ mixed[x, y - 1]
    return accelerated(hw, [source], fixed=True)


PIPELINES = [
    window, lanes, repeated_edge, mirrored, constant_exterior, channels, tuples, params, tables, places, edges, meeting,
    calls,
]  # fmt: skip


@pytest.mark.parametrize("make", PIPELINES, ids=lambda make: make.__name__)
def test_lowered(make, golden):
    pipeline = make()
    golden(f"lowering/{make.__name__}", f"{show_survey(pipeline)}\n{show_lowered(pipeline)}")
