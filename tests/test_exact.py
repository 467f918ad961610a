"""Exactness end to end: ``fluorite.compile(...).realize(...)`` against the same pipeline in Halide's JIT, uncut."""

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.run.launch import launches
from fluorite.sim.run import Job, Stalls
from fluorite.sim.verilate import build

x, y, c, k, xo, yo, xi, yi = hl.vars("x y c k xo yo xi yi")
OUTERMOST = hl.Var.outermost()
GUARD = hl.TailStrategy.GuardWithIf
SEEDS = (None, Stalls(1), Stalls(2, 0.7, 0.0), Stalls(3, 0.0, 0.7), Stalls(4, 0.3, 0.3, burst_cycles=15))


def whole(func, *variables, largest=64):
    """One launch for the whole image."""
    func.compute_root()
    for variable in variables or (x, y):
        func.set_estimate(variable, 0, largest)
    return func


def copied(func, variables=(x, y)):
    output = hl.Func("output")
    output[variables] = func[variables]
    return output


def blurred(source, name="blur"):
    blur = hl.Func(name)
    total = sum((hl.u16(source[x + dx, y + dy]) for dx in (-1, 0, 1) for dy in (-1, 0, 1)), hl.u16(0))
    blur[x, y] = hl.u8(total / 9)
    return blur


# --- shapes of launches -----------------------------------------------------------------------------------------------


def test_whole_image_of_any_size_with_one_model(image, exact):
    source = image()
    blur = whole(blurred(source))
    blur.accelerate([source], x, OUTERMOST)
    output = copied(blur)
    design = exact(output, (37, 23), SEEDS)
    for size in [(1, 1), (1, 30), (30, 1), (2, 3), (64, 64), (33, 17)]:
        exact(output, size, (Stalls(5),), design)
    assert design.statistics[0].launches == 1


def test_whole_image_larger_than_the_estimate_takes_several_launches(image, exact):
    source = image()
    blur = whole(blurred(source), largest=16)
    blur.accelerate([source], x, OUTERMOST)
    design = exact(copied(blur), (37, 23))
    assert design.statistics[0].launches == 3 * 2


@pytest.mark.parametrize("tail", ["Auto", "GuardWithIf", "RoundUp", "ShiftInwards"])
def test_tiles(image, exact, tail):
    source = image()
    strategy = getattr(hl.TailStrategy, tail)
    blur = blurred(source)
    output = copied(blur)
    output.tile(x, y, xo, yo, xi, yi, 16, 8, strategy)
    blur.compute_at(output, xo).tile(x, y, xo, yo, xi, yi, 16, 8, strategy)
    blur.accelerate([source], xi, xo)
    design = exact(output, (32, 16))
    assert design.statistics[0].launches == 4
    exact(output, (37, 19), SEEDS[:3], design)


def test_parallel_tiles(image, exact):
    source = image()
    blur = blurred(source)
    output = copied(blur)
    output.tile(x, y, xo, yo, xi, yi, 16, 8, GUARD).parallel(yo)
    blur.compute_at(output, xo).tile(x, y, xo, yo, xi, yi, 16, 8, GUARD)
    blur.accelerate([source], xi, xo)
    design = exact(output, (61, 60), (Stalls(1), Stalls(2)))
    assert design.statistics[0].launches == 4 * 8


def test_tile_of_the_output_itself(image, exact):
    source = image()
    blur = blurred(source)
    blur.tile(x, y, xo, yo, xi, yi, 16, 8, GUARD).accelerate([source], xi, xo)
    exact(blur, (37, 19))


def test_strips(image, exact):
    source = image()
    blur = blurred(source)
    output = copied(blur)
    output.split(y, yo, yi, 8, GUARD)
    blur.compute_at(output, yo).split(y, yo, yi, 8, GUARD).set_estimate(x, 0, 64)
    blur.accelerate([source], x, yo)
    exact(output, (37, 19))


def test_bound_away_from_the_origin(image, exact):
    source = image()
    shaded = hl.Func("shaded")
    shaded[x, y] = hl.u8(source[x, y] + source[x + 1, y + 2] + hl.u8(x * 3 + y))
    shaded.compute_root().bound(x, -7, 40).bound(y, 5, 20)
    shaded.accelerate([source], x, OUTERMOST)
    output = hl.Func("output")
    output[x, y] = shaded[x - 7, y + 5]
    design = exact(output, (40, 20), SEEDS)
    assert not design.accelerators[0].generated.settings


