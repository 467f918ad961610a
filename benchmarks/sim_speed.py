"""Simulation speed: cycles a second of a generated 3x3 beside the hand-written one, in one run.

    python benchmarks/sim_speed.py [--width 1920] [--height 1080] [--repeat 5]

`time_core` times any core; other benchmarks import it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import fluorite
from fluorite.hwgen.interface import CoreInterface, SettingPort, StreamPort
from fluorite.sim.verilate import CoreModel, Stalls, build

sys.path.insert(0, str(Path(__file__).parent))
from designs.stencils import stencil

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
    parser = argparse.ArgumentParser(description="Speed of a generated and of the hand-written 3x3 in simulation.")
    parser.add_argument("--width", type=int, default=1920)
    parser.add_argument("--height", type=int, default=1080)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    func, _ = stencil("conv3x3", 8, 1, options.width - 2, options.height - 2, exact=True)
    generated = fluorite.compile(func).accelerators[0]
    models: dict[str, tuple[CoreModel, dict[str, int]]] = {}
    for name, verilog, interface, settings in (
        (
            "by hand",
            REFERENCE_VERILOG.read_text(),
            REFERENCE_INTERFACE,
            {"width": options.width, "height": options.height},
        ),
        ("generated", generated.verilog, generated.generated.interface, {}),
    ):
        start = time.perf_counter()
        models[name] = build(verilog, interface), settings
        print(f"{name:10} build (or cache)        {time.perf_counter() - start:8.3f} s")
    image = np.random.default_rng(0).integers(0, 256, (options.height, options.width), np.uint8)
    for what, stalls in (
        ("no stalls", None),
        ("30 % stalls each side", Stalls(1)),
        ("bursts", Stalls(1, 0.3, 0.3, 50)),
    ):
        speeds: list[float] = []
        for name, (model, settings) in models.items():
            out = np.zeros((options.height - 2, options.width - 2), np.uint8)
            timing = time_core(model, [image], [out], settings, stalls=stalls, repeat=options.repeat)
            speeds.append(timing.cycles_per_second / 1e6)
            print(
                f"{name:10} {what:23} {timing.seconds:8.3f} s  {timing.cycles:9} cycles  {speeds[-1]:6.1f} M cycles/s"
            )
        print(f"{'':10} generated / by hand: {speeds[1] / speeds[0]:.2f}")


if __name__ == "__main__":
    main()
