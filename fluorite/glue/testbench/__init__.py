"""The cocotb testbench that a design is written with."""

from fluorite.glue.testbench.write import write_testbench

__all__ = ["write_testbench"]
