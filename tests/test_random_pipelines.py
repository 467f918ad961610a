"""Random pipelines: algorithm and schedule drawn by hypothesis, the hardware compared with Halide bit for bit.

A drawn pipeline is a `Plan` (`random_plans`), plain data that prints as the call that builds it again; hypothesis
shrinks it. `make test` runs a few, always the same; ``FLUORITE_FUZZ=n`` runs n others (``make fuzz``), and
``FLUORITE_FUZZ_SEED`` says which. What they contained, and what was refused, is printed at the end.
"""

import os

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import fluorite
from fluorite.errors import CompileError, UsageError
from fluorite.sim.run import Stalls
from tests.random_coverage import Coverage, reason
from tests.random_pipelines import Building
from tests.random_plans import plans

GROUPS = (1, 11, 15, 20)  # seeds of `make test`, which have most features among few plans; each on its own worker
EXAMPLES = int(os.environ.get("FLUORITE_FUZZ", "0"))
SEED = int(os.environ.get("FLUORITE_FUZZ_SEED", "0"))
REFUSED_MOST = 0.1  # share of plans


def check(plan):
    """Build, compile, run under stalls, compare with Halide's own answer; why it was refused, if it was."""
    built = Building(plan)
    stalls = plan.stalls and Stalls(plan.seed, *plan.stalls)
    design = None
    for size in (plan.size, *([plan.again] if plan.again else [])):
        extents = built.fill(size)
        expected = _arrays(built.output.realize(extents))
        try:
            design = design or fluorite.compile(built.output)
            found = _arrays(design.realize(extents, stalls=stalls))
        except (CompileError, UsageError) as error:
            refused = reason(plan, error)
            if refused is None:
                raise
            return refused
        for ours, halides in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, halides)
    return None


def _arrays(result):
    return [np.array(buffer) for buffer in (result if isinstance(result, (list, tuple)) else [result])]


def run(examples, seed):
    """Check so many plans; what they were."""
    coverage = Coverage()

    @hypothesis.seed(seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(plans())
    def property_(plan):
        coverage.add(plan, check(plan))

    property_()
    return coverage


@pytest.mark.slow
@pytest.mark.parametrize("seed", GROUPS)
def test_random_pipelines_are_exact(seed):
    run(3, seed)


@pytest.mark.skipif(not EXAMPLES, reason="FLUORITE_FUZZ=n runs n more")
def test_many_random_pipelines_are_exact(capsys):
    coverage = run(EXAMPLES, 1000 + SEED)
    with capsys.disabled():
        print(f"\n{coverage}")
    assert EXAMPLES < 50 or coverage.refused < REFUSED_MOST
