"""Loading pipeline files: what is accepted, and the exact message of every refusal."""

import re
import textwrap

import halide as hl
import numpy as np
import pytest
from halide import _generator_helpers

from fluorite.errors import ScheduleError, UsageError
from fluorite.frontend.pipeline_file import load_pipeline

SCALED = """
    import halide as hl

    @hl.generator(name="scaled")
    class Scaled:
        factor = hl.GeneratorParam(2)
        gain = hl.GeneratorParam(1.5)
        negate = hl.GeneratorParam(False)
        label = hl.GeneratorParam("plain")
        kind = hl.GeneratorParam(hl.UInt(16))
        input = hl.InputBuffer(hl.UInt(8), 2)
        offset = hl.InputScalar(hl.Int(16))
        output = hl.OutputBuffer(hl.Int(32), 2)

        def generate(self):
            x, y = hl.vars("x y")
            assert isinstance(self.negate, bool) and isinstance(self.gain, float)
            value = hl.i32(self.input[x, y]) * self.factor + self.offset
            self.output[x, y] = -value if self.negate else value
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="pipeline.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write


def refused(path, message, params=None):
    with pytest.raises(UsageError, match=f"^{re.escape(f'{path}{message}')}$"):
        load_pipeline(path, params)


def test_inputs_outputs_and_params_are_described(write):
    path = write(SCALED)
    loaded = load_pipeline(path, {"factor": "3"})
    assert loaded.path == path
    assert loaded.name == "scaled"
    assert [(i.name, i.type, i.dimensions, i.is_buffer) for i in loaded.inputs] == [
        ("input", "uint8", 2, True),
        ("offset", "int16", 0, False),
    ]
    assert loaded.images == loaded.inputs[:1]
    assert loaded.scalars == loaded.inputs[1:]
    assert [(o.name, o.types, o.dimensions) for o in loaded.outputs] == [("output", ("int32",), 2)]
    assert list(loaded.params) == ["factor", "gain", "negate", "label", "kind"]
    assert loaded.params["factor"] == 3


def test_inputs_reach_the_pipeline(write):
    loaded = load_pipeline(write(SCALED), {"factor": "0x10", "negate": "true", "gain": "2", "kind": "int8"})
    image = np.arange(15, dtype=np.uint8).reshape(3, 5)
    loaded.set_image("input", image)
    loaded.set_scalar("offset", "-7")
    output = np.array(loaded.pipeline.realize([5, 3]))
    np.testing.assert_array_equal(output, -(image.astype(np.int32) * 16 - 7))


def test_images_of_64_bits(write):
    """numpy's own uint64 is a type that Halide's bindings do not know."""
    text = SCALED.replace("hl.UInt(8), 2", "hl.UInt(64), 2")
    assert text != SCALED
    loaded = load_pipeline(write(text))
    loaded.set_image("input", np.array([[1 << 20, 5]], np.uint64))
    loaded.set_scalar("offset", "1")
    np.testing.assert_array_equal(np.array(loaded.pipeline.realize([2, 1])), [[(1 << 21) + 1, 11]])


def test_an_array_of_the_other_byte_order(write):
    text = SCALED.replace("hl.UInt(8), 2", "hl.UInt(16), 2")
    loaded = load_pipeline(write(text))
    loaded.set_image("input", np.array([[258, 5]], ">u2"))
    loaded.set_scalar("offset", "0")
    np.testing.assert_array_equal(np.array(loaded.pipeline.realize([2, 1])), [[516, 10]])


def test_an_image_may_start_anywhere(write):
    loaded = load_pipeline(write(SCALED))
    image = np.arange(30, dtype=np.uint8).reshape(5, 6)
    loaded.set_image("input", image, mins=(-1, -2))
    loaded.set_scalar("offset", "0")
    np.testing.assert_array_equal(np.array(loaded.pipeline.realize([5, 3])), 2 * image[2:, 1:].astype(np.int32))


def test_an_array_that_goes_out_of_scope_stays_alive(write):
    loaded = load_pipeline(write(SCALED))
    loaded.set_image("input", np.full((500, 400), 3, np.uint8)[::-1])
    loaded.set_scalar("offset", "0")
    np.full((500, 400), 9, np.uint8)
    assert np.array(loaded.pipeline.realize([400, 500])).mean() == 6


def test_a_file_loads_again_and_registers_nothing(write):
    registered = dict(_generator_helpers._python_generators)
    path = write(SCALED)
    assert load_pipeline(path).params["factor"] == 2
    assert load_pipeline(path, {"factor": "5"}).params["factor"] == 5
    assert load_pipeline(write(SCALED, "copy.py")).name == "scaled"
    assert _generator_helpers._python_generators == registered


def test_a_file_imports_its_neighbours(write):
    write(SCALED.replace('"scaled"', '"neighbour"'), "neighbour_of_pipeline.py")
    path = write("from neighbour_of_pipeline import Scaled as Other\n" + textwrap.dedent(SCALED))
    assert load_pipeline(path).name == "scaled"
    assert load_pipeline(path).name == "scaled"


def test_an_alias_is_no_second_generator(write):
    path = write(
        SCALED.replace('@hl.generator(name="scaled")', '@hl.alias(five={"factor": 5})\n    @hl.generator("scaled")')
    )
    assert load_pipeline(path).name == "scaled"


def test_missing_file(tmp_path):
    refused(tmp_path / "none.py", ": no such file")
    refused(tmp_path, ": no such file")


def test_other_ending(write):
    refused(write(SCALED, "pipeline.txt"), ": is not a Python file (its name must end in .py)")


def test_no_generator(write):
    message = ": holds no Halide generator; decorate one class with @hl.generator(name=...)"
    refused(write("import halide as hl"), message)
    write(SCALED.replace('"scaled"', '"imported"'), "only_imported.py")
    refused(write("from only_imported import Scaled"), message)


def test_several_generators(write):
    text = SCALED + SCALED.replace('"scaled"', '"another"')
    refused(write(text), ": holds 2 Halide generators (another, scaled); keep one in a file")


def test_unknown_param(write):
    path = write(SCALED)
    refused(path, ": scaled has no GeneratorParam 'size'; it has: factor, gain, negate, label, kind", {"size": "3"})
    bare = write(
        'import halide as hl\n@hl.generator("bare")\nclass Bare:\n    output = hl.OutputBuffer(hl.UInt(8), 1)\n'
    )
    refused(bare, ": bare has no GeneratorParam 'size'; it has: none", {"size": "3"})


@pytest.mark.parametrize(
    ("key", "text", "what"),
    [
        ("factor", "many", "an integer"),
        ("factor", "2.5", "an integer"),
        ("factor", "", "an integer"),
        ("gain", "loud", "a number"),
        ("negate", "perhaps", "true or false"),
        (
            "kind",
            "u8",
            "one of bool, float16, float32, float64, int16, int32, int8, uint16, uint32, uint8",
        ),
    ],
)
def test_badly_valued_param(write, key, text, what):
    refused(write(SCALED), f": scaled's GeneratorParam {key} must be {what}, not {text!r}", {key: text})


def test_syntax_error(write):
    refused(write("import halide as hl\nclass :\n"), ":2: invalid syntax")


def test_exception_at_import(write):
    refused(write("\n\nraise ValueError('two\\nlines')"), ":3: ValueError: two lines")


def test_exception_in_generate(write):
    path = write(SCALED.replace("x, y = hl.vars", "x, y, z = hl.vars"))
    refused(path, ":16: ValueError: not enough values to unpack (expected 3, got 2)")


def test_halides_own_error(write):
    path = write(SCALED.replace("self.output[x, y] =", "self.output[x, x] ="))
    with pytest.raises(UsageError, match=rf"^{re.escape(str(path))}:19: [^\n]+$") as caught:
        load_pipeline(path)
    assert isinstance(caught.value.__cause__, hl.HalideError)


def test_errors_of_fluorite_pass_through(write):
    path = write("from fluorite.errors import ScheduleError\nraise ScheduleError('f', 'construct', 'rule', 'way out')")
    with pytest.raises(ScheduleError, match=r"^f: construct: rule; way out$"):
        load_pipeline(path)


def test_wrong_inputs(write):
    loaded = load_pipeline(write(SCALED))
    for call, message in (
        (
            lambda: loaded.set_image("inputs", np.zeros((2, 2), np.uint8)),
            "scaled has no input 'inputs'; its inputs are: input, offset",
        ),
        (
            lambda: loaded.set_image("input", np.zeros((2, 2), np.int8)),
            "scaled.input takes a 2-D image of uint8, not a 2-D image of int8",
        ),
        (
            lambda: loaded.set_image("input", np.zeros((2, 2, 3), np.uint8)),
            "scaled.input takes a 2-D image of uint8, not a 3-D image of uint8",
        ),
        (
            lambda: loaded.set_image("offset", np.zeros((), np.int16)),
            "scaled.offset takes a scalar of type int16, not a 0-D image of int16",
        ),
        (lambda: loaded.set_scalar("input", "3"), "scaled.input takes a 2-D image of uint8, not a scalar"),
        (lambda: loaded.set_scalar("offset", "x"), "scaled.offset must be a value of type int16, not 'x'"),
        (lambda: loaded.set_scalar("offset", "32768"), "scaled.offset must be a value of type int16, not '32768'"),
    ):
        with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
            call()


@pytest.mark.parametrize(
    ("halide", "text", "value"),
    [
        ("UInt(8)", "255", 255),
        ("Int(32)", "-0x80000000", -(2**31)),
        ("Float(32)", "0.5", 0.5),
        ("Bool()", "true", True),
    ],
)
def test_scalar_types(write, halide, text, value):
    loaded = load_pipeline(
        write(f"""
        import halide as hl

        @hl.generator("scalar")
        class Scalar:
            value = hl.InputScalar(hl.{halide})
            output = hl.OutputBuffer(hl.Float(64), 1)

            def generate(self):
                x = hl.Var("x")
                self.output[x] = hl.f64(self.value)
        """)
    )
    loaded.set_scalar("value", text)
    assert np.array(loaded.pipeline.realize([1])).tolist() == [value]