@pytest.mark.parametrize("fixed", [x, y], ids=["x", "y"])
def test_one_extent_fixed(image, exact, fixed):
    source = image()
    blur = blurred(source)
    blur.compute_root().bound(fixed, 0, 24).set_estimate(y if fixed is x else x, 0, 50)
    blur.accelerate([source], x, OUTERMOST)
    exact(copied(blur), (24, 24))


def test_read_elsewhere_and_at_offsets(image, exact):
    source = image()
    padded, shown = hl.Func("padded"), hl.Func("output")
    padded[x, y] = source[x, y] + 1
    blur = whole(blurred(padded))
    blur.accelerate([padded], x, OUTERMOST)
    padded.compute_root()
    shown[x, y] = blur[x - 3, y + 2] + 2 * blur[x + 3, y] + padded[x - 5, y - 2]
    exact(shown, (32, 20))


def test_rows_innermost(image, exact):
    source = image()
    func = hl.Func("turned")
    func[x, y] = source[x, y] + source[x + 1, y + 4]
    whole(func).reorder(y, x)
    func.accelerate([source], y, OUTERMOST)
    exact(copied(func), (32, 20))


@pytest.mark.parametrize("dimensions", [1, 3, 4])
def test_other_numbers_of_dimensions(image, exact, dimensions):
    variables = (x, y, c, k)[:dimensions]
    source = image(extents=(40, 14, 12, 9)[:dimensions], mins=[-2] * dimensions)
    func = hl.Func("func")
    func[variables] = (
        source[variables] + source[tuple(v + 1 for v in variables)] - source[tuple(v - 2 for v in variables)]
    )
    whole(func, *variables, largest=32)
    func.accelerate([source], x, OUTERMOST)
    exact(copied(func, variables), (21, 7, 5, 4)[:dimensions], SEEDS[:3])


# --- algorithms -------------------------------------------------------------------------------------------------------

WINDOWS = {
    "past": [(-5, -3), (-3, -2)],
    "future": [(3, 2), (5, 4)],
    "past column": [(-9, 0), (-7, 0)],
    "future row": [(0, 6)],
    "crossed": [(-6, 5), (6, -5)],
    "far": [(-16, -16), (12, 16)],
}


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_lopsided_windows(image, exact, window):
    source = image()
    func = hl.Func("func")
    func[x, y] = sum((n * source[x + dx, y + dy] for n, (dx, dy) in enumerate(window, 3)), hl.u8(1))
    whole(func)
    func.accelerate([source], x, OUTERMOST)
    design = exact(copied(func), (37, 9), SEEDS[:2])
    assert design.statistics[0].launches == 1


def test_several_inputs_with_different_halos(image, exact):
    a, b, d = image(name="a"), image(hl.Int(16), "b", seed=1), image(hl.Bool(), "d", seed=2)
    func = hl.Func("func")
    near = sum((hl.i16(a[x + dx, y + dy]) for dx in range(-3, 4) for dy in range(-1, 2)), hl.i16(0))
    func[x, y] = hl.select(d[x + 9, y - 4], near, b[x - 2, y + 7] + b[x, y])
    whole(func)
    func.accelerate([d, a, b], x, OUTERMOST)
    exact(copied(func), (41, 13), SEEDS)


def test_paths_of_very_different_depth_meet(image, exact):
    source = image(extents=(120, 110), mins=[-40, -40])
    deep = source
    for number in range(5):
        deep = blurred(deep, f"deep{number}").linebuffer().compute_root()
    edge = hl.Func("edge")
    edge[x, y] = hl.absd(source[x - 8, y], source[x + 1, y + 3])
    edge.linebuffer()
    func = hl.Func("func")
    func[x, y] = hl.max(deep[x, y], edge[x, y]) - hl.min(source[x, y], deep[x - 1, y - 1])
    whole(func)
    func.accelerate([source], x, OUTERMOST)
    exact(copied(func), (45, 21), SEEDS[:3])


def test_chain_of_fifteen_stencils(image, exact):
    source = image(extents=(100, 90), mins=[-20, -20])
    func = source
    for number in range(15):
        before, func = func, hl.Func(f"step{number}")
        cross = hl.u16(before[x, y]) * 4 + before[x - 1, y] + before[x + 1, y] + before[x, y - 1] + before[x, y + 1]
        func[x, y] = hl.u8(cross >> 3)
        func.linebuffer().compute_root()  # the schedule is for the reference: inlined, it would be 5^15 reads a pixel
    whole(func)
    func.accelerate([source], x, OUTERMOST)
    design = exact(copied(func), (40, 33), (None, Stalls(1)))
    report = design.report.accelerators[0]
    assert report.line_buffer_bits >= 15 * 8 * 2 * 64


