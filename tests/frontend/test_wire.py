"""The reader and the writer: what goes through them comes back to Halide unchanged."""

import contextlib
import random
import re
import time

import halide as hl
import numpy as np
import pytest

from fluorite.errors import UsageError
from fluorite.frontend.halide_io import load, to_halide
from fluorite.frontend.tables import wire
from fluorite.frontend.tables.slots import ENUMS, TABLES, UNIONS
from tests.frontend.pipelines import PIPELINES, realize


def serialize(pipeline):
    return hl.serialize_pipeline(pipeline, get_params=True)


@pytest.mark.parametrize("name", PIPELINES)
def test_round_trip_realizes_to_the_same(name):
    case = PIPELINES[name]()
    data, parameters = serialize(case.pipeline)
    copy = hl.deserialize_pipeline(wire.write(wire.read(data)), parameters)
    for expected, got in zip(realize(case.pipeline, case.sizes), realize(copy, case.sizes), strict=True):
        np.testing.assert_array_equal(expected, got)


@pytest.mark.parametrize("name", PIPELINES)
def test_writing_is_stable(name):
    data, _ = serialize(PIPELINES[name]().pipeline)
    once = wire.write(wire.read(data))
    assert wire.write(wire.read(once)) == once


def test_every_type_of_the_schema_is_known():
    scalars = {"str", "bool", "u8", "i32", "i64", "u64", "u64?", "f64"}
    for fields in TABLES.values():
        for _, kind in fields:
            assert kind.strip("[]") in scalars | set(TABLES) | set(ENUMS) | set(UNIONS)
    for members in UNIONS.values():
        assert set(members[1:]) <= set(TABLES)


def pipeline_table(value):
    f = hl.Func("f")
    f[()] = 0
    root = wire.read(hl.serialize_pipeline(hl.Pipeline(f)))
    (func,) = root.funcs
    return root.replace(funcs=(func.replace(init_def=func.init_def.replace(values=(value,))),))


def written_value(value):
    (back,) = wire.read(wire.write(pipeline_table(value))).funcs[0].init_def.values
    return back


INT32 = wire.table("Type", code="Int", bits=32, lanes=1)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("IntImm", -(2**63)),
        ("IntImm", 0),
        ("UIntImm", 2**64 - 1),
        ("FloatImm", -0.0),
        ("FloatImm", float("nan")),
        ("FloatImm", float("-inf")),
        ("FloatImm", 5e-324),
    ],
)
def test_extreme_numbers(kind, value):
    back = written_value(wire.table(kind, value=value, type=INT32))
    assert repr(back.value) == repr(value)


def test_strings_are_utf8():
    assert written_value(wire.table("StringImm", value="größer λ")).value == "größer λ"


def test_an_expression_may_be_very_deep():
    depth = 50_000
    value = wire.table("IntImm", value=1, type=INT32)
    for _ in range(depth):
        value = wire.table("Not", a=value)
    back = written_value(value)
    for _ in range(depth):
        back = back.a
    assert back.value == 1


def test_replace_makes_a_changed_copy():
    call = wire.table("Call", name="f")
    renamed = call.replace(name="g")
    assert (call.name, renamed.name, renamed["name"], renamed.args) == ("f", "g", "g", ())


def test_replace_refuses_an_unknown_field():
    with pytest.raises(AttributeError, match=re.escape("a Call table has no field 'nome'")):
        wire.table("Call", nome="f")


def test_another_version_is_refused_by_name():
    f = hl.Func("f")
    f[()] = 0
    data = hl.serialize_pipeline(hl.Pipeline(f))
    newer = data.replace(b"18.0.1", b"18.0.2").replace(b"21.0.0", b"22.0.0")
    with pytest.raises(UsageError) as error:
        wire.read(newer)
    assert str(error.value) == (
        "the pipeline was serialized by Halide 22.0.0 in format 18.0.2;"
        " fluorite reads format 18.0.1: install halide==21.0.0"
    )


@pytest.mark.parametrize("data", [b"", b"abc", bytes(64), b"\xff" * 64])
def test_other_bytes_are_refused(data):
    with pytest.raises(UsageError, match="serialized"):
        wire.read(data)


def test_truncated_bytes_never_crash_the_reader():
    data, _ = serialize(PIPELINES["tiled_blur"]().pipeline)
    for size in range(0, len(data), 97):
        with contextlib.suppress(UsageError):
            wire.read(data[:size])


def test_damaged_bytes_never_crash_the_reader():
    data, _ = serialize(PIPELINES["tiled_blur"]().pipeline)
    rng = random.Random(1)
    for _ in range(100):
        damaged = bytearray(data)
        for _ in range(20):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        with contextlib.suppress(UsageError):
            wire.read(bytes(damaged))


def test_reading_is_fast():
    x = hl.Var("x")
    stages = [hl.Func("stage")]
    stages[0][x] = x
    while len(stages) < 120:
        stages.append(hl.Func("stage"))
        stages[-1][x] = sum((stages[-2][x + i] * i for i in range(12)), hl.Expr(0))
    data = hl.serialize_pipeline(hl.Pipeline(stages[-1]))
    assert len(data) > 200_000
    wire.read(data)
    start = time.process_time()
    root = wire.read(data)
    read_seconds = time.process_time() - start
    start = time.process_time()
    wire.write(root)
    write_seconds = time.process_time() - start
    # 40 ms and 50 ms on an idle desktop core.
    assert read_seconds < 0.5
    assert write_seconds < 0.5


LAYOUTS = {
    "planar": lambda a: a,
    "interleaved": lambda a: np.ascontiguousarray(a.transpose(1, 2, 0)).transpose(2, 0, 1),
    "columns first": np.asfortranarray,
    "middle first": lambda a: np.ascontiguousarray(a.transpose(0, 2, 1)).transpose(0, 2, 1),
    "planes inside rows": lambda a: np.ascontiguousarray(a.transpose(1, 0, 2)).transpose(1, 0, 2),
    "every other": lambda a: a[:, ::2, ::2],
    "backwards": lambda a: a[:, :, ::-1],
    "a corner": lambda a: a[:2, 1:, 2:],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_constant_buffers_survive_whatever_their_layout(layout):
    # Halide's own round trip scrambles the second to fifth of these.
    array = LAYOUTS[layout](np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    buffer = hl.Buffer(array)
    x, y, c = hl.vars("x y c")
    f = hl.Func("f")
    f[x, y, c] = buffer[x, y, c]
    sizes = list(array.shape[::-1])
    loaded = load(f)
    (got,) = realize(to_halide(loaded.root, loaded.parameters), sizes)
    np.testing.assert_array_equal(got, array)
    (constant,) = loaded.pipeline.buffers.values()
    np.testing.assert_array_equal(np.frombuffer(constant.data, np.int16).reshape(array.shape), array)
    assert constant.dims[0][2] == 1
