import ctypes
import gc
import re
import threading

import halide as hl
import numpy as np
import pytest

from fluorite.errors import SimulationError, UsageError
from fluorite.sim.extern import ExternStage
from fluorite.sim.halide_buffer import HalideBuffer, _Buffer, _Dimension


def arg(value):
    return hl.ExternFuncArgument(value)


def is_query(buffers):
    return any(b.is_bounds_query for b in buffers)


def same_region(inputs, outputs):
    for buffer in inputs:
        if buffer.is_bounds_query:
            buffer.set_region(outputs[0].mins, outputs[0].extents)


def filling(value):
    """A handler without inputs: every pixel is `value`."""

    def handler(inputs, scalars, outputs):
        if not is_query(outputs):
            outputs[0].array().fill(value)

    return handler


def extern(symbol, arguments, types, dimensions=2):
    func = hl.Func("hw")
    func.define_extern(symbol, [arg(a) for a in arguments], types, dimensions, hl.NameMangling.C)
    return func


def shifted_sum(inputs, scalars, outputs):
    """out(x, y) = in(x + 1, y + 2) + offset, as a hardware stage would do it: by region."""
    (source,), (out,) = inputs, outputs
    mins = [low + d + 1 for d, low in enumerate(out.mins)]
    if is_query([*inputs, *outputs]):
        if source.is_bounds_query:
            source.set_region(mins, out.extents)
        return
    out.array()[...] = source.region(mins, out.extents) + scalars[0]


def test_a_tiled_parallel_pipeline():
    stage = ExternStage("shifted", ["buffer", "uint8"], 1, shifted_sum)
    x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")
    source, out = hl.Func("source"), hl.Func("out")
    source[x, y] = hl.cast(hl.UInt(8), x * 3 + y * 5)
    offset = hl.Param(hl.UInt(8), "offset")
    hw = extern(stage.symbol, [source, offset], [hl.UInt(8)])
    out[x, y] = hw[x, y] ^ 1
    out.tile(x, y, xo, yo, xi, yi, 16, 8).parallel(yo)
    source.compute_at(out, xo)
    hw.compute_at(out, xo)
    offset.set(7)
    with stage.raising():
        result = np.asarray(out.realize([50, 43])).copy()
    columns, rows = np.meshgrid(np.arange(50), np.arange(43))
    np.testing.assert_array_equal(result, (((columns + 1) * 3 + (rows + 2) * 5 + 7) % 256) ^ 1)


def test_every_kind_of_scalar_in_its_place():
    seen = []

    def handler(inputs, scalars, outputs):
        if is_query([*inputs, *outputs]):
            same_region(inputs, outputs)
        else:
            seen.append(scalars)
            outputs[0].array()[...] = 1

    kinds = ["bool", "buffer", "int8", "uint8", "int16", "uint16", "buffer", "int32", "uint32", "int64", "uint64"]
    stage = ExternStage("scalars", [*kinds, "float32", "float64", "bool"], 1, handler)
    x = hl.Var("x")
    first, second = hl.Func("first"), hl.Func("second")
    first[x] = x
    second[x] = hl.cast(hl.Float(32), x)
    first.compute_root()
    second.compute_root()
    p = hl.Param(hl.Int(64), "p")
    values = [
        p < 0, first, hl.cast(hl.Int(8), p), hl.cast(hl.UInt(8), p), hl.cast(hl.Int(16), p), hl.cast(hl.UInt(16), p),
        second, hl.cast(hl.Int(32), p), hl.cast(hl.UInt(32), p), p, hl.cast(hl.UInt(64), p),
        hl.cast(hl.Float(32), p), hl.cast(hl.Float(64), p), p > 0,
    ]  # fmt: skip
    hw = extern(stage.symbol, values, [hl.UInt(8)], 1)

    for value in (-3, 1000):
        p.set(value)
        seen.clear()
        with stage.raising():
            result = np.asarray(hw.realize([4]))
        assert result.tolist() == [1] * 4
        assert seen[-1] == [
            value < 0, (value + 128) % 256 - 128, value % 256, value, value % 2**16, value, value % 2**32,
            value, value % 2**64, float(value), float(value), value > 0,
        ]  # fmt: skip


def test_tuples_types_and_several_inputs():
    def handler(inputs, scalars, outputs):
        a, b = inputs
        if is_query([*inputs, *outputs]):
            same_region(inputs, outputs)
            return
        total, less = outputs
        wide = [buffer.region(total.mins, total.extents) for buffer in inputs]
        assert (total.dtype, less.dtype, a.dtype, b.dtype) == (np.int32, np.bool_, np.int16, np.uint64)
        total.array()[...] = wide[0] + wide[1].astype(np.int32)
        less.array()[...] = wide[0] < 0

    stage = ExternStage("pair", ["buffer", "buffer"], 2, handler)
    x, y, c = hl.vars("x y c")
    a, b, out = hl.Func("a"), hl.Func("b"), hl.Func("out")
    a[x, y, c] = hl.cast(hl.Int(16), x - y * c)
    b[x, y, c] = hl.cast(hl.UInt(64), x + 10 * y)
    a.compute_root()
    b.compute_root()
    hw = extern(stage.symbol, [a, b], [hl.Int(32), hl.Bool()], 3)
    hw.compute_root()
    out[x, y, c] = hl.select(hw[x, y, c][1], hw[x, y, c][0], 0)
    with stage.raising():
        result = np.asarray(out.realize([7, 5, 3]))
    rows, columns = np.arange(5)[:, None], np.arange(7)
    for channel in range(3):
        first = columns - rows * channel
        np.testing.assert_array_equal(result[channel], np.where(first < 0, first + columns + 10 * rows, 0))


