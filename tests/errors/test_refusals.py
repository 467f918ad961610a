"""What the compiler refuses, each by a small pipeline, with the exact words: Func, construct, rule, way out."""

import re

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import ScheduleError, UnsupportedError, UsageError

x, y, c, k, v, f, xo, yo, xi, yi = hl.vars("x y c k v f xo yo xi yi")
OUTERMOST = hl.Var.outermost()

REFUSED = {}


def refused(kind, message):
    """A function that makes a pipeline which the compiler must refuse with this message."""

    def register(build):
        REFUSED[build.__name__] = (build, kind, message)
        return build

    return register


def image(name="source", type_=None, dimensions=2):
    return hl.ImageParam(hl.UInt(8) if type_ is None else type_, dimensions, name)


def whole(func, *variables):
    func.compute_root()
    for variable in variables or (x, y):
        func.set_estimate(variable, 0, 64)
    return func


def copied(func, variables=(x, y)):
    output = hl.Func("output")
    output[variables] = func[variables]
    return output


def accelerated(value, inputs, variables=(x, y), name="hw"):
    """A pipeline whose Func ``hw`` has this value."""
    hw = hl.Func(name)
    hw[variables] = value
    whole(hw, *variables).accelerate(inputs, variables[0], OUTERMOST)
    return copied(hw, variables)


def plain(source, **schedule):
    """Func ``hw`` of two pixels, with nothing scheduled."""
    hw = hl.Func("hw")
    hw[x, y] = source[x, y] + source[x + 1, y]
    return hw


def reducing(source, r, *unrolled, by=None):
    hw = hl.Func("hw")
    hw[x, y] = hl.u8(0)
    hw[x, y] += source[x + r.x, y]
    for variable in unrolled:
        hw.update().unroll(variable) if by is None else hw.update().unroll(variable, by)
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)


# --- indices ----------------------------------------------------------------------------------------------------------

_INDEX = (
    "a stream is read at a pure variable plus a constant, or at a border condition of that, in each of the 2 scanned "
    "dimensions; compute source at this index in software, or remove source from the inputs and stages"
)


@refused(UnsupportedError, f"hw: index (x * 2) in source((x * 2), y): {_INDEX}")
def downsampled():
    source = image()
    return accelerated(source[x * 2, y], [source])


@refused(UnsupportedError, f"hw: index (x / 2) in source((x / 2), y): {_INDEX}")
def upsampled():
    source = image()
    return accelerated(source[x / 2, y], [source])


@refused(UnsupportedError, f"hw: index (0 - x) in source((0 - x), y): {_INDEX}")
def mirrored():
    source = image()
    return accelerated(source[-x, y], [source])


@refused(UnsupportedError, f"hw: index x in source(x, x): {_INDEX}")
def diagonal():
    source = image()
    return accelerated(source[x, x], [source])


@refused(UnsupportedError, f"hw: index (x + y) in source((x + y), y): {_INDEX}")
def skewed():
    source = image()
    return accelerated(source[x + y, y], [source])


@refused(UnsupportedError, f"hw: index int32(source_im(x, y)) in source(int32(source_im(x, y)), y): {_INDEX}")
def index_by_data():
    source = image()
    return accelerated(source[hl.i32(source[x, y]), y], [source])


@refused(
    UnsupportedError,
    "hw: source(y, x) scans source in another way than elsewhere: a stream has one raster order, and an argument "
    "is a number in all reads or in none; make a copy of source for this read in software",
)
def transposed_and_not():
    source = image()
    return accelerated(source[x, y] + source[y, x], [source])


@refused(
    UnsupportedError,
    "hw: source(0, y) scans 1 dimensions: every stream of this accelerator scans the 2 dimensions of hw; give "
    "source the dimensions of hw",
)
def constant_index():
    source = image()
    return accelerated(source[0, y], [source])


@refused(
    UnsupportedError,
    "hw: source(x) scans 1 dimensions: every stream of this accelerator scans the 2 dimensions of hw; give source"
    " the dimensions of hw",
)
def input_of_fewer_dimensions():
    source = image(dimensions=1)
    return accelerated(source[x], [source])


@refused(
    UnsupportedError,
    "hw: table(int32(source_im(x, y))): index 0 ranges over 0..255, but table over 0..199; clamp the index",
)
def table_shorter_than_its_index():
    source = image()
    table = hl.Buffer(np.arange(200, dtype=np.uint8), "table")
    return accelerated(table[hl.i32(source[x, y])], [source])


