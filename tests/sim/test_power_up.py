from amaranth.back import verilog
from amaranth.hdl import Module, Signal, signed
from amaranth.lib.memory import Memory

from fluorite.sim.power_up import forget_initial_values


def test_what_amaranth_writes():
    m = Module()
    kept = Signal(8, init=3, reset_less=True)
    old = Signal(signed(5), init=-1)
    read = Signal(8)
    m.submodules.lines = lines = Memory(shape=8, depth=3, init=[])
    m.submodules.rom = rom = Memory(shape=8, depth=3, init=[0, 7, 0])
    m.submodules.zeros = zeros = Memory(shape=8, depth=3, init=[])
    write, reads = lines.write_port(), [memory.read_port() for memory in (lines, rom, zeros)]
    m.d.comb += [write.addr.eq(kept), write.data.eq(kept), write.en.eq(kept[0])]
    m.d.comb += [port.addr.eq(kept) for port in reads]
    m.d.comb += read.eq(reads[0].data ^ reads[1].data ^ reads[2].data)
    m.d.sync += [kept.eq(kept + old), old.eq(old + 1)]
    before = verilog.convert(m, ports=[read])
    after = forget_initial_values(before)
    for text in ("reg [7:0] kept = 8'h03;", "reg [4:0] old = 5'h1f;", "lines[0] = 8'h00;"):
        assert text in before
        assert text not in after
    for text in (
        "reg [7:0] kept ;",
        "reg [4:0] old ;",
        "reg [7:0] lines [2:0];",
        "rom[1] = 8'h07;",
        "zeros[0] = 8'h00;",
    ):
        assert text in after, text
    assert forget_initial_values(after) == after


def test_nothing_else_changes():
    text = "module m;\n  wire [3:0] a = 4'd1;\n  parameter reg_a = 1;\n  always @(posedge clk) reg_b <= 1;\nendmodule\n"
    assert forget_initial_values(text) == text
