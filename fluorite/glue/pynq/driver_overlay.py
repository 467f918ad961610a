"""Loads the bitstream with the clock it was built for, and runs its self-test, on PYNQ.

Part of every module that `fluorite.glue.pynq.write` makes, from the marker on. It runs on PYNQ's Python, 3.8 or newer.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from pynq import Clocks
from pynq import Overlay as PynqOverlay

from fluorite.glue.pynq.driver import Accelerator
from fluorite.glue.pynq.driver_memory import Words
from fluorite.glue.pynq.driver_region import Box, Stream

# --- the bitstream: the same for every design ---------------------------------------------------------------------

TIMED_EXTENTS = (1920, 1080)  # columns and rows of the largest images that the self-test times
TIMED_CALLS = 5


class DesignOverlay(PynqOverlay):
    """The bitstream: a ``pynq.Overlay`` that sets the fabric's clock by the rate it was built for.

    PYNQ 3.1 and older take divisors from the metadata as they stand, which are right for one rate of the processor's
    PLL; PYNQ 4.0 takes a rate, which Vivado's metadata for a Zynq-7000 does not have where PYNQ looks for it.

    Parameters
    ----------
    bitfile_name : str, optional
        Beside this module if it is left out.
    *arguments, **options
        As ``pynq.Overlay`` takes them.

    Raises
    ------
    FileNotFoundError
        ``bitfile_name`` is left out, and there is no bitstream.
    """

    DESIGN: ClassVar[str]
    CLOCK_MHZ: ClassVar[float]
    ACCELERATORS: ClassVar[tuple[str, ...]]

    def __init__(self, bitfile_name: str | None = None, *arguments: Any, **options: Any) -> None:
        if bitfile_name is None:
            bitfile_name = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{self.DESIGN}.bit")
            if not os.path.exists(bitfile_name):
                raise FileNotFoundError(f"{bitfile_name} is not there: build it with make -C vivado and put it there")
        super().__init__(bitfile_name, *arguments, **options)

    def download(self, *arguments: Any, **options: Any) -> None:
        """Set the clock and load the bitstream."""
        clocks: Any = self.clock_dict
        self._set_clock()
        others = {n: clock for n, clock in clocks.items() if n != 0}
        for n, clock in list(others.items()):
            if clock.get("enable") and clock.get("frequency", 0) is None:
                Clocks.set_pl_clk(n, others.pop(n)["divisor0"], clock["divisor1"])
        self.clock_dict: Any = others  # what PYNQ itself would set wrongly is not shown to it
        try:
            super().download(*arguments, **options)
        finally:
            self.clock_dict = clocks

    def _set_clock(self) -> None:
        """The fastest rate, up to that of the design, that the PLL as it runs gives: PYNQ takes the nearest."""
        asked = self.CLOCK_MHZ
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Clocks.set_pl_clk(0, clk_mhz=asked)
            while Clocks.fclk0_mhz > self.CLOCK_MHZ * 1.001:
                asked *= 0.99
                Clocks.set_pl_clk(0, clk_mhz=asked)
        found = Clocks.fclk0_mhz
        if found < self.CLOCK_MHZ * 0.99:
            warnings.warn(
                f"{self.DESIGN}: the fabric's clock is {found:.4g} MHz, not {self.CLOCK_MHZ:.4g} MHz: the processor's "
                "PLL gives none between",
                stacklevel=3,
            )

    def self_test(self, folder: str | None = None) -> list[str]:
        """Compare every accelerator with Halide, time it, and say so in a line each.

        Parameters
        ----------
        folder : str, optional
            Where ``selftest.json`` lies with its images; beside this module if it is left out.

        Raises
        ------
        FileNotFoundError
            There is no self-test: with the message that says where one comes from.
        RuntimeError
            A value is another one than Halide's.
        """
        folder = os.path.dirname(os.path.abspath(__file__)) if folder is None else folder
        path = os.path.join(folder, "selftest.json")
        if not os.path.exists(path):
            raise FileNotFoundError(
                f"{path} is not there: the self-test is packed by make_bundle.py, where the design's folder testbench "
                "lies beside the folder pynq"
            )
        with open(path, encoding="utf-8") as file:
            frames = json.load(file)
        return [self_test(name, getattr(self, name), frames[name], folder) for name in self.ACCELERATORS]


def self_test(name: str, accelerator: Accelerator, frame: Any, folder: str) -> str:
    """Run a frame, compare it with Halide's output, and time a large image; a line about both."""
    launch = frame["launch"]
    mins = tuple(launch.get(f"min_{loop.name}", loop.min or 0) for loop in accelerator.LOOPS)
    extents = tuple(launch.get(f"extent_{loop.name}", loop.max_extent) for loop in accelerator.LOOPS)
    options = {
        k: launch[s.variable] for k, s in accelerator.SCALARS.items() if s.source is None and s.variable in launch
    }
    options["origin"] = {loop.name: least for loop, least in zip(accelerator.LOOPS, mins)}
    images = []
    for stream in accelerator.STREAMS:
        array = np.load(os.path.join(folder, frame["images"][stream.name]))
        images.append(_image(stream, array, Box(mins, extents)))
    inputs = [image for stream, image in zip(accelerator.STREAMS, images) if not stream.is_output]
    outputs = [stream for stream in accelerator.STREAMS if stream.is_output]
    found = tuple(np.empty_like(image) for image in images[len(inputs) :])
    accelerator(*inputs, out=found, **options)
    for stream, made, expected in zip(outputs, found, images[len(inputs) :]):
        wrong = np.argwhere(made != expected)
        if len(wrong):
            at = tuple(int(n) for n in wrong[0])
            raise RuntimeError(
                f"{accelerator.FUNC}: self-test: {len(wrong)} of {expected.size} values of {stream.name} are not "
                f"Halide's; at {at} is {made[at]}, not {expected[at]}"
            )
    return f"{name}: {_size(extents)} pixels are Halide's; {_timed(accelerator, options, extents)}"


