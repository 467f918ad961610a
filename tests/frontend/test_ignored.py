"""Directives that hardware does not follow are named; those that say what it does anyway are not."""

from pathlib import Path

import halide as hl
import pytest

import fluorite
from fluorite.frontend.constants import Constants
from fluorite.frontend.halide_io import load, plainly_named
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.frontend.region.extract import accelerated_funcs, extract
from fluorite.frontend.region.ignored import ignored_directives

x, y, c, xo, yo, xi, yi, u = hl.vars("x y c xo yo xi yi u")
OUTERMOST = hl.Var.outermost()
APPLICATIONS = [
    path for path in sorted((Path(__file__).parents[2] / "apps").glob("*.py")) if "accelerate(" in path.read_text()
]


class Pipe:
    """source -> padded (software) -> inlined, inner (a stage), hw (hardware) -> output (software)."""

    def __init__(self):
        self.source, self.r = hl.ImageParam(hl.UInt(8), 2, "source"), hl.RDom([(0, 4)], "r")
        self.padded, self.inlined, self.inner, self.hw, self.output, self.weights = (
            hl.Func(name) for name in ("padded", "inlined", "inner", "hw", "output", "weights")
        )
        self.weights[x] = hl.u8(x * 3)
        self.padded[x, y] = self.source[x, y]
        self.inlined[x, y] = self.padded[x, y] / 2
        self.inner[x, y] = self.inlined[x, y] + self.padded[x, y + 1]
        self.hw[x, y] = hl.u8(0)
        self.hw[x, y] += self.inner[x + self.r.x, y] * self.weights[self.r.x]
        self.output[x, y] = self.hw[x, y]
        self.padded.compute_root()
        self.inner.linebuffer()
        self.hw.compute_root().set_estimate(x, 0, 40).set_estimate(y, 0, 24)
        self.hw.update().unroll(self.r.x)

    def tiled(self):
        self.output.tile(x, y, xo, yo, xi, yi, 16, 8)
        self.padded.compute_at(self.output, xo)
        self.hw.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, 16, 8)

    def ignored(self, compute_var=x, store_var=OUTERMOST):
        self.hw.accelerate([self.padded], compute_var, store_var)
        return ignored(self.output)


def ignored(pipeline):
    loaded = plainly_named(load(pipeline))
    constants = Constants(loaded.root)
    regions = [extract(loaded.pipeline, name, constants) for name in accelerated_funcs(loaded.pipeline)]
    return ignored_directives(loaded.root, loaded.pipeline, regions)


