"""A board whose FPGA is Verilated, at the level of its pins: the top that is built, bit by bit over the serial line."""

import ctypes
import os
from pathlib import Path

from fluorite.boards.ecp5.build import BAUD, harness_of
from fluorite.boards.ecp5.harness import emit_harness
from fluorite.boards.ecp5.pll import find_pll
from fluorite.boards.ecp5.top import top_name, top_verilog
from fluorite.host.cache import cached
from fluorite.host.toolchain import find_toolchain, run_tool
from fluorite.sim.verilate import COMPILER_FLAGS, LARGE_FLAGS, compile_library, tool_versions, verilated_runtime

HERE = Path(__file__).parent
FLAGS = ("--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert", "--prefix", "Vtop", "-Wno-fatal")


class SimulatedBoard:
    """A transport (see fluorite.boards.ecp5.link) whose other end is the simulated top.

    `read` runs the simulation until bytes arrive; a second of waiting is so many cycles.
    """

    cycles_per_second = 2_000_000  # less than on a real board, since a silent one is waited for

    def __init__(self, design, board, baud=BAUD):
        harness = harness_of(design.hardware, board, baud)
        pll = find_pll(board.pins.clock_hz, board.clock_hz)
        verilog = top_verilog(harness, board, pll) + emit_harness(harness) + (HERE / "EHXPLLL.v").read_text()
        self.library = ctypes.CDLL(str(_library(verilog, top_name(harness, board))))
        self.library.board_open.restype = ctypes.c_void_p
        self.library.board_receive.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
        self.handle = ctypes.c_void_p(self.library.board_open(harness.bit_cycles))
        self.byte_cycles = 10 * harness.bit_cycles
        self.sent = self.received = 0

    def write(self, data):
        self.sent += len(data)
        self.library.board_send(self.handle, data, len(data))

    def read(self, seconds):
        found = bytearray()
        cycles = int(seconds * self.cycles_per_second)
        while (byte := self.library.board_receive(self.handle, cycles)) >= 0:
            found.append(byte)
            cycles = 2 * self.byte_cycles  # what follows at once belongs to it
            if len(found) == 256:
                break
        self.received += len(found)
        assert self.library.board_framing_errors(self.handle) == 0
        return bytes(found)

    def press(self, pressed):
        self.library.board_press(self.handle, int(pressed))

    @property
    def lamps(self):
        return self.library.board_lamps(self.handle)

    def close(self):
        self.library.board_close(self.handle)


def _library(verilog, top):
    tools = find_toolchain()
    runtime = verilated_runtime(tools)
    pins = (HERE / "pins.cpp").read_text()

    def make(work):
        (work / "top.v").write_text(verilog)
        (work / "pins.cpp").write_text(pins)
        command = [str(tools.verilator), *FLAGS, "--top-module", top, "--Mdir", str(work / "model"), "top.v"]
        run_tool(command, cwd=work, env={**os.environ, "VERILATOR_ROOT": str(tools.verilator_root)})
        return compile_library(tools, runtime, work, "pins.cpp")

    parts = (*tool_versions(tools), *COMPILER_FLAGS, *LARGE_FLAGS, *FLAGS, pins, verilog)
    return cached("pins", parts, ".so", make)