def test_params_of_every_type(image, exact):
    source = image()
    values = {
        "u8": (hl.UInt(8), 200), "i8": (hl.Int(8), -100), "u16": (hl.UInt(16), 60000), "i16": (hl.Int(16), -30000),
        "u32": (hl.UInt(32), 4000000000), "i32": (hl.Int(32), -2000000000), "u64": (hl.UInt(64), 2**63 - 1),
        "i64": (hl.Int(64), -(2**62)), "flag": (hl.Bool(), True),
    }  # fmt: skip
    func = hl.Func("func")
    total = hl.u64(source[x, y])
    params = []
    for name, (type_, value) in values.items():
        param = hl.Param(type_, name)
        param.set(value)
        params.append(param)
        total = total * 3 + hl.u64(param)
    func[x, y] = total
    whole(func)
    func.accelerate([source], x, OUTERMOST)
    output = copied(func)
    design = exact(output, (17, 3))
    params[0].set(3)
    params[-1].set(False)
    exact(output, (17, 3), design=design)


def test_tuple_output_and_tuple_stage(image, exact):
    source = image()
    pair, func, output = hl.Func("pair"), hl.Func("func"), hl.Func("output")
    pair[x, y] = (source[x, y], hl.i16(source[x + 1, y + 2]) - source[x, y])
    pair.linebuffer()
    func[x, y] = (hl.i32(pair[x - 1, y][0]) * pair[x, y + 1][1], pair[x, y][0] ^ 85)
    whole(func)
    func.accelerate([source], x, OUTERMOST)
    output[x, y] = (func[x, y][0], func[x + 1, y][1])
    exact(output, (31, 11), SEEDS)


def test_second_element_of_a_tuple_is_not_a_stage_of_that_name(image, exact):
    source = image()
    pair, other, func = hl.Func("pair"), hl.Func("pair_1"), hl.Func("func")
    pair[x, y] = (source[x, y], source[x, y] * 3)
    other[x, y] = source[x, y] * 5
    func[x, y] = pair[x, y][0] + 2 * pair[x + 1, y][1] + other[x + 2, y]
    pair.linebuffer()
    other.linebuffer()
    whole(func)
    func.accelerate([source], x, OUTERMOST)
    exact(copied(func), (31, 4))


def test_input_that_nothing_depends_on(image, exact):
    a, b = image(name="a"), image(name="b", seed=1)
    func = hl.Func("func")
    func[x, y] = a[x, y] + b[x + 1, y - 1] * 0
    whole(func)
    func.accelerate([a, b], x, OUTERMOST)
    exact(copied(func), (33, 7))


def test_output_that_depends_on_no_input(image, exact):
    source = image()
    func = hl.Func("func")
    func[x, y] = source[x, y] * 0 + 7
    whole(func)
    func.accelerate([source], x, OUTERMOST)
    exact(copied(func), (33, 7))


def test_stage_that_depends_on_params_alone(image, exact):
    source, gain = image(), hl.Param(hl.UInt(8), "gain")
    gain.set(77)
    stage, func = hl.Func("stage"), hl.Func("func")
    stage[x, y] = gain * 3 + 1
    stage.linebuffer()
    func[x, y] = stage[x - 1, y - 1] + (source[x, y] | stage[x + 1, y])
    whole(func)
    func.accelerate([source], x, OUTERMOST)
    exact(copied(func), (5, 6), SEEDS[:2])


@pytest.mark.parametrize("lanes", [1, 3])
def test_coordinates_needed_before_the_first_pixel(image, exact, lanes):
    # Three products in a row: the coordinate is looked at many cycles before the pixel that it is added to.
    source = image()
    stage, func = hl.Func("stage"), hl.Func("func")
    row, column = hl.u32(y), hl.u32(x)
    stage[x, y] = source[x, y] + ((column * row * column + 7) * row) * (row + 5)
    stage.linebuffer()
    func[x, y] = stage[x - 5, y + 3] + stage[x + 2, y - 1] + column
    whole(func)
    if lanes > 1:
        func.unroll(x, lanes, GUARD)
    func.accelerate([source], x, OUTERMOST)
    exact(copied(func), (37, 9), SEEDS[:3])


