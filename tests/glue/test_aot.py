"""The software part compiled in a process of its own."""

import halide as hl
import numpy as np
import pytest

from fluorite.errors import UsageError
from fluorite.frontend.halide_io import load, plainly_named, to_halide
from fluorite.frontend.parcel import pack
from fluorite.glue.aot import compile_library
from fluorite.glue.aot_process import unpack

x, y = hl.vars("x y")


def limited():
    """Bounds and estimates of each kind, one by a Param that is nowhere else; without names what can be."""
    image, square = hl.ImageParam(hl.UInt(8), 2, "image"), hl.ImageParam(hl.UInt(16), 2, "square")
    gain, width = hl.Param(hl.UInt(8), "gain"), hl.Param(hl.Int(32), "width")
    gain.set_range(1, 9)
    gain.set_estimate(4)
    width.set_min_value(16)
    image.dim(0).set_min(0).set_extent(width * 2).set_estimate(0, 64)
    image.dim(1).set_stride(256)
    image.set_host_alignment(32)
    square.dim(1).set_extent(square.dim(0).extent())
    inner, out, v, r = hl.Func("aot_inner"), hl.Func("aot_out"), hl.Var(), hl.RDom([(0, 3)])
    squared = (image[x, y] + 1) * (image[x, y] + 1) + (image[x, y] + 1)  # shared: a Let
    inner[v, y] = hl.u16(image[v, y]) * gain + square[v, y]
    inner.compute_root().vectorize(v, 8)
    out[x, y] = hl.u16(squared)
    out[x, y] += inner[x + r, y]
    out.split(x, hl.Var(), hl.Var(), 8).parallel(y)
    loaded = plainly_named(load(out))
    return to_halide(loaded.root, loaded.parameters)


def test_limits_are_packed():
    original = limited()
    copy = unpack(pack(original))
    names = [argument.name for argument in copy.infer_arguments()]
    assert names == [argument.name for argument in original.infer_arguments()] == ["image", "square", "gain", "width"]
    _, parameters = hl.serialize_pipeline(copy, get_params=True)
    _, before = hl.serialize_pipeline(original, get_params=True)
    image, square, gain = (parameters[name] for name in ("image", "square", "gain"))
    assert image.host_alignment() == 32
    assert str(image.extent_constraint(0)) == str(before["image"].extent_constraint(0)) != ""
    assert str(square.extent_constraint(1)) == str(before["square"].extent_constraint(1)) != ""
    assert not image.min_constraint(1).defined()
    assert hl.evaluate(image.min_constraint(0)) == 0
    assert hl.evaluate(image.extent_constraint_estimate(0)) == 64
    assert [hl.evaluate(image.stride_constraint(d)) for d in range(2)] == [1, 256]
    assert [hl.evaluate(e) for e in (gain.min_value(), gain.max_value(), gain.estimate())] == [1, 9, 4]
    assert not gain.default_value().defined()


def test_a_pipeline_without_params_is_packed():
    out = hl.Func("aot_bare")
    out[x] = x * 3
    assert np.array(unpack(pack(hl.Pipeline(out))).realize([4])).tolist() == [0, 3, 6, 9]


def test_a_pipeline_built_again_is_packed_alike():
    """The numbers of Lets, Vars and RDoms without names begin at 0."""
    for _ in range(20):  # to where v9 is before v10, and v99 not before v100
        hl.Var(), hl.RDom([(0, 2)])
    first = pack(limited())
    for _ in range(100):
        hl.Var(), hl.RDom([(0, 2)])
    assert pack(limited()) == first


def test_names_in_the_header(tmp_path):
    """Nothing in it says where it was written, or what else the process compiled."""
    texts = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        library, header = compile_library(limited(), folder, "soft", "arm-64-linux")
        assert (library, header) == (folder / "soft.a", folder / "soft.h")
        texts.append((library.read_bytes(), header.read_text()))
    assert texts[0] == texts[1]
    text = texts[0][1]
    assert text.startswith("#ifndef HALIDE_soft_h\n#define HALIDE_soft_h\n")
    assert "struct halide_buffer_t *_image_buffer, " in text
    assert "uint8_t _gain" in text


def test_what_halide_cannot_compile_is_refused(tmp_path):
    out = hl.Func("aot_refused")
    out[x] = x
    out.vectorize(x, 8).compute_root().unroll(x)
    with pytest.raises(UsageError) as error:
        compile_library(hl.Pipeline(out), tmp_path, "soft", "arm-64-linux")
    assert str(error.value) == (
        "Halide cannot compile the software part for 'arm-64-linux': Can only unroll for loops over a constant extent. "
        "Loop over aot_refused.s0.x.x has extent ((aot_refused.extent.0 + 7)/8)"
    )
    assert not list(tmp_path.iterdir())
