"""Paths from register to register: none is longer than the clock allows, whatever the design.

What paths there are is found anew from the finished core (`arrivals_ns`), by following its delay lines.
"""

import dataclasses
from itertools import product
from pathlib import Path

import halide as hl
import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import fluorite
from benchmarks.designs.stencils import DESIGNS, stencil
from fluorite.boards.capacity.clock import arrivals_ns, longest_path_ns
from fluorite.errors import CompileError
from fluorite.frontend import halide_io
from fluorite.frontend.constants import Constants
from fluorite.frontend.known import with_known_extents
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.frontend.region.extract import accelerated_funcs, extract
from fluorite.hwgen.family.delays import FAMILIES, ZYNQ7000, Family
from fluorite.hwgen.generate import generate
from fluorite.hwgen.plan.paths import too_long
from fluorite.hwgen.streams.graph import Node, Ref
from tests.random_pipelines import Building
from tests.random_plans import plans

APPS = Path(__file__).parents[2] / "apps"
x, y = hl.vars("x y")

#: Operations that alone take longer than their family's budget, and from how many bits on. Registers stand around them.
SLOW = {"ecp5": {"min": 61, "max": 61, "abs": 61}}


def too_late(generated, family, slow=None):
    """Names and times of the nodes that are reached later than the budget allows, `slow` operations excepted."""
    slow = SLOW.get(family.name, {}) if slow is None else slow
    nodes = {node.id: node for node in generated.plan.nodes}
    found = {}
    for id_, time in arrivals_ns(generated, family).items():
        node = nodes[id_]
        bits = max([node.width_bits, *(operand.node.width_bits for operand in node.operands)])
        alone = time == family.node_ns(node) and bits >= slow.get(node.op, 1 << 30)
        if time > family.budget_ns and not alone:
            found[generated.names[id_]] = time
    return found


def regions(pipeline):
    """What of a pipeline is accelerated."""
    loaded, _ = with_known_extents(halide_io.load(pipeline))
    return [extract(loaded.pipeline, func, Constants(loaded.root)) for func in accelerated_funcs(loaded.pipeline)]


#: Applications in which a stream has half as many pixels as the result: an odd number of lanes has no half.
EVEN_LANES = ("bilinear", "exposure_fusion", "pyramid", "pyramid_blend", "resample32", "thumbnails", "to_nv12")
UNTILED = ("box", "dither", "to_nv12", "thumbnails")
ONE_LANE = ("dither",)
#: Of these, paths are the same at every level; all four of them in the sweep.
LEVELS = ("exposure_fusion", "pyramid", "pyramid_blend")
APPLICATIONS = [
    (path.stem, lanes, tile, {"levels": "2"} if path.stem in LEVELS else {})
    for path in sorted(APPS.glob("*.py"))
    if path.stem != "demo"
    for lanes, tile in ((1, 0), (4 if path.stem in EVEN_LANES else 3, 64))
    if lanes == 1 or path.stem not in ONE_LANE
]
SWEEP = [pytest.param(*case[:3], {}, marks=pytest.mark.system) for case in APPLICATIONS if case[0] in LEVELS]


@pytest.mark.parametrize(("name", "lanes", "tile", "levels"), APPLICATIONS + SWEEP)
def test_applications_reach_their_clock(name, lanes, tile, levels):
    options = (
        ({} if name in ONE_LANE else {"lanes": str(lanes)}) | levels | ({} if name in UNTILED else {"tile": str(tile)})
    )
    for region, family in product(regions(load_pipeline(APPS / f"{name}.py", options).pipeline), FAMILIES.values()):
        assert too_late(generate(region, family), family) == {}, (region.name, family.name)


@pytest.mark.parametrize("name", DESIGNS)
def test_benchmarks_reach_their_clock(name):
    for bits, lanes, exact in product((8, 32), (1, 4), (False, True)):
        func, _ = stencil(name, bits, lanes, 1920, 1080, exact)
        (region,) = regions(hl.Pipeline(func))
        for family in FAMILIES.values():
            assert too_late(generate(region, family), family) == {}, (bits, lanes, exact, family.name)


@pytest.mark.parametrize("seed", range(2))
def test_random_pipelines_reach_their_clock(seed):
    """Of run-time and of fixed extents, whose rows are cycles; also at a clock that leaves no room behind a memory."""
    done = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=15, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck)
    )
    @given(plans())
    def property_(plan):
        built = Building(plan)
        built.fill(plan.size)
        try:
            found = regions(hl.Pipeline(built.output))
            for region, family in product(found, FAMILIES.values()):
                assert too_late(generate(region, family), family) == {}, family.name
            fast = ZYNQ7000.at(4.8)
            slow = dict.fromkeys(("add", "sub", "sum", "min", "max", "abs", "mul", "lt", "le", "eq"), 1)
            for region in found:
                assert too_late(generate(region, fast), fast, slow) == {}
                done.append(plan.mode)
        except CompileError:
            return

    property_()
    assert len(done) >= 10 and len(set(done)) == 3


