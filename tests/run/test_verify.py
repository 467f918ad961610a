"""Comparison with Halide, and the inputs of a verification."""

import re
import subprocess
import sys
import textwrap

import halide as hl
import numpy as np
import pytest
from PIL import Image

import fluorite
from fluorite.errors import UsageError
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.run.verify import compare, output_arrays, output_names, output_sizes, set_photos, set_random, set_scalars

MIXED = """
    import halide as hl

    @hl.generator("mixed")
    class Mixed:
        left = hl.InputBuffer(hl.UInt(8), 2)
        right = hl.InputBuffer(hl.UInt(16), 3)
        gain = hl.InputScalar(hl.Int(32))
        sums = hl.OutputBuffer([hl.Int(32), hl.UInt(8)], 2)
        copied = hl.OutputBuffer(hl.UInt(8), 2)

        def generate(self):
            x, y = hl.vars("x y")
            inside = hl.BoundaryConditions.repeat_edge(self.right)
            window = hl.i32(self.left[x - 1, y]) + self.left[x + 2, y + 3]
            self.sums[x, y] = (window * self.gain + inside[x, y, 2], self.left[x, y])
            self.copied[x, y] = self.left[x, y]
"""


@pytest.fixture
def mixed(tmp_path):
    (tmp_path / "mixed.py").write_text(textwrap.dedent(MIXED))
    return load_pipeline(tmp_path / "mixed.py")


def extents(parameter):
    buffer = parameter.get()
    return [(buffer.dim(d).min(), buffer.dim(d).extent()) for d in range(buffer.dimensions())]


def test_equal_arrays_have_no_mismatch():
    array = np.arange(12, dtype=np.int16).reshape(3, 4)
    assert compare("output", array, array.copy()) is None
    assert compare("output", np.full(3, np.nan, np.float32), np.full(3, np.nan, np.float32)) is None


def test_mismatch_names_the_first_in_raster_order():
    expected = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    actual = expected.copy()
    actual[1, 2, 3] = -5
    actual[0, 1, 2] += 256  # only the high byte differs
    mismatch = compare("output", expected, actual)
    assert mismatch.position == (2, 1, 0)
    assert str(mismatch) == "output: 2 of 24 values differ, the first at (2, 1, 0): Halide 6, hardware 262"


def test_compare_sees_bits():
    assert compare("output", np.zeros(1, np.float32), -np.zeros(1, np.float32)).count == 1


def test_compare_refuses_other_shapes_and_types():
    for other in (np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.int8)):
        with pytest.raises(ValueError, match=r"^output: cannot compare uint8 \(3, 2\) with "):
            compare("output", np.zeros((3, 2), np.uint8), other)


def test_random_inputs_are_what_the_pipeline_reads(mixed):
    set_scalars(mixed, {"gain": "3"})
    set_random(mixed, [30, 20], seed=1)
    left, right, _ = mixed.inputs
    assert extents(left.parameter) == [(-1, 33), (0, 23)]
    assert extents(right.parameter)[:2] == [(0, 30), (0, 20)]
    assert extents(right.parameter)[2][1] >= 3
    arrays = output_arrays(mixed.pipeline.realize([30, 20]))
    assert [a.shape for a in arrays] == [(20, 30)] * 3
    set_random(mixed, [11, 7], seed=1)
    assert extents(left.parameter) == [(-1, 14), (0, 10)]
    first = np.array(left.parameter.get())
    set_random(mixed, [11, 7], seed=1)
    np.testing.assert_array_equal(np.array(left.parameter.get()), first)
    set_random(mixed, [11, 7], seed=2)
    assert (np.array(left.parameter.get()) != first).any()


def test_outputs_have_a_name_each(mixed):
    assert output_names(mixed) == ["sums.0", "sums.1", "copied"]


def test_sizes_of_outputs(mixed):
    assert output_sizes(mixed, [4, 5]) == [4, 5]
    with pytest.raises(UsageError, match=r"^mixed's output has 2 dimensions, the size 4x5x3 has 3$"):
        output_sizes(mixed, [4, 5, 3])


def test_scalars_must_be_given(mixed):
    with pytest.raises(UsageError, match=r"^mixed needs a value of type int32 for gain: --set gain=VALUE$"):
        set_scalars(mixed, {})
    with pytest.raises(UsageError, match=r"^mixed has no input 'gian'; its inputs are: left, right, gain$"):
        set_scalars(mixed, {"gian": "3"})


