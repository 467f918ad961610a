"""Constants are what Halide computes, whatever they are made of."""

import itertools
import math

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import UsageError
from fluorite.frontend import constants
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.structure import Structure
from fluorite.frontend.constants import Constants, evaluate_expr, evaluate_exprs, evaluate_func
from fluorite.frontend.halide_io import load
from fluorite.hwgen.lowering.tables import buffer_value

x, y = hl.vars("x y")


def output(*values):
    f = hl.Func("f")
    f[x, y] = hl.Tuple(list(values)) if len(values) > 1 else values[0]
    return f


def test_region_of_a_func():
    kernel = output(hl.u8(hl.exp(-(x * x + y * y) / hl.f32(8)) * 255))
    loaded = load(kernel)
    (got,) = evaluate_func(loaded.root, {}, kernel.name(), [(-2, 5), (-1, 3)])
    expected = [[int(math.exp(-(i * i + j * j) / 8) * 255) for i in range(-2, 3)] for j in range(-1, 2)]
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, expected)


def test_tuples_and_types():
    f = output(x * 3 - y, hl.f32(x) / 2, x > 0, hl.i64(x) << 40)
    a, b, c, d = evaluate_func(load(f).root, {}, f.name(), [(-1, 3), (7, 1)])
    np.testing.assert_array_equal(a, np.array([[-10, -7, -4]], np.int32))
    np.testing.assert_array_equal(b, np.array([[-0.5, 0, 0.5]], np.float32))
    np.testing.assert_array_equal(c, [[False, False, True]])
    np.testing.assert_array_equal(d, [[-(1 << 40), 0, 1 << 40]])


def test_reductions_and_constant_buffers():
    values = np.array([3, 1, 4, 1, 5], np.int16)
    source = hl.Buffer(values)
    r = hl.RDom([(0, 5)], "r")
    total, f = hl.Func("total"), hl.Func("f")
    total[()] = 0
    total[()] += hl.i32(source[r])
    f[x] = hl.f32(source[x]) / total[()]
    (got,) = evaluate_func(load(f).root, {}, f.name(), [(0, 5)])
    np.testing.assert_array_equal(got, values.astype(np.float32) / np.float32(14))


def test_points_of_a_func_whose_update_goes_over_all_of_it():
    table, r = hl.Func("table"), hl.RDom([(1, 9)], "r")
    table[x] = (hl.u8(3), hl.i16(x))
    table[r.x] = (table[r.x - 1][0] * 2, table[r.x][1] + 1)
    constants = Constants(load(table).root)
    assert [constants.of_func(table.name(), 0, [n]) for n in (-2, 0, 3)] == [3, 3, 24]
    np.testing.assert_array_equal(constants.region(table.name(), [(-1, 4)])[1], [-1, 0, 2, 3])


def test_a_chain_of_computed_stages():
    stages = [hl.Func("stage")]
    stages[0][x] = x
    for _ in range(15):
        f = hl.Func("stage")
        f[x] = (stages[-1][x - 1] + stages[-1][x] * 2 + stages[-1][x + 1]) // 4
        f.compute_root()
        stages.append(f)
    (got,) = evaluate_func(load(stages[-1]).root, {}, stages[-1].name(), [(5, 4)])
    np.testing.assert_array_equal(got, [5, 6, 7, 8])


def test_params_where_they_are_given():
    gain = hl.Param(hl.Int(32), "gain", 5)
    f = output(gain * x + y)
    loaded = load(f)
    (got,) = evaluate_func(loaded.root, loaded.parameters, f.name(), [(0, 3), (0, 1)])
    np.testing.assert_array_equal(got, [[0, 5, 10]])
    with pytest.raises(UsageError, match=rf"^{f.name().replace('$', '.')} is not constant: it depends on gain"):
        evaluate_func(loaded.root, {}, f.name(), [(0, 3), (0, 1)])