def peaks(swapped):
    """A product against the row above: two equally slow paths to one comparison, of which one holds a row."""
    a, b = hl.ImageParam(hl.UInt(8), 2, "a"), hl.ImageParam(hl.UInt(8), 2, "b")
    power, peaks = hl.Func("power"), hl.Func("peaks")
    power[x, y] = hl.u16(a[x, y]) * b[x, y]
    rises = power[x, y] < power[x, y - 1] if swapped else power[x, y - 1] < power[x, y]
    peaks[x, y] = hl.max(hl.min(hl.select(rises, a[x, y], b[x, y]), a[x, y]), 7)
    power.linebuffer()
    peaks.compute_root().set_estimate(x, 0, 1920).set_estimate(y, 0, 1080)
    peaks.accelerate([a, b], x, hl.Var.outermost())
    (found,) = fluorite.compile(peaks).accelerators
    return found.generated


def test_order_of_operands_does_not_matter():
    one, other = peaks(False), peaks(True)
    assert longest_path_ns(one, ZYNQ7000) == longest_path_ns(other, ZYNQ7000) <= ZYNQ7000.clock_ns
    assert one.latency_cycles == other.latency_cycles


def late_product(rows):
    """A product by a Param of what came so many rows ago, next to a window that needs no multiplier."""
    image, gain = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Param(hl.UInt(8), "gain")
    late = hl.Func("late")
    late[x, y] = hl.u16(image[x, y]) * gain + image[x, y + rows] + image[x, y + rows - 1]
    late.compute_root().set_estimate(x, 0, 1920).set_estimate(y, 0, 1080)
    late.accelerate([image], x, hl.Var.outermost())
    (found,) = fluorite.compile(late).accelerators
    return found.generated


def test_only_what_a_slow_node_reads_is_registered_behind_its_memory():
    generated = late_product(2)
    lines = [(line.kind, line.end) for line in generated.storage.lines if line.node == 0 and any(line.end[1:])]
    assert [kind for kind, _ in lines] == ["memory", "memory", "register"]
    assert [end[1] for _, end in lines] == [1, 2, 2]
    assert longest_path_ns(generated, ZYNQ7000) <= ZYNQ7000.clock_ns < ZYNQ7000.memory_ns + 4.2 + ZYNQ7000.register_ns
    fast_memory = dataclasses.replace(ZYNQ7000, memory_ns=1.0)
    kinds = [line.kind for line in generate(generated.region, fast_memory).storage.lines if any(line.end[1:])]
    assert kinds == ["memory", "memory"]


# --- the constraints by themselves --------------------------------------------------------------------------------

UNIT = Family("unit", 5.0, 1.0, lut_ns=1.0, carry_ns_per_bit=0, multiplier_ns=3.0, memory_ns=2.0,
              multiplier=ZYNQ7000.multiplier)  # fmt: skip


@st.composite
def scheduled_graphs(draw):
    """Nodes, lags under which no age is negative, and who is behind a memory."""
    nodes, lags = [], []
    for id_ in range(draw(st.integers(2, 7))):
        lag = draw(st.integers(0, 3))
        sources = draw(st.lists(st.sampled_from(nodes), max_size=3)) if nodes else []
        operands = tuple(Ref(s, (draw(st.integers(0, 2)) + lags[s.id] - lag,)) for s in sources)
        op = draw(st.sampled_from(("and", "mul", "shl", "add")))
        nodes.append(Node(id_, op, operands, (), 0, 1, False))
        lags.append(lag)
    return nodes, lags, draw(st.sets(st.integers(0, len(nodes) - 1), max_size=2))


@settings(max_examples=300, deadline=None)
@given(scheduled_graphs())
def test_constraints_hold_exactly_if_no_path_is_too_long(drawn):
    nodes, lags, behind_memory = drawn
    readers = {}
    for node in nodes:
        for operand in node.operands:
            readers.setdefault(operand.node.id, []).append((node, operand.delay[0]))
    constraints = list(too_long(nodes, readers, UNIT, behind_memory))
    met = all(lags[target.id] >= lags[source.id] - distance + 1 for source, target, distance in constraints)

    def paths(node):
        """Every combinational path that ends with this node, as the time of each."""
        yield UNIT.node_ns(node) + (UNIT.memory_ns if node.id in behind_memory else 0), 1
        for operand in node.operands:
            if lags[node.id] + operand.delay[0] == lags[operand.node.id]:
                for time, length in paths(operand.node):
                    yield time + UNIT.node_ns(node), length + 1

    longest = max((time for node in nodes for time, length in paths(node) if length > 1), default=0.0)
    assert met == (longest <= UNIT.budget_ns)


def test_pairs_that_others_imply_are_left_out():
    """A register between the second node and the multiplier is one between the first and the multiplier, too."""
    nodes = []
    for id_, (op, delay) in enumerate((("and", 0), ("and", 0), ("and", 2), ("mul", 0))):
        nodes.append(Node(id_, op, (Ref(nodes[-1], (delay,)),) if nodes else (), (), 0, 1, False))
    readers = {n.operands[0].node.id: [(n, n.operands[0].delay[0])] for n in nodes[1:]}
    assert [(s.id, t.id, distance) for s, t, distance in too_long(nodes, readers, UNIT, ())] == [(1, 3, 2)]
