"""What Halide refuses beside an accelerator, at compile time or in a run, and what no extern stage can have."""

import re

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import ScheduleError, UnsupportedError, UsageError

x, y, xo, yo, xi, yi, u, v = hl.vars("x y xo yo xi yi u v")
OUTERMOST = hl.Var.outermost()
PIXELS = np.random.default_rng(3).integers(0, 256, (22, 37)).astype(np.uint8)


class Pipe:
    """source -> padded (software) -> inner, hw (hardware) -> output (software); whole images, or tiles of 16x8."""

    def __init__(self, tiled=False):
        self.source = hl.ImageParam(hl.UInt(8), 2, "source")
        self.padded, self.inner, self.hw, self.output = (hl.Func(n) for n in ("padded", "inner", "hw", "output"))
        self.padded[x, y] = hl.u16(hl.BoundaryConditions.repeat_edge(self.source)[x, y]) + 1
        self.inner[x, y] = self.padded[x, y] + 2 * self.padded[x, y + 1]
        self.hw[x, y] = self.inner[x - 1, y] + self.inner[x, y] + self.inner[x + 1, y]
        self.output[x, y] = self.hw[x, y] * 3
        self.inner.linebuffer()
        if tiled:
            self.output.tile(x, y, xo, yo, xi, yi, 16, 8)
            self.padded.compute_at(self.output, xo)
            self.hw.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, 16, 8).accelerate([self.padded], xi, xo)
        else:
            self.padded.compute_root()
            self.hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64)
            self.hw.accelerate([self.padded], x, OUTERMOST)


def without_numbers(text):
    """A message without the numbers that Halide appends to names used before in this process."""
    return re.sub(r"\$\d+", "", text)


_PLACE = "the software part has no such place for it: the loops of an accelerator are hardware"
_LEVELS = "leave store_root(), store_at(), hoist_storage() and ring_buffer() of {} out"

# tiled, what is done to it, message
COMPILE = {
    "input_inside_the_output": (
        False,
        lambda p: p.padded.compute_at(p.output, y),
        f"padded: padded.compute_at(output, y): {_PLACE}; use padded.compute_root()",
    ),
    "accelerated_inside_itself": (
        False,
        lambda p: p.hw.compute_at(p.hw, y),
        f"hw: hw.compute_at(hw, y): {_PLACE}; use hw.compute_root() or hw.compute_at(output, "
        "Var::outermost()) or hw.compute_at(output, y) or hw.compute_at(output, x)",
    ),
    "accelerated_outside_its_input": (
        True,
        lambda p: p.hw.compute_root(),
        f"padded: padded.compute_at(output, xo): {_PLACE}; use padded.compute_root()",
    ),
    "hoisted": (
        True,
        lambda p: p.hw.hoist_storage_root(),
        "hw: the software part: Halide refuses it: Couldn't infer the upper bound for the storage size of hw, consider "
        f"using bound_storage; {_LEVELS.format('hw')}",
    ),
    "ring_buffer": (
        True,
        lambda p: p.hw.ring_buffer(2),
        "hw: ring_buffer(): Halide gives an extern stage the whole ring, which has a dimension more than the "
        "Func; remove ring_buffer()",
    ),
    "ring_buffer_of_an_input": (
        True,
        lambda p: p.padded.hoist_storage_root().ring_buffer(2),
        "padded: ring_buffer(): Halide gives an extern stage the whole ring, which has a dimension more than the "
        "Func; remove ring_buffer()",
    ),
    "asynchronous_beside_its_input": (
        True,
        lambda p: p.hw.store_root().async_(),
        "output: the software part: Halide refuses it: The Func padded is consumed by async Func hw and has a "
        "compute_at location in between the store_at location and the compute_at location of hw. This is only legal "
        "when padded is both async and has a store_at location outside the store_at location of the consumer; change "
        "the schedule of the Funcs around hw",
    ),
    "prefetch_of_what_is_inside": (
        False,
        lambda p: p.output.prefetch(p.inner, y, y, 2),
        "output: prefetch(inner, ...): it is computed inside the accelerator hw and never in memory; remove prefetch()",
    ),
    "hoisted_to_another_place": (
        False,
        lambda p: p.hw.hoist_storage(p.output, y),
        "hw: hoist_storage(): the memory must be there outside of hw.compute_root(); leave it out, or hoist to an "
        "outer loop",
    ),
    "memoized": (
        False,
        lambda p: p.hw.memoize(),
        "output: the software part: Halide refuses it: Buffer parameter source encountered in computed_cached "
        "computation. Computations which depend on buffer parameters cannot be scheduled compute_cached. Use "
        "memoize_tag to provide cache key information for buffer; change the schedule of the Funcs around hw",
    ),
    "bounded_storage": (
        False,
        lambda p: p.hw.bound_storage(x, 64),
        "hw: bound_storage(x, ...): Halide asks an extern stage for all that it has room for, also what nobody reads; "
        "remove bound_storage(), or give bound_storage() to a copy of hw",
    ),
    "bounded_extent_of_tiles": (
        True,
        lambda p: p.hw.bound_extent(x, 64),
        "hw: bound_extent(x, ...): Halide moves each tile so that it ends where the extent does; leave it out, or give "
        "hw.bound(x, min, extent)",
    ),
    "output_in_registers": (
        False,
        lambda p: p.hw.store_in(hl.MemoryType.Register),
        "hw: store_in(MemoryType.Register): an accelerator reads and writes buffers in memory; store it in "
        "MemoryType.Heap or Stack, or remove store_in()",
    ),
    "input_in_registers": (
        True,
        lambda p: p.padded.store_in(hl.MemoryType.Register),
        "padded: store_in(MemoryType.Register): an accelerator reads and writes buffers in memory; store it in "
        "MemoryType.Heap or Stack, or remove store_in()",
    ),
    "on_a_gpu": (
        False,
        lambda p: p.hw.gpu_threads(x),
        "hw: x as a loop of a GPU: an accelerated Func is computed by the accelerator alone; leave the schedule for "
        "other devices out",
    ),
    "on_a_dsp": (
        False,
        lambda p: p.hw.hexagon(),
        "hw: Hexagon as its device: the accelerator hw computes all that is inside it; leave the schedule for other "
        "devices out",
    ),
    "inner_on_a_gpu": (
        False,
        lambda p: p.inner.gpu_threads(x),
        "inner: Default_GPU as its device: the accelerator hw computes all that is inside it; leave the schedule for "
        "other devices out",
    ),
}