def test_coordinates_far_beyond_the_estimate(image, exact):
    source = image(extents=(60, 250))
    ramp, func = hl.Func("ramp"), hl.Func("func")
    ramp[x, y] = hl.u32(source[x, y]) + hl.u32(y)
    ramp.linebuffer()
    func[x, y] = ramp[x, y + 200] - ramp[x, y]
    whole(func, largest=16)
    func.accelerate([source], x, OUTERMOST)
    exact(copied(func), (16, 16))


def test_reduction_of_every_kind(image, exact):
    source = image()
    r = hl.RDom([(-1, 3), (-2, 4)], "r")
    r.where(r.x * r.y != 1)
    weights = hl.Func("weights")
    weights[x, y] = hl.u16(x * x + 3 * y + 9)
    total, recurrence = hl.Func("total"), hl.Func("recurrence")
    total[x, y] = hl.u16(7)
    total[x, y] += weights[r.x, r.y] * source[x + r.x, y + r.y]
    recurrence[x, y] = hl.u8(3)
    recurrence[x, y] = recurrence[x, y] * 5 + source[x + r.x, y + r.y]
    for func in (total, recurrence):
        func.update().unroll(r.x).unroll(r.y)
    func = hl.Func("func")
    highest = hl.maximum(r, source[x + r.x, y - r.y])
    func[x, y] = total[x, y] + recurrence[x + 2, y] * hl.u16(highest)
    whole(func)
    func.accelerate([source], x, OUTERMOST)
    exact(copied(func), (19, 11), SEEDS[:2])


# --- lanes ------------------------------------------------------------------------------------------------------------


LANES = [(1, 5), (2, 2), (3, 4), (5, 5), (8, 3)]
LANES += [pytest.param(*case, marks=pytest.mark.system) for case in ((2, 5), (4, 3), (6, 2), (7, 4))]


@pytest.mark.parametrize("lanes,window", LANES)
def test_lanes(image, exact, lanes, window):
    source = image()
    stage, func = hl.Func("stage"), hl.Func("func")
    stage[x, y] = hl.u8(sum((hl.u16(source[x + n, y + n % 3]) * (n + 1) for n in range(window)), hl.u16(0)) >> 3)
    stage.linebuffer()
    func[x, y] = hl.absd(stage[x, y], stage[x - window + 1, y + 1])
    whole(func).unroll(x, lanes, GUARD)
    func.accelerate([source], x, OUTERMOST)
    output = copied(func)
    design = exact(output, (8 * lanes - 3, 9), (None, Stalls(1)))
    for width in (1, lanes + 1, 40):
        exact(output, (width, 5), (Stalls(2),), design)


def test_lanes_of_tiles(image, exact):
    source = image()
    blur = blurred(source)
    output = copied(blur)
    output.tile(x, y, xo, yo, xi, yi, 16, 8, GUARD)
    blur.compute_at(output, xo).tile(x, y, xo, yo, xi, yi, 16, 8, GUARD).unroll(xi, 4)
    blur.accelerate([source], xi, xo)
    exact(output, (45, 19), SEEDS[:2])


@pytest.mark.parametrize("bits", [1, 16, 64])
def test_streams_of_every_width(image, exact, bits):
    source = image(hl.Bool() if bits == 1 else (hl.UInt, hl.Int)[bits == 64](bits))
    func = hl.Func("func")
    func[x, y] = source[x, y] & ~source[x + 1, y + 1] if bits == 1 else source[x, y] * 3 - source[x + 1, y + 1]
    whole(func).unroll(x, 3, GUARD)
    func.accelerate([source], x, OUTERMOST)
    exact(copied(func), (17, 6))


# --- several accelerators ---------------------------------------------------------------------------------------------


def test_two_accelerators_in_series(image, exact):
    source = image()
    first = whole(blurred(source, "first"))
    second = whole(blurred(first, "second"))
    first.accelerate([source], x, OUTERMOST)
    second.accelerate([first], x, OUTERMOST)
    design = exact(copied(second), (33, 21))
    assert [a.name for a in design.accelerators] == ["first", "second"]


def test_two_accelerators_side_by_side(image, exact):
    source = image()
    first, second, output = whole(blurred(source, "left")), hl.Func("right"), hl.Func("output")
    second[x, y] = source[x + 7, y] - source[x, y + 5]
    whole(second)
    for func in (first, second):
        func.accelerate([source], x, OUTERMOST)
    output[x, y] = first[x, y] ^ second[x - 3, y]
    exact(output, (33, 21))


# --- the core alone ---------------------------------------------------------------------------------------------------