IGNORED = {
    "loops_of_a_stage": (
        lambda p: p.inner.unroll(x, 2).parallel(y),
        ["inner.unroll(x, 2)", "inner.parallel(y)"],
    ),
    "vectors_of_a_stage": (lambda p: p.inner.vectorize(x, 8), ["inner.vectorize(x, 8)"]),
    "all_of_a_loop": (lambda p: p.inner.unroll(x).vectorize(y), ["inner.unroll(x)", "inner.vectorize(y)"]),
    "parallel_by": (lambda p: p.inner.parallel(y, 4), ["inner.parallel(y, 4)"]),
    "tiles_of_a_stage": (
        lambda p: p.inner.tile(x, y, xo, yo, xi, yi, 16, 8).unroll(xi, 4),
        ["inner.unroll(xi, 4)", "inner.split(x, xo, xi, 16)", "inner.split(y, yo, yi, 8)"],
    ),
    "fused": (lambda p: p.inner.fuse(x, y, u).parallel(u), ["inner.parallel(u)", "inner.fuse(x, y, u)"]),
    "order_of_a_stage": (lambda p: p.inner.reorder(y, x), ["inner.reorder(y, x)"]),
    "place_of_a_stage": (lambda p: p.inner.compute_at(p.hw, y), ["inner.compute_at(hw, y)"]),
    "place_in_software": (lambda p: p.inner.compute_at(p.output, y), ["inner.compute_at(output, y)"]),
    "storage_further_out": (
        lambda p: p.inner.store_at(p.output, y).compute_at(p.hw, x).hoist_storage(p.output, x),
        ["inner.store_at(output, y)", "inner.hoist_storage(output, x)"],
    ),
    "place_of_an_inlined_func": (
        lambda p: p.inlined.store_root().compute_at(p.hw, y),
        ["inlined.compute_at(hw, y)", "inlined.store_root()"],
    ),
    "memory_of_an_inlined_func": (lambda p: p.inlined.compute_root(), ["inlined.compute_root()"]),
    "bounds": (
        lambda p: p.inner.bound(x, 0, 64).align_bounds(y, 2, 1).align_extent(x, 8).bound_extent(y, p.source.width()),
        ["inner.bound(x, 0, 64)", "inner.align_bounds(y, 2, 1)", "inner.align_extent(x, 8)",
         "inner.bound_extent(y, ...)"],
    ),
    "storage": (
        lambda p: p.inner.align_storage(x, 16).bound_storage(x, 64).fold_storage(y, 4).reorder_storage(y, x),
        ["inner.fold_storage(y, 4)", "inner.align_storage(x, 16)", "inner.bound_storage(x, 64)",
         "inner.reorder_storage(y, x)"],
    ),
    "kind_of_memory": (lambda p: p.inner.store_in(hl.MemoryType.Stack), ["inner.store_in(MemoryType.Stack)"]),
    "time": (lambda p: p.inner.memoize().async_(), ["inner.memoize()", "inner.async_()"]),
    "ring": (lambda p: p.inner.ring_buffer(2), ["inner.ring_buffer()"]),
    "traces": (lambda p: p.inner.trace_loads().trace_stores(), ["inner.trace_loads()", "inner.trace_stores()"]),
    "prefetch": (lambda p: p.inner.prefetch(p.padded, y, y, 2), ["inner.prefetch(padded, ...)"]),
    "partition": (
        lambda p: p.inner.partition(x, hl.Partition.Never),
        ["inner.partition(x, Partition.Never)"],
    ),
    "shared_loops": (lambda p: p.inner.compute_with(p.inlined, y), ["inner.compute_with(inlined, y)"]),
    "constant": (lambda p: p.weights.compute_root().vectorize(x, 4), ["weights.vectorize(x, 4)"]),
    "parallel_launches": (lambda p: p.hw.parallel(y), ["hw.parallel(y)"]),
    "storage_of_the_accelerated": (
        lambda p: p.hw.store_root().compute_at(p.output, y),
        ["hw.store_root()"],
    ),
    "update_of_the_accelerated": (
        lambda p: p.hw.update().vectorize(x, 4).parallel(y),
        ["hw.update(0).vectorize(x, 4)", "hw.update(0).parallel(y)"],
    ),
    "annotations_in_software": (
        lambda p: p.output.linebuffer().fifo_depth(p.hw, 3),
        ["output.linebuffer()", "output.fifo_depth(hw, 3)"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IGNORED)
def test_ignored(name):
    schedule, expected = IGNORED[name]
    pipe = Pipe()
    schedule(pipe)
    assert sorted(pipe.ignored()) == sorted(expected)


FOLLOWED = {
    "nothing": lambda p: None,
    "lanes": lambda p: (p.hw.unroll(x, 2), p.hw.update().unroll(x, 2), p.inner.unroll(x, 2)),
    "stages_where_the_accelerated_is": lambda p: (p.inner.compute_root(), p.weights.compute_root()),
    "line_buffer": lambda p: p.inner.store_root().compute_at(p.hw, x),
    "a_pixel_at_a_time": lambda p: p.inlined.compute_at(p.inner, x),
    "software": lambda p: (
        p.padded.vectorize(x, 8).parallel(y).store_in(hl.MemoryType.Heap),
        p.output.vectorize(x, 8).parallel(y),
        p.hw.align_storage(x, 8).align_bounds(x, 4).async_(),
    ),
    "names": lambda p: p.inner.rename(x, u),
    "depth": lambda p: p.padded.fifo_depth(p.inner, 3),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_followed(name):
    pipe = Pipe()
    FOLLOWED[name](pipe)
    assert pipe.ignored() == ()


def test_tiles():
    pipe = Pipe()
    pipe.tiled()
    pipe.inner.compute_at(pipe.output, xo)
    pipe.hw.parallel(yo)
    assert pipe.ignored(xi, xo) == ("hw.parallel(yo)",)


def test_what_software_reads_too():
    """Its schedule is followed there."""
    pipe = Pipe()
    both = hl.Func("both")
    both[x, y] = pipe.output[x, y] + pipe.inner[x, y]
    pipe.inner.compute_root().vectorize(x, 8)
    pipe.output = both
    assert pipe.ignored() == ()


def test_channels():
    source = hl.ImageParam(hl.UInt(8), 3, "source")
    inner, hw, output = hl.Func("inner"), hl.Func("hw"), hl.Func("output")
    inner[x, y, c] = source[x, y, c] + 1
    hw[x, y, c] = inner[x, y, c] + inner[x, y + 1, c]
    output[x, y, c] = hw[x, y, c]
    inner.linebuffer().reorder(c, x, y).bound(c, 0, 3).unroll(c)
    hw.compute_root().set_estimate(x, 0, 40).set_estimate(y, 0, 24).reorder(c, x, y).bound(c, 0, 3).unroll(c)
    hw.accelerate([source], x, OUTERMOST)
    assert fluorite.compile(output).warnings == ()
    inner.bound(x, 0, 99)
    assert fluorite.compile(output).warnings != ()


def test_one_warning_in_the_report():
    pipe = Pipe()
    pipe.inner.unroll(x, 2).compute_at(pipe.hw, y)
    pipe.hw.parallel(y)
    pipe.hw.accelerate([pipe.padded], x, OUTERMOST)
    design = fluorite.compile(pipe.output, name="plain")
    warning = (
        "without effect: inner.compute_at(hw, y), inner.unroll(x, 2), hw.parallel(y); hardware is built as "
        "accelerate(), linebuffer() and the loops of the accelerated Func say: leave the others out, or keep what "
        "they stand on in software"
    )
    assert design.warnings == design.report.warnings == (warning,)
    assert design.report.to_text().splitlines()[-1] == f"warning: {warning}"
    assert f'"warnings": [\n    "{warning}"\n  ]' in design.report.to_json()


@pytest.mark.parametrize("path", APPLICATIONS, ids=lambda path: path.stem)
def test_applications_say_nothing_in_vain(path):
    tiles = ("64", "0") if " tile = " in path.read_text() else ()
    for params in ({}, *({"tile": tile} for tile in tiles)):
        assert ignored(load_pipeline(path, params).pipeline) == ()
