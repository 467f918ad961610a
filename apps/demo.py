"""Harris corners of a photograph: the simulated accelerator against Halide.

`make demo` runs it. Verilator simulates the accelerator cycle by cycle; input, output and difference become PNGs.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from skimage import data
from tqdm import tqdm

import fluorite
from fluorite.errors import FluoriteError
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.run.images import difference_image, load_image, save_image
from fluorite.run.verify import compare


def main():
    """Run the demo; 0 if the hardware is exact, 1 if not, 2 if it could not run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", help="any photograph (default: scikit-image's camera man)")
    parser.add_argument("--output", type=Path, default=Path("build/demo"), help="folder (default: %(default)s)")
    options = parser.parse_args()
    try:
        return demo(options.photo, options.output)
    except FluoriteError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2


def demo(photo, folder):
    """Compile harris for the photograph's size, run it, compare, and write and print what came out."""
    image = load_image(photo, "uint8", 2, lambda said: print(said, file=sys.stderr)) if photo else data.camera()
    height, width = image.shape
    params = {"tile": "0", "max_width": str(width), "max_height": str(height)}
    loaded = load_pipeline(Path(__file__).with_name("harris.py"), params)
    loaded.set_image("input", image)

    print(f"Compiling {loaded.name} for images of up to {width}x{height} into hardware ...")
    start = time.monotonic()
    design = fluorite.compile(loaded.pipeline, name=loaded.name)
    print(f"  done in {time.monotonic() - start:.1f} s")

    print("Simulating it in Verilator (building the simulator comes first) ...")
    start = time.monotonic()
    with tqdm(total=width * height, unit="px", unit_scale=True, desc="  simulated") as bar:

        def progress(done, total):
            bar.total = total
            bar.update(done - bar.n)

        hardware = np.array(design.realize([width, height], progress=progress))
    print(f"  done in {time.monotonic() - start:.1f} s")

    halide = np.array(loaded.pipeline.realize([width, height]))
    mismatch = compare(loaded.name, halide, hardware)
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in (
        ("input", image),
        ("output", hardware),
        ("difference", difference_image(halide, hardware)),
    ):
        save_image(folder / f"{name}.png", picture)

    (run,) = design.statistics
    (report,) = design.report.accelerators
    print(f"{np.count_nonzero(hardware)} corners in {width}x{height} pixels")
    print(f"  cycles per pixel  {run.cycles / run.output_pixels:.4f} ({run.cycles} cycles, {run.output_pixels} pixels)")
    print(f"  latency           {run.latency_cycles} cycles")
    print(f"  line buffers      {report.line_buffer_bits} bits (lower bound {report.line_buffer_bits_lower_bound})")
    print(f"  images            {folder}/input.png, output.png, difference.png")
    print(f"The accelerator is {'the same as Halide, bit for bit' if mismatch is None else f'WRONG: {mismatch}'}.")
    return 0 if mismatch is None else 1


if __name__ == "__main__":
    sys.exit(main())