def _image(stream: Stream, array: Any, box: Box) -> Any:
    """Axes as a call has them, of a stream as it lies in memory."""
    image = np.empty(stream.shape(box), np.dtype(stream.dtype))
    if stream.in_rows:
        image[...] = array.reshape(image.shape)
    else:
        words = array.reshape(-1).view(np.uint8)
        Words(stream._replace(is_output=True), image, box, [box], lambda _: words).take()
    return image


def _size(extents: Sequence[int]) -> str:
    return " x ".join(str(n) for n in extents)


def _timed(accelerator: Accelerator, options: Any, extents: Sequence[int]) -> str:
    """How long the largest launch takes, up to HD, in buffers that are used where they lie."""
    large = [min(loop.max_extent, most) for loop, most in zip(accelerator.LOOPS, TIMED_EXTENTS)]
    large += [loop.max_extent for loop in accelerator.LOOPS[len(large) :]]
    try:
        return _time(accelerator, options, large)
    except ValueError:  # a border of an image that Params tell of
        return _time(accelerator, options, extents)


def _time(accelerator: Accelerator, options: Any, extents: Sequence[int]) -> str:
    shape = tuple(reversed(extents))
    inputs = accelerator.allocate_inputs(*shape, origin=options["origin"])
    result = accelerator.allocate_output(*shape)
    for buffer in inputs:
        buffer[...] = 0
    times = []
    before = accelerator.counters()
    for _ in range(TIMED_CALLS):
        start = time.monotonic()
        accelerator(*inputs, out=result, **options)
        times.append(time.monotonic() - start)
    cycles = (accelerator.counters()["cycles"] - before["cycles"]) // TIMED_CALLS
    rate = int(np.prod(shape)) / min(times) / 1e6
    return f"{_size(extents)} in {min(times) * 1e3:.3g} ms, {rate:.4g} Mpixel/s, {cycles} cycles"