@pytest.mark.parametrize("name", COMPILE)
def test_at_compile_time(name):
    tiled, schedule, message = COMPILE[name]
    pipe = Pipe(tiled)
    schedule(pipe)
    with pytest.raises(ScheduleError) as caught:
        fluorite.compile(pipe.output)
    error = caught.value
    assert without_numbers(str(error)) == message
    assert all((error.func, error.construct, error.rule, error.way_out))
    assert isinstance(error.__cause__, hl.HalideError) == any(
        part in message for part in ("Halide refuses", "the software part", "hoist_storage():")
    )


def test_another_device_in_the_software():
    """Halide names the target, which is this machine's."""
    pipe = Pipe()
    pipe.output.gpu_tile(x, y, u, v, 4, 4)
    with pytest.raises(ScheduleError) as caught:
        fluorite.compile(pipe.output)
    said = re.sub(r"in target \S+;", "in target T;", without_numbers(str(caught.value)))
    assert said == (
        "output: the software part: Halide refuses it: Schedule for Func output requires <Default_GPU> but no "
        "compatible target feature is enabled in target T; leave the schedule of output for other devices out"
    )


def test_target_that_halide_cannot_compile_for(tmp_path):
    design = fluorite.compile(Pipe().output, name="plain")
    message = r"^Halide cannot compile the software part for 'riscv-64-linux': No vector_bits was specified for RISCV "
    with pytest.raises(UsageError, match=message):
        design.write(tmp_path / "out", ["riscv-64-linux"], testbench=False)
    assert not list(tmp_path.iterdir())


def multiplied(pipe, of_range=None):
    """Output by a Param, which holds 30 where a range is given."""
    gain = hl.Param(hl.UInt(16), "gain")
    pipe.output = hl.Func("scaled")
    pipe.output[x, y] = pipe.hw[x, y] * gain
    if of_range:
        gain.set(30)
        gain.set_range(*of_range)


def demanding(pipe):
    pipe.output = hl.Pipeline(pipe.output)
    pipe.output.add_requirement(pipe.source.width() > 300)


