"""Verilog by Yosys: memories of any depth, names, and what is said where it cannot run."""

import random
import re

import halide as hl
import pytest
from amaranth.hdl import Const, Elaboratable, Module, Signal, signed, unsigned
from amaranth.lib.memory import Memory

import fluorite
from fluorite.boards.ecp5.harness import Harness
from fluorite.errors import UsageError
from fluorite.hwgen.rtl.linebuffer import AddressCounter, LineBuffer
from fluorite.hwgen.rtl.netlist import Contents, netlist
from fluorite.hwgen.rtl.rom import Rom
from fluorite.hwgen.shell.axi import AxiShell
from fluorite.hwgen.shell.axis import AxisShell
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.registers import register_map
from fluorite.hwgen.verilog import _name_ports, tidy


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


class Delay(Elaboratable):
    """A line buffer and its address."""

    def __init__(self, depth):
        self.depth = depth
        self.i, self.o, self.advance = Signal(16, name="i"), Signal(16, name="o"), Signal(name="advance")

    def elaborate(self, platform):
        m = Module()
        m.submodules.counter = counter = AddressCounter(self.depth - 1, self.depth, Const(0), self.advance, "counter")
        m.submodules.buffer = buffer = LineBuffer(16, self.depth, counter.address, self.advance, "buffer")
        m.d.comb += [buffer.data.eq(self.i), self.o.eq(buffer.q)]
        return m


class Lookup(Elaboratable):
    """Tables of several shapes."""

    def __init__(self, tables):
        self.tables = tables
        self.i = Signal(8, name="i")
        self.o = [Signal(shape, name=f"o{n}") for n, (shape, _) in enumerate(tables)]

    def elaborate(self, platform):
        m = Module()
        for number, ((shape, words), o) in enumerate(zip(self.tables, self.o, strict=True)):
            name = f"rom_{number}"
            m.submodules[name] = rom = Rom(words, shape, 1, None, name)
            m.d.comb += [rom.addresses[0].eq(self.i), o.eq(rom.q[0])]
        return m


def test_netlists_do_not_grow_with_depth():
    def size(depth):
        delay = Delay(depth)
        found = netlist(delay, "delay", [delay.i, delay.o, delay.advance])
        assert not found.contents
        return len(re.sub(r"\d+", "1", found.text).splitlines()), len(found.text)

    lines, characters = size(256)
    assert size(65536)[0] == lines
    assert size(65536)[1] < characters + 200  # longer numbers


def test_contents_are_no_part_of_the_netlist():
    words = [7 * n % 65536 for n in range(4096)]
    few, many = (Lookup([(unsigned(16), words[:length])]) for length in (16, 4096))
    texts = [netlist(design, "lookup", [design.i, *design.o]) for design in (few, many)]
    assert len(texts[1].text) < len(texts[0].text) + 200
    assert texts[1].contents == (Contents("lookup.rom_0", "rom_0", 16, tuple(words)),)


def test_contents_are_written_behind_their_declarations():
    tables = [
        (unsigned(1), [0, 1, 1]),
        (signed(5), [-16, 15, -1, 0]),
        (unsigned(32), [1 << 31, 10]),
        (signed(33), [-1, 5]),
        (unsigned(8), [255]),
    ]
    lookup = Lookup(tables)
    text = tidy(lookup, "lookup", [lookup.i, *lookup.o], ["i", *(o.name for o in lookup.o)])
    for number, expected in enumerate(
        (
            ["1'h0", "1'h1", "1'h1"],
            ["5'h10", "5'h0f", "5'h1f", "5'h00"],
            ["32'd2147483648", "32'd10"],
            ["33'h1ffffffff", "33'h000000005"],
            ["8'hff"],
        )
    ):
        begin = text.index(f"module lookup__rom_{number}(")
        module = text[begin : text.index("endmodule", begin)]
        declared = re.search(r"\n  reg [^\n]*\brom_\d \[\d+:0\];\n  initial begin\n(.*?)\n  end\n", module, re.DOTALL)
        lines = [f"    rom_{number}[{address}] = {word};" for address, word in enumerate(expected)]
        assert declared and declared[1].splitlines() == lines


