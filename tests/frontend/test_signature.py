"""What an extern stage takes: Params, then facts about images, each by its names."""

import halide as hl

import fluorite
from fluorite.frontend.region.signature import ImageFact

x, y = hl.Var("x"), hl.Var("y")


def test_signature_of_a_stage_with_params_and_a_border():
    source, gain, bias = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Param(hl.UInt(8), "gain"), hl.Param(hl.Int(16), "b")
    edged, hw = hl.BoundaryConditions.repeat_edge(source), hl.Func("hw")
    value = hl.i16(edged[x - 1, y]) + hl.i16(gain) * hl.i16(edged[x + 1, y]) + bias
    hw[x, y] = hl.Tuple([value, hl.u8(value)])
    hw.set_estimate(x, 0, 32).set_estimate(y, 0, 16)
    hw.accelerate([source], x, hl.Var.outermost())
    (accelerator,) = fluorite.compile(hw).accelerators
    signature = accelerator.generated.signature
    assert (signature.symbol, signature.func, signature.inputs, signature.outputs) == (
        "fluorite_hw", "hw", ("source",), 2,
    )  # fmt: skip
    assert sorted(s.param for s in signature.params) == ["b", "gain"]
    assert {str(s.type) for s in signature.params} == {"int16", "uint8"}
    assert {s.image_fact for s in signature.metadata} >= {ImageFact("source", "extent", 0)}
    assert signature.scalars == signature.params + signature.metadata
    values = signature.values(range(len(signature.scalars)))
    for number, scalar in enumerate(signature.scalars):
        assert values[scalar.raw] == values[scalar.name] == number
        assert scalar.title == (scalar.raw if scalar.variable else scalar.param)
    names = accelerator.generated.variables
    assert names[:4] == ("min_x", "extent_x", "min_y", "extent_y")
    assert names[4:] == tuple(scalar.name for scalar in signature.scalars)
