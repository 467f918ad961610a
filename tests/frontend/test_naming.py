"""Plain names: what a pipeline's Funcs and Buffers are called, whatever the process built before."""

import json

import halide as hl
import numpy as np
import pytest

from fluorite.frontend.annotations import TAG_PREFIX, Accelerate, annotations_of, renamed_tag
from fluorite.frontend.halide_io import load, plainly_named, to_halide
from fluorite.frontend.naming import buffer_names, func_names

x, y = hl.vars("x y")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b_1", "a$b", "a$5b"], {}),
        (["a$3"], {"a$3": "a"}),
        (["a", "a$1", "a$2"], {}),
        (["a$10", "a$9", "b"], {"a$9": "a", "a$10": "a$1"}),  # in the order they were made in, not that of strings
        (["s$4", "s$4_intm", "r$2_in_s$4$1"], {"s$4": "s", "s$4_intm": "s_intm", "r$2_in_s$4$1": "r_in_s"}),
        (["f12$0"], {}),  # what Halide calls a Func that the user called f12
        (["f12$7", "f12$9"], {"f12$7": "f12$0", "f12$9": "f12$1"}),
        (["f7", "f12", "F3"], {"f7": "f0", "f12": "f1", "F3": "F0"}),  # without a name
        (["lambda_9", "lambda_11"], {"lambda_9": "lambda_0", "lambda_11": "lambda_1"}),
        (["lambda_9", "lambda_0$3"], {"lambda_9": "lambda_0", "lambda_0$3": "lambda_0$1"}),
        (["gain", "gain$1", "sum"], {"gain": "gain$1", "gain$1": "gain$2"}),  # a Param is called so
    ],
)
def test_plain_names_of_funcs(names, expected):
    for order in (names, names[::-1]):
        assert func_names(order, ["gain"]) == expected


def test_plain_names_are_those_of_a_process_that_makes_nothing_else():
    """A second set of Funcs is called as the first would be, if nothing had been before it either."""

    def made():
        funcs = [hl.Func(name) for name in ("naming", "naming", "f3", "naming")] + [hl.Func(), hl.Func()]
        names = [func.name() for func in funcs]
        return names, [func_names(names, ()).get(name, name) for name in names]

    (first, plain), (second, again) = made(), made()
    assert first != second
    assert plain == again == ["naming", "naming$1", "f3$0", "naming$2", "f0", "f1"]


def test_plain_names_of_buffers():
    assert buffer_names(["b12", "b9", "weights", "weights$1", "b", "b1c"]) == {"b9": "b0", "b12": "b1"}
    assert buffer_names(["b0", "b1"]) == {}


def test_tags_are_renamed():
    payload = {
        "kind": "accelerate",
        "inputs": ["a$1", "image"],
        "compute_var": "a$1",
        "store_var": "y",
        "taps": ["b$2"],
    }
    renamed = renamed_tag(TAG_PREFIX + json.dumps(payload), {"a$1": "a", "b$2": "b"})
    expected = {**payload, "inputs": ["a", "image"], "taps": ["b"]}
    assert json.loads(renamed.removeprefix(TAG_PREFIX)) == expected
    assert renamed_tag("a$1", {"a$1": "a"}) == "a$1"  # the user's own


def rich():
    """A pipeline with a reference of each kind in it. Returns its output and what it reads."""
    image = hl.ImageParam(hl.UInt(8), 2, "naming_image")
    gain = hl.Param(hl.UInt(8), "naming_gain")
    table = hl.Buffer(np.arange(256, dtype=np.uint8)[::-1].copy())
    low, high, pair, total, out = (hl.Func(f"naming_{n}") for n in ("stage", "stage", "pair", "total", "out"))
    r = hl.RDom([(0, 3)])
    low[x, y] = hl.u16(image[x, y]) + table[hl.i32(image[x, y])] + hl.u16(table.width())
    high[x, y] = low[x, y] * gain + hl.u16(image.width())
    pair[x, y] = (low[x, y], high[x, y] + low[x + 1, y])
    total[x, y] = hl.u16(0)
    total[x, y] += pair[x + r, y][0] + pair[x, y][1]
    out[x, y] = total[x, y] + hl.sum(low[x + r, y])
    out[x, y] += hl.u16(out.output_buffer().width())
    out.output_buffer().dim(1).set_min(0).set_stride(32)
    low.compute_root()
    low.in_(pair).compute_at(total, y)
    total.compute_at(out, y).linebuffer().fifo_depth(out, 3)
    out.accelerate([low, image], x, y)
    return out, image, gain