def test_photos_by_order_and_by_name(mixed, tmp_path):
    left, right = str(tmp_path / "l.png"), str(tmp_path / "r.png")
    Image.fromarray(np.zeros((6, 9), np.uint8)).save(left)
    Image.fromarray(np.zeros((7, 8, 3), np.uint8)).save(right)
    for photos in ([left, right], [f"right={right}", left], [f"left={left}", f"right={right}"]):
        assert set_photos(mixed, photos) == [9, 6]
        assert extents(mixed.images[0].parameter) == [(0, 9), (0, 6)]
        assert extents(mixed.images[1].parameter) == [(0, 8), (0, 7), (0, 3)]
    assert set_photos(mixed, [left, right], [5, 3]) == [5, 3]
    assert extents(mixed.images[1].parameter) == [(0, 5), (0, 3), (0, 3)]
    for photos, message in (
        ([left], "mixed needs a photograph for right: -i right=FILE"),
        ([left, right, left], f"{left}: mixed takes 2 images and not 3"),
        ([f"left={left}", f"left={left}"], "mixed's left is given twice"),
    ):
        with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
            set_photos(mixed, photos)


def test_colour_outputs_have_three_channels(tmp_path):
    path = tmp_path / "colour.py"
    path.write_text(
        'import halide as hl\n@hl.generator("colour")\nclass Colour:\n'
        "    output = hl.OutputBuffer(hl.UInt(8), 3)\n"
        '    def generate(self):\n        x, y, c = hl.vars("x y c")\n        self.output[x, y, c] = hl.u8(x + y + c)\n'
    )
    loaded = load_pipeline(path)
    assert output_sizes(loaded, [4, 5]) == [4, 5, 3]
    assert output_sizes(loaded, [4, 5, 2]) == [4, 5, 2]
    assert output_arrays(hl.Buffer(np.zeros((2, 3), np.uint8)))[0].shape == (2, 3)


def written(path, name, body):
    """A pipeline file of one image in, one out, which `body` sees."""
    text = (
        f"import halide as hl\n\n\n@hl.generator({name!r})\nclass Pipeline:\n"
        "    input = hl.InputBuffer(hl.UInt(8), 2)\n    output = hl.OutputBuffer(hl.UInt(8), 2)\n\n"
        "    def generate(self):\n        input, output = self.input, self.output\n"
    )
    path.write_text(text + textwrap.indent(textwrap.dedent(body), " " * 8))
    return path


@pytest.mark.parametrize("border", ["mirror_interior", "mirror_image", "repeat_image", "repeat_edge"])
def test_an_image_behind_a_border_has_the_size_of_the_output(tmp_path, border):
    body = f"""
        x, y = hl.vars("x y")
        inside = hl.BoundaryConditions.{border}(input)
        output[x, y] = inside[x - 1, y] + inside[x + 2, y + 1]
    """
    loaded = load_pipeline(written(tmp_path / "border.py", "border", body))
    for sizes in ([30, 20], [5, 4]):
        set_random(loaded, sizes, 0)
        assert extents(loaded.images[0].parameter) == [(0, n) for n in sizes]


CHAIN = """
    x, y = hl.vars("x y")
    previous = hl.BoundaryConditions.repeat_edge(input)
    for number in range(8):
        stage = hl.Func(f"stage{number}")
        taps = [previous[x + i, y + j] for i in (-1, 0, 1) for j in (-1, 0, 1)]
        stage[x, y] = taps[0] ^ (taps[1] + taps[2] * 3 + taps[3] + taps[4] + taps[5] * 5 + taps[6] + taps[7] + taps[8])
        if number < 7:
            stage.linebuffer()
        previous = stage
    output[x, y] = previous[x, y]
    previous.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64)
    previous.accelerate([input], x, hl.Var.outermost())
"""


def test_the_reference_has_no_lanes_to_round_up_to():
    """Halide, which would compute 18 pixels here, is not allowed to."""
    x = hl.Var("x")
    source, hw, out = hl.ImageParam(hl.UInt(8), 1, "source"), hl.Func("hw"), hl.Func("out")
    hw[x] = source[x] + 1
    out[x] = hw[x]
    hw.compute_root().bound(x, 0, 16).unroll(x, 3, hl.TailStrategy.RoundUp)
    hw.accelerate([source], x, hl.Var.outermost())
    pixels = np.arange(40, dtype=np.uint8)
    source.set(hl.Buffer(pixels))
    design = fluorite.compile(out)
    assert list(np.array(design.reference.realize([16]))) == list(np.array(design.realize([16]))) == list(range(1, 17))


def test_the_reference_computes_line_buffered_stages_once(tmp_path):
    # 9 taps to the power of 8 stages, inlined: Halide would not even compile it.
    path = written(tmp_path / "chain.py", "chain", CHAIN)
    command = [sys.executable, "-m", "fluorite.cli", "verify", str(path), "--sizes", "9x7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert "chain: the same as Halide, bit for bit" in done.stdout
