"""Random pipelines with reductions in two schedules each (`random_reductions`): hardware as Halide, bit for bit.

`make test` runs a few, always the same; ``FLUORITE_FUZZ=n`` runs n others (``make fuzz``), ``FLUORITE_FUZZ_SEED`` says
which.
"""

import collections
import os

import pytest

from tests.random_reductions import check

NUMBERS = (1, 5)
EXAMPLES = int(os.environ.get("FLUORITE_FUZZ", "0"))
SEED = int(os.environ.get("FLUORITE_FUZZ_SEED", "0"))
REFUSED_MOST = 0.05


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_two_schedules_of_random_reductions_are_exact(number):
    assert check(number).said == ["exact", "exact"]


@pytest.mark.skipif(not EXAMPLES, reason="FLUORITE_FUZZ=n runs n more")
def test_many_random_reductions_are_exact(capsys):
    counts = collections.Counter(said for n in range(EXAMPLES) for said in check(10_000 + SEED + n).said)
    with capsys.disabled():
        print("".join(f"\n  {count:5} {said}" for said, count in counts.most_common()))
    refused = sum(n for said, n in counts.items() if said.startswith("refused"))
    assert EXAMPLES < 50 or refused < REFUSED_MOST * sum(counts.values())