def names_of(loaded):
    return [*loaded.pipeline.funcs, *loaded.pipeline.buffers, *loaded.parameters]


def test_a_pipeline_under_plain_names():
    """Every reference is renamed: Halide takes the pipeline back, and it computes what it did."""
    (first, *_), (out, image, gain) = rich(), rich()
    loaded = load(out)
    plain = plainly_named(loaded)
    assert names_of(loaded) != names_of(load(first))
    assert names_of(plain) == names_of(plainly_named(load(first)))
    assert sorted(plain.pipeline.funcs) == [
        "naming_image_im",
        "naming_out",
        "naming_pair",
        "naming_stage",
        "naming_stage$1",
        "naming_stage_in_naming_pair",
        "naming_total",
        "sum",
    ]
    func = plain.pipeline.funcs["naming_out"]
    assert annotations_of(func).accelerate == Accelerate(("naming_stage", "naming_image"), "x", "y", ())
    assert annotations_of(plain.pipeline.funcs["naming_total"]).fifo_depths == (("naming_out", 3),)
    assert plain.pipeline.funcs["naming_total"].schedule.compute_level.func == "naming_out"
    assert plain.pipeline.outputs == (plain.plain_name(out.name()),) == ("naming_out",)
    assert plain.plain_name("naming_stage$1") in ("naming_stage", "naming_stage$1")
    assert plain.plain_name("anything") == "anything"
    pixels = np.random.default_rng(1).integers(0, 256, (8, 40), np.uint8)
    image.set(hl.Buffer(pixels))
    for value in (3, 200):
        gain.set(value)
        result, expected = np.zeros((6, 32), np.uint16), np.zeros((6, 32), np.uint16)
        to_halide(plain.root, plain.parameters).realize(hl.Buffer(result))
        hl.Pipeline(out).realize(hl.Buffer(expected))
        assert expected.any()
        np.testing.assert_array_equal(result, expected)


def test_bounds_of_an_output_are_kept():
    """An output's parameter is copied: what the user fixed of it holds on."""
    out, image, gain = rich()
    pixels, result = np.zeros((8, 40), np.uint8), np.zeros((6, 24), np.uint16)
    image.set(hl.Buffer(pixels))
    gain.set(1)
    plain = plainly_named(load(out))
    with pytest.raises(hl.HalideError, match=r"naming_out.stride.1 \(24\) .*32"):
        to_halide(plain.root, plain.parameters).realize(hl.Buffer(result))


def test_a_pipeline_with_plain_names_is_left_alone():
    # Halide counts names by a hash of 14 bits: any name may get a number.
    out = next(f for f in (hl.Func(f"naming_left_{letter}") for letter in "abcdefgh") if "$" not in f.name())
    out[x] = x
    loaded = load(out)
    assert plainly_named(loaded) is loaded


def test_func_beside_a_param_of_its_name():
    """A Func may be called as a Param is, though Halide gives it no buffer of its own then; it is numbered."""
    for _ in range(2):
        gain = hl.Param(hl.UInt(8), "naming_beside")
        func, out = hl.Func(gain.name()), hl.Func("naming_beside_out")
        func[x] = hl.u16(x) * gain
        func.compute_root()
        out[x] = func[x]
        gain.set(7)
        plain = plainly_named(load(out))
        assert list(plain.pipeline.funcs) == ["naming_beside$1", "naming_beside_out"]
        assert np.array(to_halide(plain.root, plain.parameters).realize([3])).tolist() == [0, 7, 14]