@refused(
    UnsupportedError,
    "hw: border condition max(min(x - 1, 99), 0): hardware does borders of whole images, and x is tiled; "
    "accelerate at hl.Var.outermost() without tile(), or compute the padded Func in software as an input",
)
def border_of_a_tile():
    source = image()
    hw = hl.Func("hw")
    hw[x, y] = source[hl.clamp(x - 1, 0, 99), y]
    hw.compute_root().tile(x, y, xo, yo, xi, yi, 16, 16).accelerate([source], xi, xo)
    return copied(hw)


@refused(
    UnsupportedError,
    "repeat_edge: channel max(min(0, ((0 + source.extent.2) - 1)), 0) in source(max(min(likely(_0), (... - 1)), 0), "
    "max(min(likely(_1), (... - 1)), 0), max(min(likely(_2), (... - 1)), 0)): which channel is read must be known "
    "before there is an image; give the border condition's bounds along it as numbers",
)
def border_of_channels_that_the_image_says():
    source, hw = image(dimensions=3), hl.Func("hw")
    bounds = [(0, source.width()), (0, source.height()), (0, source.channels())]
    hw[x, y, c] = hl.BoundaryConditions.repeat_edge(source, bounds)[x - 1, y, c]
    whole(hw).bound(c, 0, 3).reorder(c, x, y).unroll(c).accelerate([source], x, OUTERMOST)
    return copied(hw, (x, y, c))


# --- definitions ------------------------------------------------------------------------------------------------------


@refused(
    UnsupportedError,
    "hw: other(x, y) reads the ImageParam other: an accelerator reads only its inputs; name other in the inputs "
    "of accelerate()",
)
def other_image():
    source, other = image(), image("other")
    return accelerated(source[x, y] + other[x, y], [source])


@refused(
    UnsupportedError,
    "blurred: define_extern(blur_in_c): hardware needs a definition to compile; compute it in software and pass "
    "it as an input of accelerate()",
)
def extern_stage():
    source = image()
    blurred = hl.Func("blurred")
    blurred.define_extern("blur_in_c", [source], hl.UInt(8), 2)
    return accelerated(blurred[x, y], [source])


@refused(
    UnsupportedError,
    "hw: update 0 of element (r$x, y): an update must write the element it is computed for; write hw[x, y] = ...",
)
def scatter():
    source = image()
    r = hl.RDom([(0, 4)], "r")
    hw = hl.Func("hw")
    hw[x, y] = hl.u8(0)
    hw[r.x, y] += source[r.x, y]
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    UnsupportedError,
    "hw: update 0 of element (r$x, y): an update must write the element it is computed for; write hw[x, y] = ...",
)
def recursion_along_the_scan():
    source = image()
    r = hl.RDom([(1, 30)], "r")
    hw = hl.Func("hw")
    hw[x, y] = source[x, y]
    hw[r.x, y] = hw[r.x - 1, y] + source[r.x, y]
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(UnsupportedError, "hw: specialize(): an accelerator has one schedule; remove the specialization")
def specialized():
    source, mode = image(), hl.Param(hl.Int(32), "mode")
    hw = plain(source)
    whole(hw).specialize(mode > 3)
    hw.accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(UnsupportedError, "hw: specialize(): an accelerator has one schedule; remove the specialization")
def specialized_update():
    source, mode = image(), hl.Param(hl.Int(32), "mode")
    hw = plain(source)
    hw[x, y] += source[x, y]
    hw.update().specialize(mode > 3)
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    UnsupportedError,
    "hw: update 0 reduces over r.x (4 values) in time: one pixel a cycle needs the whole reduction in space; add "
    "hw.update(0).unroll(r.x)",
)
def reduction_in_time():
    return reducing(image(), hl.RDom([(0, 4)], "r"))


@refused(
    UnsupportedError,
    "hw: update 0 reduces over r.x (4 values) in time: one pixel a cycle needs the whole reduction in space; add "
    "hw.update(0).unroll(r.x)",
)
def reduction_partly_in_time():
    r = hl.RDom([(0, 4)], "r")
    return reducing(image(), r, r.x, by=2)


@refused(UnsupportedError, "hw: bounds of r$x: a reduction domain needs constant bounds; use numbers")
def reduction_of_variable_extent():
    r = hl.RDom([(0, hl.Param(hl.Int(32), "radius"))], "r")
    return reducing(image(), r, r.x)


@refused(UnsupportedError, "hw: input source: nothing that is computed reads it; remove it from the inputs")
def reduction_over_nothing():
    r = hl.RDom([(0, 0)], "r")
    return reducing(image(), r, r.x)


# --- types and operations ---------------------------------------------------------------------------------------------


