"""A few mutants; `make mutations` tries them all."""

import pytest

from .mutate import tried
from .schemata import schemata

VERILOG = """
module c_core(clk, a, b, q);
  input clk;
  wire clk;
  input [3:0] a;
  wire [3:0] a;
  input [3:0] b;
  wire [3:0] b;
  output [3:0] q;
  reg [3:0] q;
  wire [3:0] sum;
  wire less;
  wire unread;
  assign sum = a + b;
  assign less = a < b;
  assign unread = a == b;
  always @(posedge clk)
    if (less) q <= sum;
endmodule
"""


def test_what_a_statement_may_be_mistaken_for():
    mutants, verilog, passed_over = schemata(VERILOG)
    assert passed_over == []
    changes = {}
    for mutant in mutants:
        changes.setdefault(mutant.original, []).append(mutant.change)
    assert changes == {
        "assign sum = a + b": ["a - b", "a", "b", "(a + b) & 4'h7"],
        "assign less = a < b": ["a <= b", "a > b", "1'h0", "1'h1"],
        "if (less) q <= sum": ["(sum) & 4'h7", "if (1) q <= sum", "if (0) q <= sum"],
    }
    assert [mutant.number for mutant in mutants] == list(range(1, 12))
    assert all(f"== 32'd{mutant.number + 1})" in verilog for mutant in mutants)


@pytest.mark.slow
def test_some_mutants_of_a_core():
    name, there, count, alive, untrue, passed_over, _ = tried("tiles", 0.1, seed=0)
    assert name == "tiles"
    assert there > 400
    assert 30 <= count <= 80
    assert [mutant for mutant, why in alive if why is None] == []
    assert untrue == []
    assert passed_over == []
    assert len(alive) < count / 4
