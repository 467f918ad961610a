"""Full HD frames through accelerators in their AXI shells: useful cycles of all cycles from start to interrupt.

The memory answers after 60 cycles (--latency) with 8 bursts outstanding on each 64-bit port. A useful cycle is one in
which a word is computed: an accelerator of L lanes needs 1920 * 1080 / L at least. What an accelerator reads beyond the
frame (its halo, where software pads) and the latency of core and memory are the rest.

    benchmarks/system.py [--latency CYCLES] [--stalls P] [APP...]
"""

import argparse
import time
from pathlib import Path

import numpy as np

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.frontend.region.identifiers import identifier
from fluorite.run.launch import launches
from fluorite.systems.program.build import build_system
from fluorite.systems.program.launcher import Launcher

APPS = Path(__file__).parent.parent / "apps"
CASES = (("sobel", 1), ("sobel", 4), ("harris", 1), ("harris", 2), ("gaussian", 1), ("unsharp", 1))
WIDTH, HEIGHT = 1920, 1080


def measure(app: str, lanes: int, latency: int, stalls: float) -> None:
    """Run one frame and print a line."""
    loaded = load_pipeline(APPS / f"{app}.py", {"tile": "0", "lanes": str(lanes)})
    (accelerator,) = fluorite.compile(loaded.pipeline, name=loaded.name).accelerators
    core, generated = accelerator.in_shell(), accelerator.generated
    model = build_system(core.verilog, core.registers.name)
    system = model.open(bytes=64 << 20, latency_cycles=latency, stalls=stalls)
    launcher = Launcher(system, core)
    extents = [WIDTH, HEIGHT, 3][: len(generated.region.func.args)]
    scalars: dict[str, int] = {}
    for name in generated.lowered.metadata:
        _, kind, dimension = name.rsplit(".", 2)
        scalars[name] = scalars[identifier(name)] = 0 if kind == "min" else extents[int(dimension)]
    (launch,) = launches(generated, [0] * len(extents), extents, scalars)
    random = np.random.default_rng(0)
    inputs = [
        random.integers(0, 256, generated.input(i.name).region(launch.mins, launch.extents)[1][::-1], np.uint8)
        for i in generated.region.inputs
    ]
    output = np.zeros(extents[::-1], np.uint8)
    launcher.write("interrupt_enable", 3)
    started = launcher.start(launch, inputs, [output])
    began = time.monotonic()
    cycles = launcher.finish(started) - started.start_cycle
    seconds = time.monotonic() - began
    system.finish()
    given = {i.name: array for i, array in zip(generated.region.inputs, inputs, strict=True)}
    (expected,) = accelerator.golden(given, launch.mins, launch.extents)
    verdict = "exact" if np.array_equal(output, expected) else "DIFFERENT FROM HALIDE"
    useful = WIDTH * HEIGHT / lanes / cycles
    print(
        f"{app:10} {lanes} lanes: {cycles:8} cycles, useful {useful:6.2%}, {verdict}, "
        f"{cycles / seconds / 1e6:.1f} Mcycles/s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("apps", nargs="*", metavar="APP")
    parser.add_argument("--latency", type=int, default=60, help="of the memory, in cycles (60)")
    parser.add_argument("--stalls", type=float, default=0, help="fraction of the cycles each channel is stalled (0)")
    options = parser.parse_args()
    for app, lanes in CASES:
        if not options.apps or app in options.apps:
            measure(app, lanes, options.latency, options.stalls)


if __name__ == "__main__":
    main()