def test_wrong_rank():
    f = output(x + y)
    with pytest.raises(UsageError, match=r"has 2 dimensions, the region has 1$"):
        evaluate_func(load(f).root, {}, f.name(), [(0, 3)])


EXPRESSIONS = {
    "exp": (lambda: hl.u8(hl.exp(hl.f32(-2)) * 255), 34),
    "wraps": (lambda: hl.u8(200) + hl.u8(100), 44),
    "euclid": (lambda: hl.i32(-7) // hl.i32(2) * 10 + hl.i32(-7) % hl.i32(2), -39),
    "bool": (lambda: hl.f32(2) > hl.f32(1), 1),
    "float": (lambda: hl.f32(1) / hl.f32(3), float(np.float32(1) / np.float32(3))),
    "double": (lambda: hl.f64(1) / hl.f64(3), 1 / 3),
    "u64": (lambda: hl.u64(2**64 - 1), 2**64 - 1),
    "intrinsic": (lambda: hl.rounding_shift_right(hl.i16(-5), hl.i16(1)), -2),
    "select": (lambda: hl.select(hl.f32(3) > 2, hl.i16(-3), hl.i16(4)), -3),
    "pi": (lambda: hl.i32(hl.round(hl.sin(hl.f32(math.pi / 6)) * 1000)), 500),
}


def decoded(expr):
    f = hl.Func("f")
    f[()] = expr
    return load(f).pipeline.funcs[f.name()].init.values[0]


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions(name):
    make, expected = EXPRESSIONS[name]
    value = evaluate_expr(decoded(make()))
    assert value == expected
    assert type(value) is type(expected)


def test_many_expressions_at_once():
    exprs = [decoded(make()) for make, _ in EXPRESSIONS.values()] * 5
    assert evaluate_exprs(exprs) == [expected for _, expected in EXPRESSIONS.values()] * 5
    assert evaluate_exprs([]) == []


def test_shared_subexpressions_do_not_multiply():
    u32 = ir.Type(ir.TypeCode.UINT, 32)
    e = ir.Imm(u32, 3)
    for _ in range(60):
        e = ir.Binary(ir.BinaryOp.ADD, e, e, u32)
    assert evaluate_expr(e) == 3 * 2**60 % 2**32


def test_constants_of_a_pipeline():
    image = hl.ImageParam(hl.UInt(8), 2, "image")
    kernel, f = hl.Func("kernel"), hl.Func("f")
    kernel[x] = hl.Tuple([x * x, hl.f32(x) / 4])
    f[x, y] = hl.i32(image[x, y]) * (kernel[3][0] + 1) + hl.i32(kernel[2][1] * 8)
    loaded = load(f)
    constants = Constants(loaded.root)
    assert [constants.of_func(kernel.name(), 0, (i,)) for i in (-3, 5)] == [9, 25]
    assert constants.of_func(kernel.name(), 1, [3]) == 0.75
    value = loaded.pipeline.funcs[f.name()].init.values[0]
    assert constants.of_expr(value.a.b) == 10
    assert constants.of_expr(value.b) == 4
    assert constants.of_expr(value.b) == 4
    with pytest.raises(UsageError, match="is not constant: it depends on image"):
        constants.of_func(f.name(), 0, (0, 0))


def test_a_func_that_is_not_there():
    expr = ir.Call("nowhere", (), ir.CallType.HALIDE, ir.Type(ir.TypeCode.INT, 32))
    with pytest.raises(UsageError, match=r"^the expression calls the Func nowhere, which is not in the pipeline$"):
        evaluate_expr(expr)


def test_vector_code_is_refused():
    i32 = ir.Type(ir.TypeCode.INT, 32)
    with pytest.raises(UsageError, match=r"^vector code \(Broadcast\) cannot be given back to Halide$"):
        evaluate_expr(ir.Vector("Broadcast", (ir.Imm(i32, 1),), ir.Type(ir.TypeCode.INT, 32, 4)))


# --- how often Halide is asked ----------------------------------------------------------------------------------------


def _convolution(weights, quantized):
    """Four channels of 3x3x4 taps, whose weights are a constant Buffer."""
    c = hl.Var("c")
    source, kernel = hl.ImageParam(hl.UInt(8), 3, "source"), hl.Buffer(weights)
    r = hl.RDom([(0, 3), (0, 3), (0, 4)], "r")
    weight = kernel[r.x, r.y, r.z, c]
    if quantized:
        weight = hl.cast(hl.Int(8), hl.round(weight * 16))
    conv, hw, output = hl.Func("conv"), hl.Func("hw"), hl.Func("output")
    conv[x, y, c] = hl.i32(0)
    conv[x, y, c] += hl.i32(source[x + r.x, y + r.y, r.z]) * hl.i32(weight)
    conv.update().unroll(r.x).unroll(r.y).unroll(r.z)
    hw[x, y, c] = hl.u8(hl.clamp(conv[x, y, c] >> 6, 0, 255))
    hw.bound(c, 0, 4).reorder(c, x, y).unroll(c).compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 48)
    hw.accelerate([source], x, hl.Var.outermost())
    output[x, y, c] = hw[x, y, c]
    output.bound(c, 0, 4)
    return output


