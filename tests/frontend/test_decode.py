"""Decoding: types, sharing, names, order; and the inverse for expressions."""

import math

import halide as hl
import numpy as np
import pytest

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.decode import decode
from fluorite.frontend.algorithm.decode_expr import decode_expr
from fluorite.frontend.algorithm.encode_expr import encode_expr, subexpressions
from fluorite.frontend.halide_io import load, to_halide
from fluorite.frontend.tables import wire
from tests.frontend.pipelines import PIPELINES, realize

x, y = hl.vars("x y")


def nodes(expr):
    """Every node once, by identity."""
    seen, work = {}, [expr]
    while work:
        node = work.pop()
        if id(node) not in seen:
            seen[id(node)] = node
            work += subexpressions(node)
    return list(seen.values())


def value_of(expr, *, index=0):
    f = hl.Func("f")
    f[x, y] = expr
    return load(f).pipeline.funcs[f.name()].init.values[index]


@pytest.fixture
def image():
    return hl.ImageParam(hl.UInt(8), 2, "image")


@pytest.mark.parametrize("name", PIPELINES)
def test_all_pipelines_decode(name):
    pipeline = load(PIPELINES[name]().pipeline).pipeline
    assert set(pipeline.outputs) <= set(pipeline.funcs)
    done = set()
    for func in pipeline.funcs.values():
        for definition in (func.init, *func.updates):
            for expr in (*definition.args, *definition.values, definition.predicate):
                for node in nodes(expr):
                    assert isinstance(node.type, ir.Type)
                    if isinstance(node, ir.Call) and node.call_type is ir.CallType.HALIDE:
                        assert node.name in done | {func.name}
                        assert node.type == pipeline.funcs[node.name].types[node.value_index]
                    if isinstance(node, ir.Binary):
                        assert node.a.type == node.b.type
                    if isinstance(node, ir.Select):
                        assert node.condition.type == ir.Type(ir.TypeCode.UINT, 1)
                        assert node.true_value.type == node.false_value.type
        for value, of in zip(func.init.values, func.types, strict=True):
            assert value.type == of
        done.add(func.name)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda a: a + 1, "uint8"),
        (lambda a: hl.i16(a) * hl.i32(a), "int32"),
        (lambda a: a > 3, "bool"),
        (lambda a: ~(a > 3), "bool"),
        (lambda a: (a > 3) & (a < 9), "bool"),
        (lambda a: hl.select(a > 3, hl.f32(a), 0), "float32"),
        (lambda a: hl.absd(a, hl.u8(3)), "uint8"),
        (lambda a: hl.widening_mul(a, a), "uint16"),
        (lambda a: hl.sqrt(hl.f64(a)), "float64"),
        (lambda a: hl.reinterpret(hl.Int(8), a), "int8"),
        (lambda a: hl.min(hl.i64(a), 3), "int64"),
    ],
)
def test_types_are_inferred(make, text, image):
    assert str(value_of(make(image[x, y])).type) == text


def test_shared_nodes_stay_shared(image):
    e = hl.i32(image[x, y]) * (x + 1)
    for _ in range(40):
        e = e * e % 1001 + e
    value = value_of(e)
    assert len(nodes(value)) < 300  # 2**40 as a tree
    assert not any("Let" in type(node).__name__ for node in nodes(value))


def test_let_names_are_scoped():
    int32 = wire.table("Type", code="Int", bits=32, lanes=1)

    def imm(value):
        return wire.table("IntImm", value=value, type=int32)

    t = wire.table("Variable", name="t", type=int32)
    inner = wire.table("Let", name="t", value=imm(2), body=t)
    tree = wire.table("Let", name="t", value=imm(1), body=wire.table("Add", a=wire.table("Sub", a=t, b=inner), b=t))
    add = decode_expr(wire.table("Mul", a=tree, b=t))
    assert (add.a.a.a.value, add.a.a.b.value, add.a.b.value) == (1, 2, 1)
    assert add.a.a.a is add.a.b
    assert add.b == add.b and isinstance(add.b, ir.Variable)  # out of scope again


def test_deep_expressions_do_not_recurse():
    int32 = wire.table("Type", code="Int", bits=32, lanes=1)
    tree = wire.table("Variable", name="x", type=int32)
    one = wire.table("IntImm", value=1, type=int32)
    for _ in range(30_000):
        tree = wire.table("Add", a=tree, b=one)
    again = decode_expr(encode_expr(decode_expr(tree)))
    assert len(nodes(again)) == 60_001


def test_variables_say_what_they_are(image):
    gain = hl.Param(hl.Int(32), "gain")
    r = hl.RDom([(0, 3)], "r")
    r.where(r.x != 1)
    f = hl.Func("f")
    f[x, y] = 0
    f[x, y] += hl.i32(image[x + r, y]) * gain + image.dim(0).extent()
    (update,) = load(f).pipeline.funcs[f.name()].updates
    variables = {n.name: n for e in (*update.values, update.predicate) for n in nodes(e) if isinstance(n, ir.Variable)}
    assert variables["x"].param == "" and not variables["x"].reduction
    assert variables[r.x.name()].reduction
    assert variables[gain.name()].param == gain.name()
    assert variables[f"{image.name()}.extent.0"].param == image.name()
    # Halide leaves the domain out in the predicate; it is a reduction variable all the same.
    (of_predicate,) = (n for n in nodes(update.predicate) if isinstance(n, ir.Variable))
    assert of_predicate.reduction
    assert [(v.var, v.min.value, v.extent.value) for v in update.schedule.rvars] == [(r.x.name(), 0, 3)]


