"""Verilog by Yosys: what is said where it cannot run."""

import re

import pytest
from amaranth.hdl import Elaboratable, Module, Signal

from fluorite.errors import UsageError
from fluorite.hwgen.verilog import tidy


class Inverter(Elaboratable):
    def __init__(self):
        self.i, self.o = Signal(name="i"), Signal(name="o")

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(~self.i)
        return m


def test_a_cache_that_cannot_be_made(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    inverter = Inverter()
    message = (
        "Yosys, in WebAssembly, keeps what is compiled of it in /dev/null/cache/wasmtime, which cannot be made; "
        "set XDG_CACHE_HOME to a folder that can be written to"
    )
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        tidy(inverter, "inverter", [inverter.i, inverter.o], ["i", "o"])
