"""The memory model: what it does to a design that is right, and what it says of designs that are wrong."""

import re

import pytest

from fluorite.errors import SimulationError, UsageError
from fluorite.systems.program.build import build_system
from fluorite.systems.program.ports import read_ports
from fluorite.systems.program.settings import DECERR, SLVERR, InjectedError, Memory
from tests.systems.program.conftest import DONE, ERROR, STATUS, copy, fill, mutant, start

STALLED = {"stalls": 0.3}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"latency_cycles": 0, "outstanding": 1},
        {"latency_cycles": 200, "outstanding": 16},
        {"bandwidth": 3.5},
        *({"stalls": p, "seed": seed, "reorder": True} for p in (0.1, 0.5) for seed in range(1, 7)),
        {"stalls": 0.2, "bandwidth": 6, "stall_cycles": 30},
    ],
    ids=str,
)
def test_copies_are_right(copier, options):
    system = copier.open(**options)
    fill(system)
    assert copy(system)
    assert copy(system, 0x40018, 0x80FF8, 33)
    assert copy(system, 0xFF8, 0x1000, 1)
    assert system.reg_read(STATUS) == DONE


def test_cycles_are_counted_and_repeat(copier):
    def cycles(**options):
        system = copier.open(**options)
        start(system, 0, 0x40000, 1024)
        began = system.cycle
        assert system.run_until_irq()
        counters = system.port_counters("m_axi_source")
        assert counters.read_beats == 1024
        assert counters.read_bursts == 64
        assert system.port_counters("m_axi_result").bytes_written == 8192
        return system.cycle - began

    # A beat a cycle each, but for latency to the first data and back from the last, and gaps between bursts.
    assert 1024 + 2 * 60 <= cycles() <= 1024 + 64 + 2 * 60 + 40
    assert cycles(**STALLED) == cycles(**STALLED) != cycles(**STALLED, seed=2)
    assert 2048 <= cycles(bandwidth=8) <= 2048 + 64 + 2 * 60 + 40
    # One burst of 16 at a time: a latency for each.
    assert cycles(outstanding=1) >= 64 * (16 + 60)


