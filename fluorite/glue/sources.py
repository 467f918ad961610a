"""The hand-written C: which files make a driver, extern stages, access layers, the program."""

from __future__ import annotations

from pathlib import Path

__all__ = ["BACKENDS", "DRIVER", "LIBRARIES", "PROGRAM", "RUNTIME", "STAGES", "WARNINGS"]

#: Where they are.
RUNTIME = Path(__file__).parent / "runtime"
#: Memory, launches in flight, errors, counters.
DRIVER = (
    "fluorite_arena.c", "fluorite_cache.c", "fluorite_device.c", "fluorite_error.c", "fluorite_launch.c",
    "fluorite_overlap.c", "fluorite_ticket.c", "fluorite_wait.c",
)  # fmt: skip
#: What Halide's code calls instead of the accelerated Funcs.
STAGES = (
    "fluorite_pixels.c", "fluorite_placed.c", "fluorite_prepare.c", "fluorite_process.c", "fluorite_region.c",
    "fluorite_side.c", "fluorite_stage.c",
)  # fmt: skip
#: How the driver reaches the hardware, by name of the access layer; a program has one.
BACKENDS = {
    "uio": (
        "fluorite_io_uio.c", "fluorite_io_kernel.c", "fluorite_dma.c", "fluorite_hugepage.c", "fluorite_sysfs.c",
        "fluorite_zocl.c",
    ),
    "sim": ("fluorite_io_sim.c",),
}  # fmt: skip
#: What main.c needs beside all of these.
PROGRAM = ("fluorite_image.c", "fluorite_npy.c", "fluorite_program.c")
#: How all of it compiles, without a warning, and links.
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic")
LIBRARIES = ("-lpthread", "-ldl", "-lm")
