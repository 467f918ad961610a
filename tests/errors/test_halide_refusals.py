"""What Halide refuses beside an accelerator at compile time, and what no extern stage can have."""

import re

import halide as hl
import pytest

import fluorite
from fluorite.errors import ScheduleError, UsageError
from tests.errors.halide_pipe import LEVELS, OUTERMOST, PIXELS, Pipe, u, v, x, y
from tests.errors.refusals import Refusals, without_numbers

_PLACE = "the software part has no such place for it: the loops of an accelerator are hardware"


def sharing_loops(pipe):
    other, both = hl.Func("other"), hl.Func("sum")
    other[x, y] = pipe.padded[x, y] + 1
    both[x, y] = pipe.output[x, y] + other[x, y]
    other.compute_root().compute_with(pipe.inner.compute_root(), y)
    pipe.output = both


# tiled, what is done to it, message, and what is done instead by each way out
COMPILE = {
    "input_inside_the_output": (
        False,
        lambda p: p.padded.compute_at(p.output, y),
        f"padded: padded.compute_at(output, y): {_PLACE}; use padded.compute_root()",
        lambda p: p.padded.compute_root(),
    ),
    "accelerated_inside_itself": (
        False,
        lambda p: p.hw.compute_at(p.hw, y),
        f"hw: hw.compute_at(hw, y): {_PLACE}; use hw.compute_root() or hw.compute_at(output, "
        "Var::outermost()) or hw.compute_at(output, y) or hw.compute_at(output, x)",
        lambda p: p.hw.compute_root(),
        lambda p: p.hw.compute_at(p.output, OUTERMOST),
        lambda p: p.hw.compute_at(p.output, y),
        lambda p: p.hw.compute_at(p.output, x),
    ),
    "accelerated_outside_its_input": (
        True,
        lambda p: p.hw.compute_root(),
        f"padded: padded.compute_at(output, xo): {_PLACE}; use padded.compute_root()",
        lambda p: (p.hw.compute_root(), p.padded.compute_root()),
    ),
    "hoisted": (
        True,
        lambda p: p.hw.hoist_storage_root(),
        "hw: the software part: Halide refuses it: Couldn't infer the upper bound for the storage size of hw, consider "
        f"using bound_storage; {LEVELS.format('hw')}",
        lambda p: None,
    ),
    "ring_buffer": (
        True,
        lambda p: p.hw.ring_buffer(2),
        "hw: ring_buffer(): Halide gives an extern stage the whole ring, which has a dimension more than the "
        "Func; remove ring_buffer()",
        lambda p: None,
    ),
    "ring_buffer_of_an_input": (
        True,
        lambda p: p.padded.hoist_storage_root().ring_buffer(2),
        "padded: ring_buffer(): Halide gives an extern stage the whole ring, which has a dimension more than the "
        "Func; remove ring_buffer()",
        lambda p: p.padded.hoist_storage_root(),
    ),
    "asynchronous_beside_its_input": (
        True,
        lambda p: p.hw.store_root().async_(),
        "output: the software part: Halide refuses it: The Func padded is consumed by async Func hw and has a "
        "compute_at location in between the store_at location and the compute_at location of hw. This is only legal "
        "when padded is both async and has a store_at location outside the store_at location of the consumer; change "
        "the schedule of the Funcs around hw",
        # Not store_root() alone: there Halide itself slides over columns of the tile before, and is wrong.
        lambda p: None,
    ),
    "prefetch_of_what_is_inside": (
        False,
        lambda p: p.output.prefetch(p.inner, y, y, 2),
        "output: prefetch(inner, ...): it is computed inside the accelerator hw and never in memory; remove prefetch()",
        lambda p: None,
    ),
    "with_what_is_inside": (
        False,
        sharing_loops,
        'other: the software part: Halide refuses it: Illegal compute_with: "other" is scheduled to be computed with '
        '"inner" which is not used anywhere; leave compute_with() of other out',
        lambda p: None,
    ),
    "hoisted_to_another_place": (
        False,
        lambda p: p.hw.hoist_storage(p.output, y),
        "hw: hoist_storage(): the memory must be there outside of hw.compute_root(); leave it out, or hoist to an "
        "outer loop",
        lambda p: None,
        lambda p: p.hw.hoist_storage_root(),
    ),
    "memoized": (
        False,
        lambda p: p.hw.memoize(),
        "output: the software part: Halide refuses it: Buffer parameter source encountered in computed_cached "
        "computation. Computations which depend on buffer parameters cannot be scheduled compute_cached. Use "
        "memoize_tag to provide cache key information for buffer; change the schedule of the Funcs around hw",
        lambda p: None,
    ),
    "bounded_storage": (
        False,
        lambda p: p.hw.bound_storage(x, 64),
        "hw: bound_storage(x, ...): Halide asks an extern stage for all that it has room for, also what nobody reads; "
        "remove bound_storage(), or give bound_storage() to a copy of hw",
        lambda p: None,
        lambda p: p.copied().bound_storage(x, 64),
    ),
    "bounded_extent_of_tiles": (
        True,
        lambda p: p.hw.bound_extent(x, 64),
        "hw: bound_extent(x, ...): Halide moves each tile so that it ends where the extent does; leave it out, or give "
        "hw.bound(x, min, extent)",
        lambda p: None,
        lambda p: p.hw.bound(x, 0, 37),
    ),
    "output_in_registers": (
        False,
        lambda p: p.hw.store_in(hl.MemoryType.Register),
        "hw: store_in(MemoryType.Register): an accelerator reads and writes buffers in memory; store it in "
        "MemoryType.Heap or Stack, or remove store_in()",
        lambda p: p.hw.store_in(hl.MemoryType.Heap),
        lambda p: p.hw.store_in(hl.MemoryType.Stack),
        lambda p: None,
    ),
    "input_in_registers": (
        True,
        lambda p: p.padded.store_in(hl.MemoryType.Register),
        "padded: store_in(MemoryType.Register): an accelerator reads and writes buffers in memory; store it in "
        "MemoryType.Heap or Stack, or remove store_in()",
        lambda p: p.padded.store_in(hl.MemoryType.Heap),
        lambda p: p.padded.store_in(hl.MemoryType.Stack),
        lambda p: None,
    ),
    "on_a_gpu": (
        False,
        lambda p: p.hw.gpu_threads(x),
        "hw: x as a loop of a GPU: an accelerated Func is computed by the accelerator alone; leave the schedule for "
        "other devices out",
        lambda p: None,
    ),
    "on_a_dsp": (
        False,
        lambda p: p.hw.hexagon(),
        "hw: Hexagon as its device: the accelerator hw computes all that is inside it; leave the schedule for other "
        "devices out",
        lambda p: None,
    ),
    "inner_on_a_gpu": (
        False,
        lambda p: p.inner.gpu_threads(x),
        "inner: Default_GPU as its device: the accelerator hw computes all that is inside it; leave the schedule for "
        "other devices out",
        lambda p: None,
    ),
}


refused = Refusals()


def scheduled(tiled, *schedules):
    """A function that makes this pipeline, with one of these done to it."""

    def build(way):
        pipe = Pipe(tiled)
        pipe.source.set(hl.Buffer(PIXELS))
        schedules[way](pipe)
        return pipe.output, (37, 22)

    return build


for name, (tiled, schedule, message, *ways) in COMPILE.items():
    refused.add(name, scheduled(tiled, schedule, *ways), ScheduleError, message, len(ways))


@pytest.mark.parametrize("name", refused.cases)
def test_at_compile_time(name):
    caught = refused.check(name)
    message = COMPILE[name][2]
    assert isinstance(caught.value.__cause__, hl.HalideError) == any(
        part in message for part in ("Halide refuses", "the software part", "hoist_storage():")
    )


@pytest.mark.parametrize("way", refused.ways)
def test_way_out(way):
    refused.follow(way)


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