def beyond_the_image(pipe):
    pipe.output = hl.Func("sum")
    pipe.output[x, y] = pipe.hw[x, y] + pipe.source[x + 1, y]


def through_c(pipe):
    outside = hl.Func("outside")
    outside.define_extern("nobody_defines_this", [pipe.hw], hl.UInt(16), 2)
    outside.compute_root()
    pipe.output = hl.Func("copied")
    pipe.output[x, y] = outside[x, y]


# tiled, what is done to it, message
RUN = {
    "no_image": (False, lambda p: p.source.reset(), "output: Halide stops: Buffer argument source is nullptr"),
    "image_of_another_size": (
        False,
        lambda p: p.source.dim(0).set_bounds(0, 9),
        "output: Halide stops: Constraint violated: source.extent.0 (37) == 9 (9)",
    ),
    "image_too_small": (
        False,
        beyond_the_image,
        "sum: Halide stops: Input buffer source is accessed at 37, which is beyond the max (36) in dimension 0",
    ),
    "param_out_of_range": (
        False,
        lambda p: multiplied(p, (0, 9)),
        "scaled: Halide stops: Parameter gain is 30 but must be at most 9",
    ),
    "param_not_set": (
        False,
        multiplied,
        "scaled: Halide stops: Parameter gain does not have a valid scalar value",
    ),
    "requirement": (False, demanding, "output: Halide stops: Requirement Failed: (false)"),
    "extern_function_that_is_missing": (
        False,
        through_c,
        "copied: Halide stops: Failed to materialize symbols; define its extern functions: load their library by "
        "ctypes.CDLL, with RTLD_GLOBAL",
    ),
    "bound_too_small": (
        False,
        lambda p: p.hw.bound(x, 0, 4),
        "output: Halide stops: Bounds given for hw in x (from 0 to 3) do not cover required region (from 0 to 36); "
        "give bound() of hw all that is read of it",
    ),
    "folded_too_small": (
        True,
        lambda p: p.padded.store_root().compute_at(p.output, yo).fold_storage(y, 4),
        "output: Halide stops: The fold factor (4) of dimension y of padded is too small to store the required region "
        "accessed by loop output.s0.y.yo (9); leave fold_storage() of padded out",
    ),
    "room_too_small": (
        False,
        lambda p: p.padded.bound_storage(x, 3),
        "output: Halide stops: The explicit allocation bound (3) of dimension x of padded is too small to store the "
        "required region (39); leave bound_storage() of padded out",
    ),
    "folded_across_tiles": (
        True,
        lambda p: p.padded.store_root().compute_at(p.output, yo).fold_storage(y, 16),
        "output: Halide stops: Cannot fold dimension 1 of padded because an extern stage accesses [0, 8], which is "
        f"outside the range currently valid: [8, 23]; {_LEVELS.format('padded')}",
    ),
}


@pytest.mark.parametrize("name", RUN)
def test_in_a_run(name):
    tiled, change, message = RUN[name]
    pipe = Pipe(tiled)
    pipe.source.set(hl.Buffer(PIXELS))
    change(pipe)
    design = fluorite.compile(pipe.output)
    with pytest.raises(UsageError) as caught:
        design.realize([37, 22])
    said = re.sub(r"materialize symbols: \{.*\};", "materialize symbols;", without_numbers(str(caught.value)))
    assert said == message
    assert isinstance(caught.value.__cause__, hl.HalideError)


@pytest.mark.parametrize(("variable", "extent", "message"), [
    (x, 37, "hw: padded is read from -1 to 16 along dimension 0, and is there from 0 to 36"),
    (y, 22, "hw: padded is read from 14 to 22 along dimension 1, and is there from 0 to 21"),
])  # fmt: skip
def test_bound_of_an_input_of_tiles_that_is_too_small(variable, extent, message):
    """Halide checks this only where software reads the input."""
    pipe = Pipe(tiled=True)
    pipe.source.set(hl.Buffer(PIXELS))
    pipe.padded.bound(variable, 0, extent)
    with pytest.raises(UsageError) as caught:
        fluorite.compile(pipe.output).realize([37, 22])
    said = without_numbers(str(caught.value))
    assert said == f"{message}; give bound() of padded all that is read of it"


