"""Several threads use a design, an accelerator, the compiler at once: each gets what it gets on its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("threads.py")


@pytest.mark.parametrize("case", ["first_realize", "failing_beside_others", "core_and_golden", "several_designs"])
def test_at_once(case):
    # Halide's own threads beside: more of them than this machine may have processors.
    environment = {**os.environ, "HL_NUM_THREADS": "4"}
    done = subprocess.run([sys.executable, str(PROGRAM), case], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
