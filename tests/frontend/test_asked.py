"""What is asked of a Func, beside what Halide infers for the same pipeline."""

import halide as hl
import pytest

from fluorite.frontend import halide_io
from fluorite.frontend.known_sizes import promised
from fluorite.frontend.region.asked import asked

x, c, k, ko, ki = hl.vars("x c k ko ki")
Tail = hl.TailStrategy
PIPELINES = {}


def pipeline(build):
    """A function from what is read, ``read[x, c]``, to the output, over ``x`` alone."""
    PIPELINES[build.__name__] = build
    return build


def output(value, *arguments):
    func = hl.Func("output")
    func[arguments or (x,)] = value
    return func


def middle(value):
    func = hl.Func("middle")
    func[x, c] = value
    return func.compute_root()


@pipeline
def constants(read):
    return output(read[x, 0] + read[x, 3])


@pipeline
def negative(read):
    return output(read[x, -2] + read[x, 1])


@pipeline
def a_bound(read):
    return output(read[x, c], x, c).bound(c, 0, 3)


@pipeline
def turned_round(read):
    return output(read[x, 2 - c], x, c).bound(c, 0, 3)


@pipeline
def an_output_buffer(read):
    func = output(read[x, c], x, c)
    func.output_buffer().dim(1).set_bounds(-1, 4)
    return func


@pipeline
def a_clamp(read):
    return output(read[x, hl.clamp(x, 0, 2)])


@pipeline
def a_reduction(read):
    r = hl.RDom([(1, 3)], "r")
    return output(hl.sum(hl.i32(read[x, r.x])))


@pipeline
def an_update(read):
    r = hl.RDom([(0, 5)], "r")
    func = output(hl.u8(0))
    func[x] += read[x, r.x]
    return func


@pipeline
def a_chain(read):
    inner = hl.Func("inner")
    inner[x, c] = read[x, c - 1] + read[x, c + 1]
    return output(inner[x, 0] + inner[x, 2])


@pipeline
def a_select(read):
    return output(hl.select(c < 2, read[x, c], hl.u8(7)), x, c).bound(c, 0, 6)


@pipeline
def a_mux(read):
    return output(hl.mux(x, [read[x, 0], read[x, 1], read[x, 2]]))


@pipeline
def strided(read):
    return output(read[x, 2 * c] + read[x, c / 2], x, c).bound(c, 1, 3)


@pipeline
def by_data(read):
    return output(read[x, hl.i32(read[x, 0]) % 5])


@pipeline
def two_dimensions(read):
    return output(read[x, c] + read[x, k], x, c, k).bound(c, 0, 2).bound(k, 5, 2)


@pipeline
def bound_in_the_middle(read):
    func = middle(read[x, c] + 1).bound(c, -1, 6)
    return output(func[x, 0] + func[x, 2])


@pipeline
def bound_extent_in_the_middle(read):
    func = middle(read[x, c] + 1).bound_extent(c, 6)
    return output(func[x, 0] + func[x, 2])


@pipeline
def aligned_bounds(read):
    func = middle(read[x, c] + 1).align_bounds(c, 4, 1)
    return output(func[x, 0] + func[x, 2])


@pipeline
def aligned_extent(read):
    func = middle(read[x, c] + 1).align_extent(c, 4)
    return output(func[x, 0] + func[x, 2])


@pipeline
def an_earlier_element(read):
    func = middle(read[x, c] + 1)
    func[x, 0] = func[x, 5]
    return output(func[x, 0] + func[x, 2])


def _tails():
    for tail in (Tail.RoundUp, Tail.GuardWithIf, Tail.ShiftInwards, Tail.Predicate, Tail.Auto):
        for last in (2, 5):

            def build(read, tail=tail, last=last):
                func = middle(read[x, c] + 1).vectorize(c, 4, tail)
                return output(func[x, 0] + func[x, last])

            PIPELINES[f"{tail.name} of {last + 1} by 4"] = build


_tails()


@pipeline
def split_twice(read):
    func = middle(read[x, c] + 1).split(c, ko, ki, 2, Tail.RoundUp).vectorize(ko, 2, Tail.RoundUp)
    return output(func[x, 0] + func[x, 4])


@pipeline
def split_inside(read):
    func = middle(read[x, c] + 1).split(c, ko, ki, 4, Tail.RoundUp).vectorize(ki, 2, Tail.RoundUp)
    return output(func[x, 0] + func[x, 4])


def inferred(build, sizes):
    """The least coordinate and the extent along ``c`` that Halide needs."""
    read = hl.ImageParam(hl.UInt(8), 2, "read")
    hl.Pipeline(build(read)).infer_input_bounds(list(sizes))
    dimension = read.get().dim(1)
    return dimension.min(), dimension.extent()


def ours(build):
    read = hl.Func("read")
    read[x, c] = hl.u8(x + c)
    read.compute_root()
    loaded = halide_io.load(build(read))
    most = asked(loaded.pipeline, promised(loaded))[read.name()][1].most
    return most.lo, most.extent


@pytest.mark.parametrize("name", PIPELINES)
def test_is_what_halide_infers(name):
    build = PIPELINES[name]
    dimensions = len(build(hl.ImageParam(hl.UInt(8), 2, "read")).args())
    sizes = {"an_output_buffer": (16, 4), "a_bound": (16, 3), "turned_round": (16, 3), "a_select": (16, 6)}
    found = inferred(build, sizes.get(name, (16, 3, 2)[:dimensions]))
    assert ours(build) == found


def test_nothing_is_known_of_a_free_output():
    assert ours(lambda read: output(read[x, c], x, c)) == (None, None)


def test_an_end_that_is_known():
    width = hl.Param(hl.Int(32), "width")
    assert ours(lambda read: output(read[x, hl.max(hl.min(c, width), 0)], x, c)) == (0, None)


def test_tails_of_variable_loops():
    factor = hl.Param(hl.Int(32), "factor")

    def build(read):
        func = middle(read[x, c] + 1).split(c, ko, ki, factor, Tail.RoundUp)
        return output(func[x, 0] + func[x, 2])

    assert ours(build) == (None, None)


def test_a_loop_that_its_split_does_not_divide():
    def build(read):
        func = middle(read[x, c] + 1).split(c, ko, ki, 4, Tail.RoundUp).vectorize(ki, 3, Tail.RoundUp)
        return output(func[x, 0] + func[x, 4])

    assert inferred(build, (16,)) == (0, 10)
    assert ours(build) == (None, None)


def test_an_extern_stage_says_it_in_a_run():
    def build(read):
        stage = hl.Func("stage")
        stage.define_extern("anything", [read], hl.UInt(8), [x, c])
        stage.compute_root()
        return output(stage[x, 0])

    assert ours(build) == (None, None)


def test_updates_that_write_what_the_other_reads():
    """Halide goes through updates once. Here they are gone through until nothing is added, or given up."""

    def build(read):
        func = hl.Func("func")
        func[c, k] = read[c, k]
        func[c, c + 1] = hl.u8(0)
        func[k + 1, k] = hl.u8(0)
        func.compute_root()
        return output(func[x, 0])

    assert ours(build) == (None, None)


def test_updates_of_other_elements():
    def build(read):
        r = hl.RDom([(0, 9)], "r")
        func = middle(read[x, c] + 1)
        func[x, r.x] = func[x, r.x + 1] + func[x, 0]
        return output(func[x, 2])

    assert ours(build) == inferred(build, (16,)) == (0, 10)
