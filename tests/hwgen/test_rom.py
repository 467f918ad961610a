"""Tables in ROMs: by data and by position, at any lanes, shallow and deep, from Funcs and Buffers."""

import re

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import UnsupportedError
from fluorite.run.launch import launches
from tests.hwgen.operations import check

U8, U16, I8 = hl.UInt(8), hl.UInt(16), hl.Int(8)
x, y, i, j = hl.vars("x y i j")
RNG = np.random.default_rng(11)


def gamma():
    func = hl.Func("gamma")
    func[i] = hl.u8(hl.pow(hl.f32(i) / 255, hl.f32(1 / 2.2)) * 255 + 0.5)
    return func.compute_root()


def roms(design):
    """(index range, words) of each ROM read."""
    (accelerator,) = design.accelerators
    nodes = [node for node in accelerator.generated.plan.nodes if node.op == "rom"]
    return [(node.attr.table.first, len(node.attr.table.words)) for node in nodes]


def test_tables_by_data():
    tables = {
        "gamma": gamma(),
        "inline": hl.Func("inline"),
        "deep": hl.Func("deep"),
        "two": hl.Func("two"),
        "tuple": hl.Func("tuple"),
        "bool": hl.Func("bool"),
        "sums": hl.Func("sums"),
        "centred": hl.Func("centred"),
    }
    tables["inline"][i] = hl.i16(hl.sin(hl.f32(i) / 10) * 3000)
    tables["deep"][i] = hl.i32(hl.sqrt(hl.f32(i)) * 1000) - 77
    tables["deep"].compute_root()
    tables["two"][i, j] = hl.u16(hl.f32(i) * hl.f32(j) / 7.0)
    tables["two"].compute_root()
    tables["tuple"][i] = hl.Tuple([hl.u8(i * 3), hl.i16(i * i)])
    tables["tuple"].compute_root()
    tables["bool"][i] = (i * i) % 7 < 3
    tables["bool"].compute_root()
    r = hl.RDom([(0, 5)])
    tables["sums"][i] = 0
    tables["sums"][i] += i * r.x
    tables["sums"].compute_root()
    tables["centred"][i] = hl.i8(hl.f32(i) / 3)
    tables["centred"].compute_root()
    bytes_ = hl.Buffer(RNG.integers(0, 256, 256, dtype=np.uint8))
    square = hl.Buffer(np.asfortranarray(RNG.integers(-9000, 9000, (10, 20), dtype=np.int16)))
    moved = hl.Buffer(RNG.integers(0, 1 << 32, 16, dtype=np.uint32))
    moved.set_min([-8])
    operations = {
        "gamma": lambda a, b: tables["gamma"][a],
        "gamma again": lambda a, b: tables["gamma"][b] + tables["gamma"][a],
        "inline": lambda a, b: tables["inline"][a],
        "deep": lambda a, b: tables["deep"][hl.i32(a) * 8 + (b & 7)],
        "deep after data": lambda a, b: tables["deep"][tables["gamma"][a] * hl.i32(9)] - a,
        "two": lambda a, b: tables["two"][a & 31, b >> 3],
        "two of odd sizes": lambda a, b: tables["two"][a % 5, hl.clamp(b, 3, 9)],
        "tuple": lambda a, b: hl.i16(tables["tuple"][a][0]) + tables["tuple"][b][1],
        "bool": lambda a, b: hl.select(tables["bool"][a], b, a),
        "sums": lambda a, b: tables["sums"][a],
        "centred": lambda a, b: tables["centred"][hl.i16(a) - hl.i16(b)],
        "centred few": lambda a, b: tables["centred"][hl.clamp(hl.i8(a), -3, 4)],
        "buffer": lambda a, b: bytes_[a],
        "buffer of two": lambda a, b: square[a % 20, b % 10],
        "buffer moved": lambda a, b: moved[hl.i32(a % 16) - 8],
    }
    a, b = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    a, b = np.ascontiguousarray(a[:, ::2]), np.ascontiguousarray(b[:, ::2])
    accelerator = check({"a": U8, "b": U8}, operations, {"a": a, "b": b})
    # gamma is read at a, at b, and in front of deep: one memory for all of them.
    memories = re.findall(r"reg (?:signed )?\[\d+:\d+\] (\w+) \[\d+:0\]", accelerator.verilog)
    assert sum(name.startswith("rom_gamma") for name in memories) == 1
    assert len(memories) == len(set(memories))