def test_literals_keep_their_value():
    for expr, value in [
        (hl.f32(0.1), float(np.float32(0.1))),
        (hl.f32(math.inf), math.inf),
        (hl.i64(-(2**63)), -(2**63)),
        (hl.u64(2**64 - 1), 2**64 - 1),
    ]:
        imm = value_of(expr)
        assert isinstance(imm, ir.Imm)
        assert repr(imm.value) == repr(value)


def test_schedule(image):
    xi = hl.Var("xi")
    f, g = hl.Func("f"), hl.Func("g")
    f[x, y] = image[x, y]
    g[x, y] = f[x, y]
    g.split(x, x, xi, 8, hl.TailStrategy.GuardWithIf).unroll(xi).bound(y, 0, 32).set_estimate(x, 0, 640)
    f.store_root().compute_at(g, y)
    funcs = load(g).pipeline.funcs
    assert funcs[f.name()].schedule.compute_level == ir.LoopLevel(g.name(), -1, "y", False)
    assert funcs[f.name()].schedule.store_level.var == "__root"
    schedule = funcs[g.name()].schedule
    assert schedule.compute_level.var == ""
    (bound,) = schedule.bounds
    assert (bound.var, bound.min.value, bound.extent.value) == ("y", 0, 32)
    bounded, estimate = schedule.estimates  # a bound is an estimate too
    assert bounded.var == "y"
    assert (estimate.var, estimate.min.value, estimate.extent.value) == ("x", 0, 640)
    stage = funcs[g.name()].init.schedule
    (split,) = stage.splits
    # Halide prefixes the names of a split with the name of what was split.
    assert (split.old, split.outer, split.inner) == ("x", "x.x", "x.xi")
    assert (split.tail, split.kind) == ("GuardWithIf", "SplitVar")
    assert split.factor.value == 8
    assert [(d.var, d.for_type) for d in stage.dims] == [
        ("x.xi", "Unrolled"),
        ("x.x", "Serial"),
        ("y", "Serial"),
        ("__outermost", "Serial"),
    ]
    assert stage.touched


def test_wrappers(image):
    f, g, h = hl.Func("f"), hl.Func("g"), hl.Func("h")
    f[x, y] = image[x, y]
    g[x, y] = f[x, y] + 1
    h[x, y] = g[x, y] + f[x, y]
    wrapper = f.in_(g).compute_root()
    raw = decode(wire.read(hl.serialize_pipeline(hl.Pipeline(h))))
    assert raw.funcs[f.name()].schedule.wrappers == ((g.name(), wrapper.name()),)
    funcs = load(h).pipeline.funcs  # substituted
    assert funcs[f.name()].schedule.wrappers == ()
    assert funcs[g.name()].init.values[0].a.name == wrapper.name()
    assert funcs[h.name()].init.values[0].b.name == f.name()


def test_extern_func(image):
    f, g = hl.Func("f"), hl.Func("g")
    gain = hl.Param(hl.Int(32), "gain")
    f[x, y] = image[x, y]
    f.compute_root()
    g.define_extern(
        "theirs", [hl.ExternFuncArgument(f), hl.ExternFuncArgument(gain * 2)], [hl.UInt(8), hl.Int(16)], [x, y]
    )
    func = load(g).pipeline.funcs[g.name()]
    assert func.extern.function == "theirs"
    assert [(a.kind, a.name) for a in func.extern.arguments] == [("FuncArg", f.name()), ("ExprArg", "")]
    assert func.extern.arguments[1].expr.op is ir.BinaryOp.MUL
    assert [str(of) for of in func.types] == ["uint8", "int16"]
    assert func.init is None


def test_parameters_and_buffers(image):
    gain = hl.Param(hl.Float(32), "gain")
    table = np.arange(6, dtype=np.uint16).reshape(2, 3)
    lut = hl.Buffer(table)
    f = hl.Func("f")
    f[x, y] = hl.f32(image[x, y]) * gain + hl.f32(lut[x, y])
    pipeline = load(f).pipeline
    assert {str(p.type): (p.is_buffer, p.dimensions) for p in pipeline.parameters.values()} == {
        "uint8": (True, 2),
        "float32": (False, 0),
    }
    (buffer,) = pipeline.buffers.values()
    assert buffer.dims == ((0, 3, 1), (0, 2, 3))
    assert buffer.data == table.tobytes()


@pytest.mark.parametrize("name", PIPELINES)
def test_expressions_survive_decoding_and_encoding(name):
    case = PIPELINES[name]()
    loaded = load(case.pipeline)
    index = {func: i for i, func in enumerate(loaded.root.func_names_in_order)}

    def rewritten(func):
        values = tuple(encode_expr(v, index) for v in loaded.pipeline.funcs[func.name].init.values)
        return func.replace(init_def=func.init_def.replace(values=values))

    root = loaded.root.replace(funcs=tuple(map(rewritten, loaded.root.funcs)))
    copy = to_halide(root, loaded.parameters)
    for expected, got in zip(realize(case.pipeline, case.sizes), realize(copy, case.sizes), strict=True):
        np.testing.assert_array_equal(expected, got)