@refused(
    UnsupportedError,
    "hw: float32(source_im(x, y)): float32 arithmetic has no hardware; use integer or fixed-point arithmetic, or "
    "leave it to software",
)
def float_arithmetic():
    source = image()
    return accelerated(hl.u8(hl.f32(source[x, y]) * 0.5), [source])


@refused(
    UnsupportedError,
    "hw: float32(source_im(x, y)): float32 arithmetic has no hardware; use integer or fixed-point arithmetic, or "
    "leave it to software",
)
def float_result():
    source = image()
    return accelerated(hl.f32(source[x, y]), [source])


@refused(
    UnsupportedError,
    "hw: a value of type float32: streams carry integers; convert to an integer type in the hardware's last Func",
)
def float_constant_result():
    source, hw = image(), hl.Func("hw")
    hw[x, y] = (hl.f32(1.5), source[x, y])
    whole(hw).accelerate([source], x, OUTERMOST)
    output = hl.Func("output")
    output[x, y] = hw[x, y][1]
    return output


@refused(
    ScheduleError,
    "hw: input source of type float32: streams carry integers; convert it to an integer type in software",
)
def float_input():
    source = image(type_=hl.Float(32))
    return accelerated(hl.u8(source[x, y]), [source])


@refused(
    UnsupportedError,
    "hw: gain: only integer scalar Params reach the hardware; compute what depends on it in software",
)
def float_param():
    source = image()
    return accelerated(source[x, y] * hl.u8(hl.Param(hl.Float(32), "gain")), [source])


@refused(
    UnsupportedError,
    "hw: float32(source_im(x, y)): float32 arithmetic has no hardware; use integer or fixed-point arithmetic, or "
    "leave it to software",
)
def square_root():
    source = image()
    return accelerated(hl.u8(hl.sqrt(hl.f32(source[x, y]))), [source])


@refused(
    UnsupportedError,
    "hw: stringify(source_im(x, y), '\\n'): handle64 arithmetic has no hardware; use integer or fixed-point "
    "arithmetic, or leave it to software",
)
def printed():
    source = image()
    return accelerated(hl.print(source[x, y]), [source])


# --- annotations and schedules ----------------------------------------------------------------------------------------


@refused(
    ScheduleError,
    "output: no accelerate(): a design has at least one accelerator; call accelerate() on the Func to put into "
    "hardware",
)
def no_accelerator():
    return copied(plain(image()))


@refused(
    ScheduleError,
    "hw: taps=[weights]: coefficient memories are not supported; make it an input or a constant Func",
)
def taps():
    source, weights = image(), image("weights")
    hw = plain(source)
    whole(hw).accelerate([source], x, OUTERMOST, taps=[weights])
    return copied(hw)


@refused(ScheduleError, "hw: input other: the accelerated Func does not read it; remove it from the inputs")
def input_that_is_not_read():
    source, other = image(), hl.Func("other")
    other[x, y] = source[x, y]
    hw = plain(source)
    whole(hw).accelerate([source, other], x, OUTERMOST)
    output = hl.Func("output")
    output[x, y] = hw[x, y] + other[x, y]
    return output


@refused(
    ScheduleError,
    "hw: input other: it is not part of the pipeline; name a Func or ImageParam that the accelerated Func reads",
)
def input_of_another_pipeline():
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source, image("other")], x, OUTERMOST)
    return copied(hw)


@refused(ScheduleError, "hw: input pair: a Tuple cannot be streamed in; pass its elements as separate Funcs")
def tuple_input():
    source, pair = image(), hl.Func("pair")
    pair[x, y] = (source[x, y], source[x + 1, y])
    pair.compute_root()
    return accelerated(pair[x, y][0] + pair[x, y][1], [pair])


@refused(
    ScheduleError,
    "hw: accelerate(): it is accelerated twice, in different ways; call accelerate() once per Func",
)
def accelerated_twice():
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source], x, OUTERMOST)
    hw.accelerate([source], y, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: accelerate(): it has no pure dimension to scan; accelerate a Func of one dimension or more",
)
def no_dimension():
    source, hw, output = image(), hl.Func("hw"), hl.Func("output")
    hw[()] = source[0, 0]
    hw.compute_root().accelerate([source], x, OUTERMOST)
    output[()] = hw[()]
    return output


@refused(
    ScheduleError,
    "hw: a launch of 5 dimensions: streams have at most 4; choose an inner store_var, or unroll a dimension whole",
)
def five_dimensions():
    source = image(dimensions=5)
    return accelerated(source[x, y, c, k, v], [source], (x, y, c, k, v))


