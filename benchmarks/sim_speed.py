"""Simulation speed: cycles a second of the hand-written 3x3, the reference that generated cores stand beside.

    python benchmarks/sim_speed.py [--width 1920] [--height 1080] [--repeat 5]

`time_core` times any core; other benchmarks import it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fluorite.hwgen.interface import CoreInterface, SettingPort, StreamPort
from fluorite.sim.verilate import CoreModel, Stalls, build

REFERENCE_VERILOG = Path(__file__).with_name("conv3x3_reference.v")
REFERENCE_INTERFACE = CoreInterface(
    "conv3x3",
    (StreamPort("source", "in", 8, False, 1, 2), StreamPort("result", "out", 8, False, 1, 2)),
    (SettingPort("width", 16, False), SettingPort("height", 16, False)),
)


@dataclass(frozen=True, slots=True)
class Timing:
    """Cycles of one launch, and seconds of the fastest of several runs of it."""

    cycles: int
    seconds: float

    @property
    def cycles_per_second(self) -> float:
        """Simulated clock rate in Hz."""
        return self.cycles / self.seconds


def time_core(
    model: CoreModel,
    inputs: Sequence[npt.NDArray[Any]],
    outputs: Sequence[npt.NDArray[Any]],
    settings: Mapping[str, int],
    *,
    stalls: Stalls | None = None,
    repeat: int = 5,
) -> Timing:
    """Time one launch of a core on one instance; the outputs hold its result afterwards."""
    core = model.open()
    timings = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = core.run(inputs, outputs, settings, stalls=stalls)
        timings.append(Timing(result.cycles, time.perf_counter() - start))
    return min(timings, key=lambda timing: timing.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of the hand-written 3x3 in simulation.")
    parser.add_argument("--width", type=int, default=1920)
    parser.add_argument("--height", type=int, default=1080)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    start = time.perf_counter()
    model = build(REFERENCE_VERILOG.read_text(), REFERENCE_INTERFACE)
    print(f"build (or cache)        {time.perf_counter() - start:8.3f} s")
    image = np.random.default_rng(0).integers(0, 256, (options.height, options.width), np.uint8)
    out = np.zeros((options.height - 2, options.width - 2), np.uint8)
    settings = {"width": options.width, "height": options.height}
    for name, stalls in (
        ("no stalls", None),
        ("30 % stalls each side", Stalls(1)),
        ("bursts", Stalls(1, 0.3, 0.3, 50)),
    ):
        timing = time_core(model, [image], [out], settings, stalls=stalls, repeat=options.repeat)
        speed = timing.cycles_per_second / 1e6
        print(f"{name:23} {timing.seconds:8.3f} s  {timing.cycles:9} cycles  {speed:6.1f} M cycles/s")


if __name__ == "__main__":
    main()
