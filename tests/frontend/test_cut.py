"""The two cuts, run by Halide's JIT against the uncut pipeline."""

import re

import halide as hl
import numpy as np
import pytest

from fluorite.errors import ScheduleError, UnsupportedError, UsageError
from fluorite.frontend import annotations
from fluorite.frontend.algorithm import ir
from fluorite.frontend.cut import golden, software
from fluorite.frontend.halide_io import image_params, load, to_halide
from tests.frontend.extern_stage import ExternStage, halo, stage
from tests.frontend.pipelines import photo, realize

annotations.install()

WIDTH, HEIGHT = 96, 64


def check(stage, loaded, out, sizes):
    """The software part with the extern stage gives what the uncut pipeline gives."""
    expected = realize(hl.Pipeline(out), sizes)
    cut = to_halide(stage.root, loaded.parameters)
    try:
        got = realize(cut, sizes)
    finally:
        assert stage.errors == []
    for a, b in zip(expected, got, strict=True):
        np.testing.assert_array_equal(a, b)


def blur_pipeline(inp):
    """``padded`` -> [``bx`` -> ``hw``] -> ``out``."""
    x, y = hl.vars("x y")
    padded, bx, hw, out = hl.funcs("padded bx hw out")
    padded[x, y] = hl.BoundaryConditions.repeat_edge(inp)[x, y]
    bx[x, y] = hl.u16(padded[x - 1, y]) + padded[x, y] + padded[x + 1, y]
    hw[x, y] = hl.u8((bx[x, y - 1] + bx[x, y] + bx[x, y + 1]) // 9)
    out[x, y] = hw[x, y] ^ inp[x, y]
    return padded, bx, hw, out


@pytest.fixture
def inp():
    param = hl.ImageParam(hl.UInt(8), 2, "inp")
    array = photo(WIDTH, HEIGHT)
    param.set(hl.Buffer(array))
    yield param
    del array


x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")


def whole_image(padded, bx, hw, out):
    padded.compute_root()
    hw.compute_root()
    return 1


def tiles(padded, bx, hw, out):
    out.tile(x, y, xo, yo, xi, yi, 32, 16)
    padded.compute_at(out, xo)
    hw.compute_at(out, xo).tile(x, y, xo, yo, xi, yi, 32, 16).unroll(xi, 2)
    return 12


def parallel_vectorized_tiles(padded, bx, hw, out):
    out.tile(x, y, xo, yo, xi, yi, 32, 16).vectorize(xi, 8).parallel(yo)
    padded.compute_at(out, xo).vectorize(x, 8)
    hw.compute_at(out, xo).tile(x, y, xo, yo, xi, yi, 32, 16)
    return 12


def inlined(padded, bx, hw, out):
    return 1


def stages_inside_are_scheduled(padded, bx, hw, out):
    out.tile(x, y, xo, yo, xi, yi, 48, 32)
    hw.compute_at(out, xo)
    bx.store_at(hw, y).compute_at(hw, x)
    padded.compute_at(bx, x)  # a loop that will be gone: moves out to the launch
    return 4


@pytest.mark.parametrize(
    "schedule", [whole_image, tiles, parallel_vectorized_tiles, inlined, stages_inside_are_scheduled]
)
def test_extern_stage_of_a_func_input(schedule, inp, tmp_path):
    padded, bx, hw, out = blur_pipeline(inp)
    launches = schedule(padded, bx, hw, out)
    bx.linebuffer()
    hw.accelerate([padded], x, hl.Var.outermost())
    loaded = load(out)
    stage = ExternStage(loaded, hw.name(), [padded.name()], computed=[bx.name()], region=halo(1), folder=tmp_path)
    if schedule is stages_inside_are_scheduled:
        # Halide itself cannot compile `padded` inside `bx` inside `hw` here, so compare with another schedule.
        padded.compute_root()
        bx.compute_root().store_root()
        hw.compute_root()
    check(stage, loaded, out, [WIDTH, HEIGHT])
    assert len(stage.launches) == launches
    assert stage.queries > 0


def test_last_tiles_are_shifted_inwards(inp, tmp_path):
    padded, bx, hw, out = blur_pipeline(inp)
    tiles(padded, bx, hw, out)
    loaded = load(out)
    stage = ExternStage(loaded, hw.name(), [padded.name()], region=halo(1), folder=tmp_path)
    check(stage, loaded, out, [75, 41])
    assert {tuple(extent for _, extent in launch) for launch in stage.launches} == {(32, 16)}


def test_extern_stage_of_an_image_param_and_scalars(inp, tmp_path):
    hw, out = hl.funcs("hw out")
    gain, bias = hl.Param(hl.Float(32), "gain", 1.5), hl.Param(hl.UInt(8), "bias", 3)
    hw[x, y] = hl.i32(hl.f32(inp[x, y]) * gain) + bias
    out[x, y] = hw[x, y] * 2 + hl.i32(gain)
    out.vectorize(x, 8)
    hw.compute_root().accelerate([inp], x, "__outermost")
    loaded = load(out)
    stage = ExternStage(loaded, hw.name(), ["inp"], [gain.name(), bias.name()], region=halo(0), folder=tmp_path)
    check(stage, loaded, out, [WIDTH, HEIGHT])
    gain.set(-0.25)  # the user's Param stays linked to the software part
    check(stage, loaded, out, [WIDTH, HEIGHT])
    assert len(stage.launches) == 2


def test_size_of_an_image_as_a_scalar(inp, tmp_path):
    hw, out = hl.funcs("hw out")
    hw[x, y] = hl.BoundaryConditions.repeat_edge(inp)[x - 1, y]
    out[x, y] = hw[x, y] + 1
    hw.compute_root()
    loaded = load(out)
    width = ir.Variable(f"{inp.name()}.extent.0", ir.Type(ir.TypeCode.INT, 32), param=inp.name())
    pipeline = to_halide(software(loaded.root, stage(hw.name(), [inp.name()], [width], "the_stage")), loaded.parameters)
    listing = tmp_path / "out.stmt"
    pipeline.compile_to_lowered_stmt(str(listing), pipeline.infer_arguments(), hl.StmtOutputFormat.Text)
    assert f"the_stage((struct halide_buffer_t *)inp.buffer, inp.extent.0, {hw.name()}.buffer)" in listing.read_text()


def test_tuple_output_and_two_inputs(inp, tmp_path):
    left, right, hw, out = hl.funcs("left right hw out")
    left[x, y] = inp[x, y] + hl.u8(1)
    right[x, y] = hl.i16(inp[x, y]) * hl.i16(-3)
    hw[x, y] = hl.Tuple([hl.i32(left[x, y]) - right[x, y], left[x, y]])
    out[x, y] = hw[x, y][0] + hw[x, y][1]
    left.compute_root()
    hw.compute_root()
    loaded = load(out)
    stage = ExternStage(loaded, hw.name(), [left.name(), right.name()], region=halo(0, 0), folder=tmp_path)
    check(stage, loaded, out, [WIDTH, HEIGHT])


def test_updates_and_reductions_in_the_accelerator(inp, tmp_path):
    conv, hw, out = hl.funcs("conv hw out")
    r = hl.RDom([(-1, 3), (-1, 3)], "r")
    r.where(r.x + r.y < 2)
    rxo, rxi = hl.RVar("rxo"), hl.RVar("rxi")
    padded = hl.BoundaryConditions.mirror_interior(inp)
    conv[x, y] = hl.i32(1)
    conv[x, y] += hl.i32(padded[x + r.x, y + r.y]) * (r.x + 2)
    hw[x, y] = conv[x, y]
    hw[x, y] += conv[x, y] % 5
    out[x, y] = hw[x, y] - 1
    conv.compute_at(hw, x).update().split(r.x, rxo, rxi, 2).unroll(r.y)
    hw.compute_root().update(0).vectorize(x, 4)
    loaded = load(out)
    stage = ExternStage(loaded, hw.name(), [padded.name()], region=halo(1), folder=tmp_path)
    check(stage, loaded, out, [WIDTH, HEIGHT])


def test_accelerated_output(inp, tmp_path):
    padded, _, hw, _ = blur_pipeline(inp)
    hw.tile(x, y, xo, yo, xi, yi, 32, 16).vectorize(xi, 8)
    padded.compute_at(hw, xo)  # moves out: the loops of hw are hardware now
    loaded = load(hw)
    stage = ExternStage(loaded, hw.name(), [padded.name()], region=halo(1), folder=tmp_path)
    check(stage, loaded, hw, [WIDTH, HEIGHT])
    assert len(stage.launches) == 1


def test_two_accelerators(inp, tmp_path):
    padded, _, first, middle = blur_pipeline(inp)
    second, out = hl.funcs("second out")
    second[x, y] = hl.i16(middle[x, y]) - middle[x + 1, y]
    out[x, y] = second[x, y] * hl.i16(2)
    out.tile(x, y, xo, yo, xi, yi, 16, 16)
    padded.compute_root()
    first.compute_root().accelerate([padded], x, hl.Var.outermost())
    middle.compute_at(out, xo)
    second.compute_at(out, xo).accelerate([middle], x, y)
    loaded = load(out)

    def wider(dims):
        (left, width), rows = (dims[0].min, dims[0].extent), (dims[1].min, dims[1].extent)
        return [[(left, width + 1), rows]]

    one = ExternStage(loaded, first.name(), [padded.name()], region=halo(1), folder=tmp_path)
    two = ExternStage(loaded, second.name(), [middle.name()], region=wider, folder=tmp_path, root=one.root)
    check(two, loaded, out, [64, 32])
    assert one.errors == []
    assert (len(one.launches), len(two.launches)) == (1, 8)


@pytest.mark.parametrize("how", ["in_", "clone_in", "global"])
def test_wrapped_input(how, inp, tmp_path):
    f, hw, out = hl.funcs("f hw out")
    f[x, y] = inp[x, y] + hl.u8(9)
    hw[x, y] = f[x, y] * hl.u8(3)
    out[x, y] = hw[x, y] - f[x, y]
    f.compute_root()
    hw.compute_root()
    wrapper = f.in_() if how == "global" else getattr(f, how)(hw)
    wrapper.compute_root()
    hw.accelerate([wrapper], x, hl.Var.outermost())
    loaded = load(out)
    (name,) = annotations.annotations_of(loaded.pipeline.funcs[hw.name()]).accelerate.inputs
    assert name == wrapper.name()
    stage = ExternStage(loaded, hw.name(), [name], region=halo(0), folder=tmp_path)
    check(stage, loaded, out, [WIDTH, HEIGHT])


def test_the_user_s_pipeline_is_left_alone(inp):
    padded, bx, hw, out = blur_pipeline(inp)
    hw.compute_root().accelerate([padded], x, y)
    before = hl.serialize_pipeline(hl.Pipeline(out))
    loaded = load(out)
    software(loaded.root, stage(hw.name(), [padded.name()], [], "stage"))
    golden(loaded.root, hw.name(), [padded.name()], [bx.name()])
    assert hl.serialize_pipeline(hl.Pipeline(out)) == before


def test_software_part_holds_only_software(inp):
    padded, bx, hw, out = blur_pipeline(inp)
    bx.linebuffer().add_trace_tag("mine")
    hw.compute_root().accelerate([padded], x, y).add_trace_tag("mine")
    cut = software(load(out).root, stage(hw.name(), [padded.name()], [], "stage"))
    tags = {func.name: func.trace_tags for func in cut.funcs}
    assert bx.name() not in tags
    assert tags[hw.name()] == ("mine",)
    assert tags[out.name()] == ()


def test_software_part_can_be_scheduled_further_and_compiled_ahead(inp, tmp_path):
    padded, _, hw, out = blur_pipeline(inp)
    hw.compute_root()
    loaded = load(out)
    pipeline = to_halide(software(loaded.root, stage(hw.name(), [padded.name()], [], "stage")), loaded.parameters)
    funcs = {f.name(): f for f in (pipeline.get_func(i) for i in range(len(loaded.root.funcs) - 1))}
    funcs[out.name()].parallel(y)
    target = hl.Target("arm-64-linux-no_runtime")
    pipeline.compile_to_static_library(str(tmp_path / "soft"), pipeline.infer_arguments(), "soft", target)
    assert (tmp_path / "soft.a").stat().st_size > 1000


def run_golden(loaded, func, inputs, computed, data, sizes):
    """Realize a golden model on one input array whose pixel (0, 0) is at ``data[16, 16]``."""
    cut = golden(loaded.root, func, inputs, computed)
    images = image_params(cut, inputs)
    buffer = hl.Buffer(data)
    buffer.set_min([-16, -16])
    for image in images.values():
        image.set(buffer)
    return realize(to_halide(cut, {name: image.parameter() for name, image in images.items()}), sizes)


def test_a_chain_of_stencils_does_not_explode(inp):
    stages = [hl.Func("start")]
    stages[0][x, y] = inp[x, y]
    for _ in range(15):
        stage, last = hl.Func("stage"), stages[-1]
        stage[x, y] = last[x - 1, y] + last[x, y] * hl.u8(3) + last[x + 1, y] + last[x, y - 1] - last[x, y + 1]
        stages.append(stage)
    for stage in stages:
        stage.compute_root()
    names = [stage.name() for stage in stages]
    data = photo(64, 64)
    (got,) = run_golden(load(stages[-1]), names[-1], names[:1], names[1:], data, [8, 8])
    buffer = hl.Buffer(data)
    buffer.set_min([-16, -16])
    inp.set(buffer)
    np.testing.assert_array_equal(got, realize(hl.Pipeline(stages[-1]), [8, 8])[0])


def test_golden_model_is_free_of_the_schedule(inp):
    f, hw, out = hl.funcs("f hw out")
    r = hl.RDom([(0, 4)], "r")
    f[x, y] = inp[x, y]
    hw[x, y] = hl.u16(0)
    hw[x, y] += hl.u16(f[x + r, y])
    out[x, y] = hw[x, y]
    hw.compute_root().bound(x, 0, 32).reorder_storage(y, x).specialize(inp.width() == 7).vectorize(x, 8)
    hw.update().reorder(x, r.x).vectorize(x, 8)
    cut = golden(load(out).root, hw.name(), [f.name()], [])
    (func,) = cut.funcs
    assert func.func_schedule.bounds == ()
    assert [d.var for d in func.func_schedule.storage_dims] == ["x", "y"]
    assert func.init_def.specializations == ()
    (update,) = func.updates
    assert [d.var for d in update.stage_schedule.dims] == [r.x.name(), "x", "y", "__outermost"]
    assert {d.for_type for d in update.stage_schedule.dims} == {"Serial"}


def test_golden_model_of_an_image_named_with_a_dollar(inp):
    first, second, hw = hl.Func("same"), hl.Func("same"), hl.Func("hw")
    first[x, y] = inp[x, y] + hl.u8(1)
    second[x, y] = first[x, y] + hl.u8(1)
    hw[x, y] = second[x, y] + first[x, y]
    assert "$" in second.name()
    second.compute_root()
    loaded = load(hw)
    data = photo(40, 40)
    (got,) = run_golden(loaded, hw.name(), [first.name(), second.name()], [], data, [8, 8])
    np.testing.assert_array_equal(got, data[16:24, 16:24] * np.uint8(2))


def test_tuple_input_is_refused(inp):
    pair, hw, out = hl.funcs("pair hw out")
    pair[x, y] = hl.Tuple([inp[x, y], hl.i16(inp[x, y])])
    hw[x, y] = pair[x, y][0] + pair[x, y][1]
    out[x, y] = hw[x, y]
    root = load(out).root
    text = (
        f"{hw.name()}: accelerate([{pair.name()}]): the input {pair.name()} has a Tuple of 2 values;"
        " name one Func per value as an input"
    )
    with pytest.raises(UnsupportedError, match=f"^{re.escape(text)}$"):
        software(root, stage(hw.name(), [pair.name()], [], "stage"))
    with pytest.raises(UnsupportedError, match=f"^{re.escape(text)}$"):
        golden(root, hw.name(), [pair.name()], [])


def test_compute_with_is_refused(inp):
    padded, _, hw, out = blur_pipeline(inp)
    other, both = hl.funcs("other both")
    other[x, y] = padded[x, y]
    both[x, y] = out[x, y] + other[x, y]
    hw.compute_root()
    other.compute_root().compute_with(hw, y)
    text = (
        f"{hw.name()}: compute_with(): the loops of an accelerated Func are hardware and cannot be shared"
        " with another Func; remove compute_with()"
    )
    with pytest.raises(ScheduleError, match=f"^{re.escape(text)}$"):
        software(load(both).root, stage(hw.name(), [padded.name()], [], "stage"))


def test_extern_func_is_refused(inp):
    f, hw, out = hl.funcs("f hw out")
    f[x, y] = inp[x, y]
    f.compute_root()
    hw.define_extern("theirs", [hl.ExternFuncArgument(f)], hl.UInt(8), [x, y])
    hw.compute_root()
    out[x, y] = hw[x, y]
    text = (
        f'{hw.name()}: define_extern("theirs"): an extern stage has no algorithm that could become hardware;'
        " accelerate a Func that is defined in Halide"
    )
    with pytest.raises(UnsupportedError, match=f"^{re.escape(text)}$"):
        software(load(out).root, stage(hw.name(), [f.name()], [], "stage"))


def test_unknown_names_are_refused(inp):
    padded, _, hw, out = blur_pipeline(inp)
    root = load(out).root
    with pytest.raises(UsageError, match=r"^the pipeline has no Func named nothing$"):
        golden(root, "nothing", [], [])
    with pytest.raises(UsageError, match=r"^the pipeline has no Func named nothing$"):
        software(root, stage(hw.name(), ["nothing"], [], "stage"))
    with pytest.raises(UsageError, match=r"^the pipeline has no Param named inp$"):
        software(root, stage(hw.name(), [padded.name()], ["inp"], "stage"))


def test_missing_parameter_is_reported(inp):
    _, _, _, out = blur_pipeline(inp)
    with pytest.raises(UsageError, match=r"^the pipeline refers to the parameter inp, which was not given$"):
        to_halide(load(out).root, {})