@refused(ScheduleError, "hw: vectorize of x.v: hardware has lanes, not vectors; use unroll for more pixels a cycle")
def vectorized():
    source = image()
    hw = plain(source)
    whole(hw).vectorize(x, 8).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: fuse into x.f: a launch scans the Func's own dimensions; leave the dimensions inside a launch unfused",
)
def fused():
    source = image()
    hw = plain(source)
    whole(hw).fuse(x, y, f).accelerate([source], f, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: compute_with(): the loops of an accelerated Func are hardware and cannot be shared with another Func; "
    "remove compute_with()",
)
def computed_with_another():
    source, other, output = image(), hl.Func("other"), hl.Func("output")
    hw = plain(source)
    other[x, y] = source[x, y] + 1
    whole(hw).accelerate([source], x, OUTERMOST)
    other.compute_root().compute_with(hw, y)
    output[x, y] = hw[x, y] + other[x, y]
    return output


@refused(ScheduleError, "hw: compute_var y: the innermost loop that is not unrolled is x; accelerate at x, or reorder")
def compute_var_that_is_not_innermost():
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source], y, OUTERMOST)
    return copied(hw)


@refused(ScheduleError, "hw: store_var xo: the Func has no such loop; use one of x, y, or hl.Var.outermost()")
def store_var_that_is_no_loop():
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source], x, xo)
    return copied(hw)


@refused(ScheduleError, "hw: accelerate(..., x, x): no loop is left inside a launch; choose an outer store_var")
def store_var_that_is_innermost():
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source], x, x)
    return copied(hw)


@refused(ScheduleError, "hw: dimension y: no loop inside a launch scans it; choose an outer store_var")
def dimension_outside_the_launch():
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source], x, y)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: two loops over x inside a launch: a launch scans each dimension once; put the outer one outside store_var",
)
def two_loops_over_one_dimension():
    source = image()
    hw = plain(source)
    whole(hw).split(x, xo, xi, 8).accelerate([source], xi, OUTERMOST)
    return copied(hw)


@refused(ScheduleError, "hw: unroll of x.xo: lanes are neighbours; unroll the innermost loop over x")
def lanes_that_are_not_neighbours():
    source = image()
    hw = plain(source)
    hw.compute_root().bound(x, 0, 64).bound(y, 0, 64).split(x, xo, xi, 8).unroll(xo).accelerate([source], xi, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: unroll of all of y: what every cycle computes whole needs a fixed extent; give hw.bound(y, min, extent)",
)
def unrolled_without_a_bound():
    source = image()
    hw = plain(source)
    whole(hw).unroll(y).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: extent of x: a launch needs a greatest extent; tile hw, or give hw.bound(x, min, extent) or "
    "set_estimate(x, min, extent)",
)
def no_largest_extent():
    source = image()
    hw = plain(source)
    hw.compute_root().accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: extent of x: a launch needs a greatest extent; tile hw, or give hw.bound(x, min, extent) or "
    "set_estimate(x, min, extent)",
)
def largest_extent_is_a_param():
    source = image()
    hw = plain(source)
    hw.compute_root().set_estimate(x, 0, hl.Param(hl.Int(32), "width")).set_estimate(y, 0, 64)
    hw.accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: extent of x: a launch of 0 pixels computes nothing; give bound() or set_estimate() the largest extent "
    "there will be",
)
def largest_extent_is_nothing():
    source = image()
    hw = plain(source)
    hw.compute_root().set_estimate(x, 0, 0).set_estimate(y, 0, 64).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(ScheduleError, "hw: split of x: the extent of a launch is not a number; split by constant factors")
def tile_of_variable_size():
    source = image()
    hw = plain(source)
    hw.compute_root().tile(x, y, xo, yo, xi, yi, hl.Param(hl.Int(32), "tile"), 8).accelerate([source], xi, xo)
    return copied(hw)


# --- names ------------------------------------------------------------------------------------------------------------


@refused(
    ScheduleError,
    "hw: input near_1 and input near_1: both need a port near_1_valid in Verilog, where all but letters and "
    "digits becomes an underscore; give one of the Funcs, ImageParams or Params another name",
)
def inputs_of_one_name_in_verilog():
    a, b = image("near_1"), image("near__1")
    return accelerated(a[x, y] + b[x, y], [a, b])