def sequential(text):
    """What `_name_ports` is to do: port after port, in the whole text."""
    for port, net, part in re.findall(r"\.(\\port\$[\d$]+) \(\\?([\w$]+) ?(\[[\d:]+\])?\)", text):
        name = net + part.replace("[", "_").replace(":", "_").rstrip("]")
        if not part or not re.search(rf"\b{name}\b", text):
            text = text.replace(f"{port} ", f"\\{name} ")
    return text


@pytest.mark.parametrize("seed", range(40))
def test_ports_are_named_as_one_after_the_other(seed):
    choose = random.Random(seed)
    ports = [rf"\port${n}$0 " for n in range(8)]
    nets = [
        *ports,
        "a",
        "a_3",
        "b_1_0 ",
        r"\c$2 ",
        "a[3]",
        "a[1]",
        "b[1:0]",
        r"\c$2 [1:0]",
        *(f"{p}[3]" for p in ports),
    ]
    lines = [f".{choose.choice(ports)}({choose.choice(nets)})" for _ in range(12)]
    text = "\n".join([*lines, *ports, "a_1 b"])
    assert _name_ports(text) == sequential(text)


class Written(Elaboratable):
    """A memory that is read and written at once."""

    def __init__(self, transparent):
        self.transparent = transparent
        self.i, self.o, self.address = Signal(8, name="i"), Signal(8, name="o"), Signal(4, name="address")

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=8, depth=16, init=[])
        write = memory.write_port()
        read = memory.read_port(transparent_for=[write] if self.transparent else [])
        m.d.comb += [write.addr.eq(self.address), write.data.eq(self.i), write.en.eq(1), read.addr.eq(self.address)]
        m.d.comb += self.o.eq(read.data)
        return m


def test_transparent_read_ports_are_refused():
    """No emulation of one survives Vivado."""
    for transparent in (False, True):
        written = Written(transparent)
        ports = [written.i, written.o, written.address]
        if transparent:
            with pytest.raises(ValueError, match=r"^written: a memory has a read port that is transparent"):
                netlist(written, "written", ports)
        else:
            assert masks(netlist(written, "written", ports).text) == ["0"]


def masks(text):
    """Per read port, the write ports whose words it sees in the same cycle."""
    return re.findall(r"parameter \\TRANSPARENCY_MASK \d+'(\d*)\n", text)


@pytest.mark.parametrize(("kind", "queues"), [("axi", 9), ("axis", 1)])
def test_no_shell_has_transparent_read_ports(kind, queues):
    generated = small_accelerator().generated
    shell = (AxiShell if kind == "axi" else AxisShell)(generated, register_map(generated, ShellConfig(kind=kind)))
    signals = [signal for bus in shell.buses for signal in bus.signals.values()]
    found = masks(netlist(shell, "shell", [shell.interrupt, *signals]).text)
    assert len(found) == queues
    assert set(found) == {"0"}


def test_no_core_has_transparent_read_ports():
    core = small_accelerator().generated.core()
    found = masks(netlist(core, "core", core.ports.signals).text)
    assert len(found) == 1  # the line buffer
    assert set(found) == {"0"}


def test_no_harness_has_transparent_read_ports():
    generated = small_accelerator().generated
    harness = Harness(AxisShell(generated, register_map(generated, ShellConfig(kind="axis"))), 16)
    found = masks(netlist(harness, "harness", harness.ports).text)
    assert len(found) >= 3
    assert set(found) == {"0"}


def small_accelerator():
    source, blurred = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("blurred")
    x, y = hl.vars("x y")
    held = hl.Func("held")
    held[x, y] = source[x, y]
    blurred[x, y] = hl.u8((hl.u16(held[x, y]) + held[x, y + 1]) // 2)
    held.compute_root()
    blurred.bound(x, 0, 128).bound(y, 0, 8)
    blurred.accelerate([held], x, hl.Var.outermost())
    return fluorite.compile(blurred).accelerators[0]