# Halide keeps 4096 bytes of reports and reads on behind them when there are more: few lines enough that all may fail.
ROWS = 20


def test_exceptions_come_out_of_realize():
    failing = threading.Event()
    failing.set()
    calls = []

    def handler(inputs, scalars, outputs):
        if not outputs[0].is_bounds_query:
            calls.append(threading.get_ident())
            if failing.is_set():
                raise ValueError(f"tile at {outputs[0].mins}")
            outputs[0].array()[...] = 5

    stage = ExternStage("failing", [], 1, handler)
    x, y = hl.vars("x y")
    hw, out = extern(stage.symbol, [], [hl.UInt(8)]), hl.Func("out")
    out[x, y] = hw[x, y]
    hw.compute_at(out, y)
    out.parallel(y)
    with pytest.raises(ValueError, match=r"^tile at \(0, \d+\)$") as caught, stage.raising():
        out.realize([16, ROWS])
    assert isinstance(caught.value.__cause__, hl.HalideError)
    assert len(calls) == len(set(calls))  # no thread began another line after one had failed
    with pytest.raises(hl.HalideError, match="non-zero"):
        out.realize([16, ROWS])
    with pytest.raises(ValueError, match="tile at"):
        stage.check()
    stage.check()
    failing.clear()
    with stage.raising():
        assert (np.asarray(out.realize([16, ROWS])) == 5).all()


def test_errors_of_others_pass_through():
    stage = ExternStage("quiet", [], 1, lambda inputs, scalars, outputs: None)
    with pytest.raises(ZeroDivisionError), stage.raising():
        _ = 1 // 0


def test_stages_of_one_name_do_not_clash():
    stages = [ExternStage("same", [], 1, filling(n)) for n in range(3)]
    assert len({stage.symbol for stage in stages}) == 3
    funcs = [extern(stage.symbol, [], [hl.UInt(8)]) for stage in stages]
    for n, func in reversed(list(enumerate(funcs))):
        assert (np.asarray(func.realize([3, 3])) == n).all()


def test_a_pipeline_outliving_its_stage_fails_and_does_not_crash():
    stage = ExternStage("mortal", [], 1, filling(1))
    func = extern(stage.symbol, [], [hl.UInt(8)])
    assert (np.asarray(func.realize([3, 3])) == 1).all()
    del stage
    gc.collect()
    with pytest.raises(hl.HalideError, match="non-zero value: -1"):
        func.realize([3, 3])


def test_no_copy_of_big_frames():
    frame = np.zeros((2000, 3000), np.uint8)
    found = []

    def handler(inputs, scalars, outputs):
        if is_query([*inputs, *outputs]):
            same_region(inputs, outputs)
        else:
            found.append((inputs[0].array(), outputs[0].array()))

    stage = ExternStage("big", ["buffer"], 1, handler)
    image = hl.ImageParam(hl.UInt(8), 2, "image")
    buffer = hl.Buffer(frame)
    image.set(buffer)
    out = np.zeros((2000, 3000), np.uint8)
    func = extern(stage.symbol, [image], [hl.UInt(8)])
    with stage.raising():
        func.realize(hl.Buffer(out))
    source, result = found[-1]
    assert source.ctypes.data == frame.ctypes.data and source.shape == frame.shape
    assert result.ctypes.data == out.ctypes.data and result.strides == (3000, 1)


@pytest.mark.parametrize(
    "name,arguments,outputs,message",
    [
        ("9x", [], 1, "name of an extern stage must be a C identifier, not '9x'"),
        ("a", ["int7"], 1, "argument of an extern stage must be 'buffer' or one of bool, int8, int16, int32, int64, "
         "uint8, uint16, uint32, uint64, float32, float64, not 'int7'"),
        ("a", [], 0, "outputs of an extern stage must be at least 1, not 0"),
    ],
)  # fmt: skip
def test_bad_signatures(name, arguments, outputs, message):
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        ExternStage(name, arguments, outputs, lambda i, s, o: None)


def test_regions_outside_the_buffer():
    def handler(inputs, scalars, outputs):
        if not outputs[0].is_bounds_query:
            outputs[0].region([0, 1], [3, 4])

    stage = ExternStage("outside", [], 1, handler)
    message = "region must be inside the buffer: dimension 1 asks for 1..4, the buffer holds 0..3"
    with pytest.raises(SimulationError, match=f"^{re.escape(message)}$"), stage.raising():
        extern(stage.symbol, [], [hl.UInt(8)]).realize([3, 4])


def test_flipped_memory():
    image = np.arange(60, dtype=np.int16).reshape(6, 10)
    flipped = image[::-1, ::2]
    raw = _Buffer(0, None, flipped.ctypes.data, 0, (0, 16, 1), 2)
    dims = (_Dimension * 2)((5, 5, 2, 0), (-2, 6, -10, 0))
    raw.dim = ctypes.cast(dims, type(raw.dim))
    buffer = HalideBuffer(ctypes.addressof(raw))
    np.testing.assert_array_equal(buffer.array(), flipped)
    np.testing.assert_array_equal(buffer.region([6, 0], [3, 4]), flipped[2:6, 1:4])
    assert repr(buffer) == "HalideBuffer(mins=(5, -2), extents=(5, 6), strides=(2, -10))"
    dims[1].extent = 0
    assert buffer.array().shape == (0, 5)