@pytest.mark.parametrize("lanes", [1, 3, 4])
def test_tables_by_position(lanes):
    """A gain by column, a dither pattern, and a vignette in a Buffer as large as the image."""
    width, height = 22, 9
    image = hl.ImageParam(U8, 2, "image")
    gain, dither, hw, out = (hl.Func(name) for name in ("gain", "dither", "hw", "out"))
    gain[i] = hl.u16(200.0 + 50.0 * hl.cos(hl.f32(i) / 3))
    dither[i, j] = hl.u16(hl.fract(hl.f32(i) / 2.75 + hl.f32(j) / 1.375) * 255)
    vignette = hl.Buffer(RNG.integers(0, 200, (height, width), dtype=np.uint8))
    scaled = hl.u16(image[x, y]) * gain[x] / 256 + dither[x % 4, y % 4] / 64
    hw[x, y] = hl.u8_sat(scaled - hl.min(scaled, vignette[x, y])) + vignette[x / 2, y]
    hw.compute_root().bound(x, 0, width).bound(y, 0, height)
    if lanes > 1:
        hw.unroll(x, lanes, hl.TailStrategy.GuardWithIf)
    hw.accelerate([image], x, hl.Var.outermost())
    out[x, y] = hw[x, y]
    design = fluorite.compile(out)
    pixels = RNG.integers(0, 256, (height, width), dtype=np.uint8)
    image.set(hl.Buffer(pixels))
    hardware = np.array(design.realize([width, height]))
    np.testing.assert_array_equal(hardware, np.array(out.realize([width, height])))


def test_tables_before_and_behind_a_window():
    """A table whose read register stands among delays of rows and columns."""
    image = hl.ImageParam(U8, 2, "image")
    curve, linear, total, hw, out = (hl.Func(name) for name in ("curve", "linear", "total", "hw", "out"))
    curve[i] = hl.u16(hl.f32(i) * hl.f32(i) / 16.0)
    curve.compute_root()
    linear[x, y] = curve[image[x, y]]
    total[x, y] = hl.u32(linear[x - 1, y - 1]) + linear[x, y] + linear[x + 1, y + 1]
    hw[x, y] = curve[hl.u8(total[x, y] / 64)] + curve[hl.i32(image[x, y]) * 3 + hl.i32(image[x + 1, y] & 3)]
    hw.compute_root().bound(x, 0, 40).bound(y, 0, 12)
    linear.linebuffer()
    hw.accelerate([image], x, hl.Var.outermost())
    out[x, y] = hw[x, y]
    design = fluorite.compile(out)
    (accelerator,) = design.accelerators
    mins, extents = (0, 0), (40, 12)
    _, size = accelerator.generated.input("image").region(mins, extents)
    pixels = RNG.integers(0, 256, size[::-1], dtype=np.uint8)
    (expected,) = accelerator.golden({"image": pixels}, mins, extents)
    actual = np.zeros_like(expected)
    (launch,) = launches(accelerator.generated, mins, extents, {})
    accelerator.run([pixels], [actual], launch)
    np.testing.assert_array_equal(actual, expected)


def narrow_index():
    image = hl.ImageParam(U16, 2, "image")
    table, small, hw = hl.Func("table"), hl.Func("small"), hl.Func("hw")
    table[i] = hl.u8(hl.sqrt(hl.f32(i)))
    small[x, y] = image[x, y] % 100
    small.linebuffer()
    hw[x, y] = table[small[x, y]]
    return image, hw


def test_a_table_holds_what_its_index_reaches():
    """The index is a 16-bit stage, but linking knows that it stays below 100."""
    image, hw = narrow_index()
    hw.compute_root().bound(x, 0, 16).bound(y, 0, 4)
    hw.accelerate([image], x, hl.Var.outermost())
    out = hl.Func("out")
    out[x, y] = hw[x, y]
    assert roms(fluorite.compile(out)) == [(0, 100)]


def refused(index, table):
    image, hw, out = hl.ImageParam(U16, 2, "image"), hl.Func("hw"), hl.Func("out")
    hw[x, y] = table[index(image[x, y])]
    hw.compute_root().bound(x, 0, 16).bound(y, 0, 4)
    hw.accelerate([image], x, hl.Var.outermost())
    out[x, y] = hw[x, y]
    with pytest.raises(UnsupportedError) as error:
        fluorite.compile(out)
    return re.sub(r"_im\b", "", str(error.value))


def test_refusals():
    curve = hl.Func("curve")
    curve[i] = hl.u8(hl.sqrt(hl.f32(i)))
    assert refused(lambda v: hl.i32(v) * 2, curve) == (
        "hw: curve((int32(image(x, y)) * 2)): its index ranges over 0..131070, and a table holds 65536 values at most; "
        "clamp the index"
    )
    buffer = hl.Buffer(np.zeros(200, np.uint8), "samples")
    assert refused(lambda v: v & 255, buffer) == (
        "hw: samples(int32(bitwise_and(image(x, y), 255))): index 0 ranges over 0..255, but samples over 0..199; "
        "clamp the index"
    )
    real = hl.Func("real")
    real[i] = hl.sqrt(hl.f32(i))
    assert "tables hold integers; convert to an integer type in real" in refused(lambda v: v & 255, real)