@refused(
    ScheduleError,
    "twain: output twain_1 and input twain_1: both need a port twain_1_valid in Verilog, where all but letters and "
    "digits becomes an underscore; give one of the Funcs, ImageParams or Params another name",
)
def input_named_as_a_tuple_element():
    source, hw, output = image("twain_1"), hl.Func("twain"), hl.Func("output")
    hw[x, y] = (source[x, y], source[x + 1, y])
    whole(hw).accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x, y][0] + hw[x, y][1]
    return output


@refused(
    UnsupportedError,
    "hw: Params p_1 and p__1: both are called p_1 in Verilog, where all but letters and digits becomes an "
    "underscore; give one of them another name",
)
def params_of_one_name_in_verilog():
    source = image()
    return accelerated(source[x, y] + hl.Param(hl.UInt(8), "p_1") + hl.Param(hl.UInt(8), "p__1"), [source])


@refused(
    ScheduleError,
    "hw: input launch and the core's own port: both need a port launch_valid in Verilog, where all but letters "
    "and digits becomes an underscore; give one of the Funcs, ImageParams or Params another name",
)
def named_as_a_port():
    source = image("launch")
    return accelerated(source[x, y], [source])


@refused(
    ScheduleError,
    "rimmed__1: accelerators rimmed_1 and rimmed__1: both are called rimmed_1 in Verilog, where all but letters and "
    "digits becomes an underscore; give one of the Funcs another name",
)
def accelerators_of_one_name_in_verilog():
    source, output = image(), hl.Func("output")
    total = hl.u8(0)
    for name in ("rimmed_1", "rimmed__1"):
        hw = hl.Func(name)
        hw[x, y] = source[x, y] + len(name)
        whole(hw).accelerate([source], x, OUTERMOST)
        total += hw[x, y]
    output[x, y] = total
    return output


@refused(
    ScheduleError,
    "soft: accelerate(): no software reads it: its consumers are inside another accelerator, or read a clone_in() "
    "of it; leave the call out, or name the Func among that accelerator's inputs",
)
def accelerator_inside_another():
    source, soft, hw = image(), hl.Func("soft"), hl.Func("hw")
    soft[x, y] = source[x, y] / 2
    hw[x, y] = soft[x - 1, y] + soft[x, y]
    for func in (soft, hw):
        whole(func).accelerate([source], x, OUTERMOST)
    return copied(hw)


def without_numbers(text):
    """A message without the numbers that Halide appends to names used before in this process."""
    return re.sub(r"\$\d+|(?<=\.v)\d+\b", "", text)


@pytest.mark.parametrize("name", REFUSED)
def test_refusal(name):
    build, kind, message = REFUSED[name]
    with pytest.raises(kind) as caught:
        fluorite.compile(build())
    error = caught.value
    assert type(error) is kind
    assert without_numbers(str(error)) == message
    assert all((error.func, error.construct, error.rule, error.way_out))


def test_board_that_is_not_known():
    with pytest.raises(UsageError, match=r"^no board is named 'zx81'; there are .*pynq-z2.*, or give the path of a "):
        fluorite.compile(copied(plain(image())), board="zx81")


def test_axi_shell_on_a_board_without_a_processor():
    message = "shell must be 'axis' on ulx3s-85f, which has no memory that an accelerator could reach"
    with pytest.raises(UsageError, match=f"^{message}$"):
        fluorite.compile(copied(plain(image())), board="ulx3s-85f", shell="axi")


def test_shell_that_is_not_known():
    with pytest.raises(UsageError, match=r"^kind of a shell must be 'axi' or 'axis', not 'pci'$"):
        fluorite.compile(copied(plain(image())), shell="pci")


def test_software_of_a_stream_shell(tmp_path):
    source = image()
    design = fluorite.compile(accelerated(source[x, y], [source]), name="plain", shell="axis")
    message = "plain: targets: a stream shell has no software: leave them out, or take shell axi"
    with pytest.raises(UsageError, match=f"^{message}$"):
        design.write(tmp_path / "out", ["host"])
    assert not list(tmp_path.iterdir())


def test_target_that_is_not_known_leaves_nothing(tmp_path):
    source = image()
    design = fluorite.compile(accelerated(source[x, y], [source]))
    with pytest.raises(UsageError, match=r"^Halide has no target 'z80': "):
        design.write(tmp_path / "out", ["z80"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [None, 3, "blur", hl.Var("x")])
def test_what_is_not_a_pipeline(wrong):
    with pytest.raises(UsageError, match=r"^a pipeline must be a halide\.Func or a halide\.Pipeline, not "):
        fluorite.compile(wrong)


def test_func_that_is_not_defined():
    with pytest.raises(UsageError, match=r"^the Func nothing(\$\d+)? is not defined$"):
        fluorite.compile(hl.Func("nothing"))
