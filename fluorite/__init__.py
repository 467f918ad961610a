"""fluorite: FPGA accelerators, and the software that drives them, from Halide pipelines.

Importing it gives every ``halide.Func`` the methods ``accelerate``, ``linebuffer`` and ``fifo_depth``.
"""

from fluorite.compile import compile
from fluorite.design import Design
from fluorite.errors import CompileError, FluoriteError, ScheduleError, SimulationError, UnsupportedError, UsageError
from fluorite.frontend import annotations as _annotations
from fluorite.run.accelerator import Accelerator
from fluorite.run.runner import Statistics
from fluorite.sim.run import Stalls

__all__ = [
    "Accelerator",
    "CompileError",
    "Design",
    "FluoriteError",
    "ScheduleError",
    "SimulationError",
    "Stalls",
    "Statistics",
    "UnsupportedError",
    "UsageError",
    "__version__",
    "compile",
]

__version__ = "0.1.0"

_annotations.install()