MUTANTS = {
    "crosses-4k": (
        [("if (page < {2'd0, burst}) burst = page[7:0];", "")],
        r"m_axi_\w+: cycle \d+: read at 0x10000f\w+ of 16 beats crosses a 4 KiB boundary",
    ),
    "bursts-too-long": (
        [("burst = 8'd16;", "burst = 8'd32;"), ("if (left < 32'd16)", "if (left < 32'd32)")],
        r"m_axi_source: cycle \d+: read at 0x10000008: a burst must have 1..16 beats, not 32",
    ),
    "narrow": (
        [("m_axi_source_arsize = 3'd3", "m_axi_source_arsize = 3'd2")],
        r"m_axi_source: cycle \d+: read at 0x10000008: a beat must have 8 bytes, not 4",
    ),
    "fixed-burst": (
        [("m_axi_result_awburst = 2'd1", "m_axi_result_awburst = 2'd0")],
        r"m_axi_result: cycle \d+: write at 0x10040018: burst type must be INCR \(1\), not 0",
    ),
    "no-wlast": (
        [("m_axi_result_wlast = write_count == 8'd1", "m_axi_result_wlast = 1'b0")],
        r"m_axi_result: cycle \d+: write at 0x10040018 of 16 beats: wlast is low at beat 16",
    ),
    "early-wlast": (
        [("m_axi_result_wlast = write_count == 8'd1", "m_axi_result_wlast = write_count == 8'd2")],
        r"m_axi_result: cycle \d+: write at 0x10040018 of 16 beats: wlast is high at beat 15",
    ),
    "data-changes": (
        [("m_axi_result_wdata = fifo[tail]", "m_axi_result_wdata = fifo[tail] ^ {63'd0, m_axi_source_rvalid}")],
        r"m_axi_result: cycle \d+: w channel changed while stalled",
    ),
    "address-changes": (
        [("else if (m_axi_source_arready)", "else if (!m_axi_source_arready) m_axi_source_araddr <= 0; else if (1)")],
        r"m_axi_source: cycle \d+: ar channel changed while stalled",
    ),
    "valid-dropped": (
        [("m_axi_source_arready) m_axi_source_arvalid <= 1'b0;", "1) m_axi_source_arvalid <= 1'b0;")],
        r"m_axi_source: cycle \d+: arvalid dropped before arready",
    ),
    "write-valid-dropped": (
        [("m_axi_result_wvalid = write_count != 0", "m_axi_result_wvalid = write_count != 0 && !m_axi_source_rvalid")],
        r"m_axi_result: cycle \d+: wvalid dropped before wready",
    ),
    "outside": (
        [("read_address <= source;", "read_address <= source ^ 32'h20000000;")],
        r"m_axi_source: cycle \d+: read at 0x30000008 of 16 beats lies outside the arena 0x10000000..0x100fffff",
    ),
    "response-untaken": (
        [("m_axi_result_bready = 1'b1", "m_axi_result_bready = unanswered > 1"),
         ("unanswered == 0 &&", "unanswered <= 1 &&")],
        r"m_axi_result: cycle \d+: at the end: 0 reads unanswered or untaken, 0 writes without all their data, "
        r"1 responses untaken, 0 beats without an address",
    ),
    "data-untaken": (
        [("m_axi_source_rready = 1'b1", "m_axi_source_rready = write_left != 0"),
         ("read_left <= beats;", "read_left <= beats + 300;")],
        r"m_axi_source: cycle \d+: at the end: \d reads unanswered or untaken, .*",
    ),
    "strobes-below-the-start": (
        [("m_axi_result_awaddr <= write_address;", "m_axi_result_awaddr <= write_address + 32'd4;")],
        r"m_axi_result: cycle \d+: write at 0x1004001c: strobes 0xff below the start address",
    ),
    "register-answer-dropped": (
        [("else if (s_axi_control_bready) s_axi_control_bvalid", "else if (1) s_axi_control_bvalid")],
        r"s_axi_control: cycle \d+: bvalid dropped before bready",
    ),
    "register-answer-changes": (
        [("end else if (s_axi_control_rready) s_axi_control_rvalid", "end else if (!s_axi_control_rready) "
          "s_axi_control_rdata <= 32'd7; else s_axi_control_rvalid")],
        r"s_axi_control: cycle \d+: r channel changed while stalled",
    ),
    "register-hangs": (
        [("wire read = s_axi_control_arvalid", "wire read = s_axi_control_arvalid && s_axi_control_araddr != 12'h08")],
        r"s_axi_control: cycle \d+: read of register 0x8 not answered in 1000 cycles",
    ),
    "loop": (
        [("assign m_axi_result_wstrb = 8'hff;", "assign m_axi_result_wstrb = {8{loop}}; wire loop = !(loop && busy);")],
        r"copier_axi must settle: .*converge.*",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_wrong_designs_are_reported(name):
    changes, message = MUTANTS[name]
    system = build_system(mutant(*changes), "copier_axi").open(**STALLED)
    for _ in range(2):  # the second time after the reset that a violation asks for
        with pytest.raises(SimulationError) as caught:
            copy(system)
            system.reg_read(STATUS)
        assert re.fullmatch(f"system 'copier_axi': {message}", str(caught.value)), str(caught.value)
        with pytest.raises(SimulationError):  # it stays broken
            system.run(1)
        if name != "loop":
            system.reset()


def test_a_shell_that_is_done_before_its_last_response_shows_old_memory():
    early = mutant(("unanswered == 0 &&", "write_count == 0 &&"))
    system = build_system(early, "copier_axi").open()
    fill(system)
    start(system, 0, 0x40000, 64)
    assert system.run_until_irq()
    assert (system.memory[0x40000:0x40200] != system.memory[:0x200]).any()


@pytest.mark.parametrize("response", [SLVERR, DECERR])
@pytest.mark.parametrize("kind", ["read", "write"])
@pytest.mark.parametrize("where", ["first", "middle", "last", "beat"])
def test_injected_errors(copier, kind, where, response):
    system = copier.open(**STALLED)
    fill(system)
    beats = 300
    first = system.options.base + (0 if kind == "read" else 0x40000)
    address = first + {"first": 0, "middle": 1203, "last": 8 * beats - 1, "beat": 0}[where]
    system.inject(InjectedError(kind, address, beat=177 if where == "beat" else None, response=response))
    start(system, 0, 0x40000, beats)
    assert system.run_until_irq()
    assert system.reg_read(STATUS) == DONE | ERROR
    assert copy(system, 0, 0x40000, beats)  # once only
    assert system.reg_read(STATUS) == DONE


def test_accesses_outside_can_be_answered(copier):
    system = copier.open(outside_is_decerr=True)
    start(system, system.options.bytes - 64, 0x40000, 64)
    assert system.run_until_irq()
    assert system.reg_read(STATUS) == DONE | ERROR


def test_a_missing_interrupt_is_a_timeout(copier):
    system = copier.open()
    assert not system.run_until_irq(1000)
    assert system.cycle == 1000


@pytest.mark.parametrize(
    "options,message",
    [
        ({"stalls": 1.0}, "stalls must be in 0 <= p < 1, not 1.0"),
        ({"stalls": 0.9, "stall_cycles": 2}, "stall_cycles must be at least 9, not 2"),
        ({"outstanding": 0}, "outstanding must be at least 1, not 0"),
        ({"bytes": 100}, "base and bytes must be multiples of 4096, not 0x10000000 and 0x64"),
    ],
)
def test_impossible_memories(options, message):
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        Memory(**options)


def test_ports_are_found():
    ports = read_ports(mutant(), "copier_axi")
    assert [m.name for m in ports.masters] == ["m_axi_source", "m_axi_result"]
    with pytest.raises(SimulationError, match=r"^the Verilog must have a module 'other'$"):
        read_ports(mutant(), "other")
    with pytest.raises(SimulationError, match=r"^module 'copier_axi' must have ports interrupt$"):
        read_ports(
            mutant(("output wire interrupt", "output wire irq"), ("assign interrupt", "assign irq")), "copier_axi"
        )
    with pytest.raises(SimulationError, match=r"^module 'copier_axi' must have ports m_axi_source_rlast$"):
        read_ports(mutant((", input wire m_axi_source_rlast", "")), "copier_axi")
