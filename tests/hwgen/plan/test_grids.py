"""Where nodes are needed and what is held of them, on random graphs of mixed rates: every position of a turn."""

import math
from itertools import product

import pytest

import fluorite
from fluorite.errors import CompileError
from fluorite.hwgen.family.delays import taken_at
from fluorite.hwgen.plan.storage import cycles
from fluorite.hwgen.streams.operations import RESAMPLE
from tests.random_rate_plans import Pipeline


def reads(grid, base, step, delays):
    """Positions of a turn at which a node is needed, and how much earlier it takes its operand there."""
    turn = math.lcm(grid.period, step * len(delays))
    first = grid.least + (grid.phase - grid.least) % grid.period
    found = [(i, delays[i // step % len(delays)]) for i in range(first, first + turn, grid.period)]
    return [(i, base + delay) for i, delay in found if delay is not None]


@pytest.mark.parametrize("number", [1, 3, 5, 9, 12, 24, 30, 117])
def test_operands_are_where_they_are_needed(number):
    output, _ = Pipeline(number).build(accelerated=True)
    try:
        (accelerator,) = fluorite.compile(output).accelerators
    except CompileError as error:
        pytest.fail(f"{number} is refused: {error}")
    generated = accelerator.generated
    plan, extents, grids = generated.plan, generated.extents, generated.plan.grids.of
    ends = {(line.node, line.end) for line in generated.storage.lines}
    read = 0
    for node in plan.nodes:
        for operand in node.operands:
            if node.static or operand.node.static:
                continue
            base, turns = taken_at(node, operand), ((1, (0,)),) * len(grids[node.id])
            if node.op == "resample":
                turns = tuple(zip(*RESAMPLE.of(node), strict=True))
            along = [reads(grid, b, *turn) for grid, b, turn in zip(grids[node.id], base, turns, strict=True)]
            for d, (own, places) in enumerate(zip(grids[operand.node.id], along, strict=True)):
                # What it takes a cycle ahead, for a latency, is that position's all the same.
                ahead = base[d] - operand.delay[d]
                assert all((i - delay + ahead - own.phase) % own.period == 0 for i, delay in places)
            for at in product(*along):
                age = plan.age(plan.lags[node.id], tuple(delay for _, delay in at), operand.node)
                assert cycles(age, extents.strides) >= 0
                held = plan.grids.held(operand.node.id, age)
                assert held in plan.held(node, operand)
                assert not any(held) or (operand.node.id, held) in ends
                read += 1
    assert read
