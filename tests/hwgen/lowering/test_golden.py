"""What small pipelines are lowered to, as texts that show every change."""

import halide as hl
import pytest

from tests.hwgen.lowering.shown import show_lowered

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


PIPELINES = [window]


@pytest.mark.parametrize("make", PIPELINES, ids=lambda make: make.__name__)
def test_lowered(make, golden):
    golden(f"lowering/{make.__name__}", show_lowered(make()))