@pytest.mark.parametrize("dtype,most", [(np.int8, 0), (np.float32, 5)])
def test_weights_are_looked_up_not_compiled(dtype, most, monkeypatch):
    """144 taps, each read twice: a Buffer's integers cost nothing, equal expressions of its floats one evaluation."""
    compiled = []
    original = constants._Compiled.__init__

    def counted(self, *arguments):
        compiled.append(arguments)
        original(self, *arguments)

    monkeypatch.setattr(constants._Compiled, "__init__", counted)
    weights = np.random.default_rng(0).integers(-2, 3, (4, 4, 3, 3)).astype(dtype)
    design = fluorite.compile(_convolution(weights / dtype(4) if most else weights, bool(most)))
    assert len(compiled) == most
    assert design.report.accelerators[0].operators


@pytest.mark.parametrize(
    "dtype", [np.bool_, np.int8, np.uint8, np.int16, np.uint32, np.int64, np.float16, np.float32, np.float64]
)
def test_a_buffer_is_read_as_halide_reads_it(dtype):
    values = np.random.default_rng(1).integers(0, 2 if dtype is np.bool_ else 100, (5, 4, 3)).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        values = (values / dtype(7)).astype(dtype)
    values = values.transpose(1, 0, 2)
    buffer = hl.Buffer(values)
    buffer.set_min([-1, 2, 0])
    func = hl.Func("f")
    func[x, y] = buffer[x, y, x * 0]
    loaded = load(func)
    (stored,) = loaded.pipeline.buffers.values()
    for point in itertools.product(range(-1, 2), range(2, 7), range(4)):
        assert buffer_value(stored, point) == values[point[2], point[1] - 2, point[0] + 1]
    assert buffer_value(stored, (2, 2, 0)) is None
    assert buffer_value(stored, (-1, 1, 0)) is None


def test_expressions_are_equal_where_they_are_written_alike():
    number = Structure().number
    f32, i32 = ir.Type(ir.TypeCode.FLOAT, 32), ir.Type(ir.TypeCode.INT, 32)

    def plus(a, b, of=f32):
        return ir.Binary(ir.BinaryOp.ADD, ir.Imm(of, a), ir.Imm(of, b), of)

    assert number(plus(1.0, 2.0)) == number(plus(1.0, 2.0))
    different = [plus(1.0, 2.0), plus(2.0, 1.0), plus(1.0, 1.0), plus(0.0, 2.0), plus(-0.0, 2.0), plus(1, 2, i32)]
    assert len({number(expr) for expr in different}) == len(different)
    deep = plus(1.0, 2.0)
    for _ in range(5000):
        deep = ir.Binary(ir.BinaryOp.MUL, deep, deep, f32)
    number(deep)