def core_jobs(accelerator, model_input, extents, count):
    """`count` equal launches on random images, each with Halide's own answer."""
    generated = accelerator.generated
    (launch,) = launches(generated, (0, 0), extents, {})
    _, needed = generated.input(model_input).region(launch.mins, launch.extents)
    jobs, expected = [], []
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, tuple(reversed(needed)), np.uint8)
        jobs.append(Job([pixels], [np.zeros(tuple(reversed(extents)), np.uint8)], launch.settings))
        expected += accelerator.golden({model_input: pixels}, launch.mins, launch.extents)
    return jobs, expected


@pytest.fixture(scope="module")
def gaussian():
    """A 5x5 filter of two stages and its model with random power-up."""
    source = hl.ImageParam(hl.UInt(8), 2, "core_input")
    rows, func = hl.Func("core_rows"), hl.Func("core_output")
    rows[x, y] = sum((w * hl.u16(source[x, y + n]) for n, w in enumerate((1, 4, 6, 4, 1), -2)), hl.u16(0))
    rows.linebuffer()
    func[x, y] = hl.u8(sum((w * rows[x + n, y] for n, w in enumerate((1, 4, 6, 4, 1), -2)), hl.u16(0)) >> 8)
    whole(func)
    func.accelerate([source], x, OUTERMOST)
    (accelerator,) = fluorite.compile(copied(func)).accelerators
    return accelerator, build(accelerator.verilog, accelerator.generated.interface, random_power_up=True)


@pytest.mark.parametrize("extents", [(64, 48), (29, 5), (40, 1)])
def test_back_to_back_launches_leave_no_bubble(gaussian, extents):
    accelerator, model = gaussian
    generated = accelerator.generated
    extent_variables = {"extent_x": extents[0], "extent_y": extents[1]}
    period = generated.extents.cycles_per_launch.evaluate(extent_variables)
    cycles = {}
    for count in (1, 2, 5):
        jobs, expected = core_jobs(accelerator, "core_input", extents, count)
        result = model.open(seed=count).run_many(jobs)
        for job, right in zip(jobs, expected, strict=True):
            np.testing.assert_array_equal(job.outputs[0], right)
        cycles[count] = result.cycles
        source = result.streams["core_input"]
        if extents[0] >= 29:  # rows long enough that none is padded
            words = (extents[0] + 4) * (extents[1] + 4)
            assert period == words
            assert source.last_cycle - source.first_cycle + 1 == count * words  # one word in every cycle
        accepted = [run.accepted_cycle for run in result.launches]
        assert accepted[1:] == [a + period for a in accepted[:-1]] or count == 1 or accepted[1] <= period
    assert cycles[2] - cycles[1] == period
    assert cycles[5] - cycles[1] == 4 * period


def test_one_word_out_in_every_cycle_of_a_row(gaussian):
    accelerator, model = gaussian
    jobs, _ = core_jobs(accelerator, "core_input", (60, 40), 1)
    result = model.open(seed=3).run_many(jobs)
    (port,) = accelerator.generated.interface.outputs
    out, source = result.streams[port.name], result.streams["core_input"]
    assert out.words == 60 * 40
    assert out.last_cycle - out.first_cycle + 1 == 39 * 64 + 60  # four cycles a row read the border
    assert source.blocked_cycles <= 2  # until the launch is accepted
    assert out.first_cycle - source.first_cycle == accelerator.generated.latency_cycles - (64 - 60) * 4


@pytest.mark.parametrize("seed", range(3))
def test_random_power_up_and_stalls(gaussian, seed):
    accelerator, model = gaussian
    instance = model.open(seed)
    for extents in [(17, 9), (1, 1), (33, 3), (17, 9)]:
        jobs, expected = core_jobs(accelerator, "core_input", extents, 3)
        instance.run_many(jobs, stalls=Stalls(seed, 0.4, 0.4))
        for job, right in zip(jobs, expected, strict=True):
            np.testing.assert_array_equal(job.outputs[0], right)


def test_launches_of_changing_extents_in_one_run(gaussian):
    accelerator, model = gaussian
    jobs, expected = [], []
    for extents in [(17, 9), (40, 2), (40, 2), (5, 5)]:
        more, right = core_jobs(accelerator, "core_input", extents, 1)
        jobs += more
        expected += right
    model.open(1).run_many(jobs, stalls=Stalls(9, 0.2, 0.2))
    for job, right in zip(jobs, expected, strict=True):
        np.testing.assert_array_equal(job.outputs[0], right)