def image_as_input(width, border=False):
    """Two neighbours of each pixel of an image of that width, given to the accelerator as it is."""
    source, hw, output = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("hw"), hl.Func("output")
    pixels = np.ascontiguousarray(PIXELS[:, :width])
    source.set(hl.Buffer(pixels))
    read = hl.BoundaryConditions.repeat_edge(source) if border else source
    hw[x, y] = hl.u16(read[x, y]) + read[x + 1, y]
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64).accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x, y] * 2
    return output, pixels


def test_image_that_is_too_small_for_what_is_read():
    """There is no bound() of an ImageParam: a larger image, or a border."""
    output, _kept = image_as_input(36)
    with pytest.raises(UsageError) as caught:
        fluorite.compile(output).realize([36, 22])
    assert without_numbers(str(caught.value)) == (
        "hw: source is read from 0 to 36 along dimension 0, and is there from 0 to 35; give source an image that holds "
        "that, or read it through a hl.BoundaryConditions"
    )
    for way_out in ({"width": 37}, {"width": 36, "border": True}):
        output, _kept = image_as_input(**way_out)
        expected = np.array(output.realize([36, 22]))
        np.testing.assert_array_equal(np.array(fluorite.compile(output).realize([36, 22])), expected)


def stored_and_computed_ahead(asynchronous):
    pipe = Pipe()
    pipe.source.set(hl.Buffer(PIXELS))
    for func in (pipe.padded, pipe.hw):
        func.store_root().compute_at(pipe.output, y)
    if asynchronous:
        pipe.padded.async_()
        pipe.hw.async_()
    else:
        pipe.padded.compute_root()
    return pipe


def test_asynchronous_input_that_is_never_there():
    pipe = stored_and_computed_ahead(asynchronous=True)
    with pytest.raises(UsageError) as caught:
        fluorite.compile(pipe.output).realize([37, 22])
    assert without_numbers(str(caught.value)) == (
        "hw: padded is read from -1 to 37 along dimension 0, and is there from 0 to -1; leave async_(), store_root() "
        "and store_at() of padded out"
    )
    pipe = stored_and_computed_ahead(asynchronous=False)
    expected = np.array(pipe.output.realize([37, 22]))
    np.testing.assert_array_equal(np.array(fluorite.compile(pipe.output).realize([37, 22])), expected)


@pytest.mark.parametrize("sizes", [[37], [37, 22, 1], [37, -1], [37, 2.5], [37, 1 << 31], []])
def test_sizes_that_are_none(sizes):
    design = fluorite.compile(Pipe().output)
    with pytest.raises(UsageError) as caught:
        design.realize(sizes)
    assert without_numbers(str(caught.value)) == f"output takes 2 sizes of 0 to 2147483647, not {sizes}"


def test_constant_that_halide_cannot_compute():
    source, gains, hw, output = (
        hl.ImageParam(hl.UInt(8), 2, "source"),
        hl.Func("gains"),
        hl.Func("hw"),
        hl.Func("output"),
    )
    gains[x] = hl.u8(hl.require(x < 3, x))
    hw[x, y] = source[x, y] * gains[4]
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64).accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x, y]
    with pytest.raises(UnsupportedError) as caught:
        fluorite.compile(output)
    assert without_numbers(str(caught.value)) == (
        "gains: a value that depends on no input: Halide cannot compute gains: Requirement Failed: (false) 4; make it "
        "one that Halide can, or leave what reads it to software"
    )


def test_table_that_halide_cannot_compute():
    contents = hl.Buffer(np.arange(100, dtype=np.uint8), "contents")
    source, table, hw, output = (
        hl.ImageParam(hl.UInt(8), 2, "source"),
        hl.Func("table"),
        hl.Func("hw"),
        hl.Func("output"),
    )
    table[x] = contents[x] * 2
    hw[x, y] = table[hl.i32(source[x, y])]
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64).accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x, y]
    with pytest.raises(UnsupportedError) as caught:
        fluorite.compile(output)
    assert without_numbers(str(caught.value)) == (
        "hw: table(int32(source_im(x, y))): its index ranges over 0..255, where Halide cannot compute table: Input "
        "buffer contents is accessed at 255, which is beyond the max (99) in dimension 0; clamp the index"
    )
