"""Frames to test an accelerator with: regions of its output, random inputs for them, and Halide's answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import halide as hl
import numpy as np

from fluorite.errors import UsageError
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.plan.stream_plan import StreamPlan, region_variables
from fluorite.run.accelerator import Accelerator
from fluorite.run.images import random_image
from fluorite.run.launch import launches
from fluorite.run.words import Words
from fluorite.sim.run import AnyArray

__all__ = ["Frame", "make_frames"]

# Per frame, pixels along each scan dimension, innermost first, and where the first pixel lies. Odd, and different from
# frame to frame, so that settings of one launch show if another uses them.
_EXTENTS = ((61, 17, 3, 2), (34, 19, 2, 3))
_MINS = ((0, 0, 0, 0), (5, -3, 1, -2))
_GREATEST_SCALE = 16
# Beyond this many pixels a frame takes minutes to simulate, and one must do.
_LARGE_PIXELS = 100_000
_PARAM_LIMIT = 99  # of a Param's random value, so that what it is multiplied with does not overflow


@dataclass(frozen=True, slots=True)
class Frame:
    """One launch.

    Attributes
    ----------
    mins, extents : tuple of int
        Region of the output, by the Func's arguments.
    variables : dict of str to int
        What a launch's formulas depend on: ``extent_x``, ``min_x``, ``param_gain``...
    images : dict of str to ndarray
        Per stream, the pixels as they lie in memory: channels interleaved, a row of memory a row.
    masks : dict of str to ndarray
        Per output whose words cover more than the region, which values count.
    """

    mins: tuple[int, ...]
    extents: tuple[int, ...]
    variables: dict[str, int]
    images: dict[str, AnyArray]
    masks: dict[str, AnyArray]


def make_frames(accelerator: Accelerator, parameters: Mapping[str, Any]) -> list[Frame]:
    """Small frames of different sizes; a launch that cannot be small gets one frame.

    Parameters
    ----------
    accelerator : Accelerator
    parameters : mapping
        The user's ``hl.Parameter`` by name; only read.

    Raises
    ------
    UsageError
        No image is such that the accelerator can compute it.
    """
    frames: list[Frame] = []
    for number in range(len(_EXTENTS)):
        frames.append(_frame(accelerator, parameters, number))
        if np.prod(frames[-1].extents) > _LARGE_PIXELS:
            break
    return frames


def _frame(accelerator: Accelerator, parameters: Mapping[str, Any], number: int) -> Frame:
    generated = accelerator.generated
    random = np.random.default_rng(number)
    scalars = {s.param: _scalar(parameters[s.param], number, random) for s in generated.signature.params}
    params = {s.name: scalars[s.param] for s in generated.signature.params}
    mins, extents, variables = _region(generated, number, params)
    inputs = {}
    for source in generated.region.inputs:
        shape = generated.input(source.name).region(mins, extents, variables)[1][::-1]
        inputs[source.name] = random_image(shape, str(source.type), random)
    given = {n: _param(parameters[n], value) for n, value in scalars.items()}
    given |= _other_images(generated, mins, extents, parameters)
    results = accelerator.golden(inputs, mins, extents, given, variables)
    images: dict[str, AnyArray] = {}
    masks: dict[str, AnyArray] = {}
    for stream in generated.inputs:
        images[stream.port.name] = _in_memory(stream, inputs[stream.source])
    for stream, result in zip(generated.outputs, results, strict=True):
        images[stream.port.name] = _in_memory(stream, result)
        mask = _in_memory(stream, np.ones_like(result, np.bool_))
        if not mask.all():
            masks[stream.port.name] = mask
    return Frame(mins, extents, variables, images, masks)


def _region(
    generated: Generated, number: int, params: dict[str, int]
) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, int]]:
    """The smallest region that a launch takes, and the values of its formulas."""
    refused: UsageError | None = None
    for mins, extents in _candidates(generated, number):
        values = params | _metadata(generated, mins, extents)
        try:
            (launch,) = launches(generated, mins, extents, values)
        except UsageError as error:  # a border that reaches further than the image
            refused = refused or error
            continue
        return launch.mins, launch.extents, launch.variables
    raise UsageError(
        f"{generated.region.name}: found no frame to test it with; its border condition must be for an image that is "
        f"an input of the accelerator, or as large as the output ({refused}); or write the design without a testbench"
    )


def _candidates(generated: Generated, number: int) -> Iterator[tuple[list[int], list[int]]]:
    region = generated.region
    scale = 1
    while scale <= _GREATEST_SCALE:
        mins, extents = [0] * len(region.func.args), [0] * len(region.func.args)
        for channel in region.channels:
            mins[channel.position], extents[channel.position] = channel.min, channel.extent
        for d, loop in enumerate(region.loops):
            size = min(_EXTENTS[number][min(d, 3)] * scale, loop.max_extent)
            extents[loop.position] = loop.max_extent if loop.fixed or loop.min is not None else size
            mins[loop.position] = _MINS[number][min(d, 3)] if loop.min is None else loop.min
        yield mins, extents
        for loop in region.loops:  # what a border is for may have to begin at 0, or where numbers say
            mins[loop.position] = loop.min or 0
        for border in generated.lowered.borders:
            if border.image is not None and border.image[0] is not None:
                mins[region.loops[border.dimension].position] = border.image[0]
        yield mins, extents
        scale *= 2


def _metadata(generated: Generated, mins: Sequence[int], extents: Sequence[int]) -> dict[str, int]:
    """Extents and mins of images, by both names that are used for them."""
    found: dict[str, int] = {}
    for scalar in generated.signature.metadata:
        fact = scalar.image_fact
        box = _image_box(generated, fact.image, mins, extents)
        found[scalar.raw] = found[scalar.name] = box[fact.kind != "min"][fact.dimension]
    return found


def _image_box(
    generated: Generated, image: str, mins: Sequence[int], extents: Sequence[int]
) -> tuple[Sequence[int], Sequence[int]]:
    """Where an image lies: as what the launch reads if it is an input, else as the output."""
    if image in (source.name for source in generated.region.inputs):
        stream = generated.input(image)
        variables = region_variables(stream.loops, mins, extents)
        spans = [stream.image_along(axis) for axis in stream.axes]
        ends = [(first.evaluate(variables), last.evaluate(variables)) for first, last in spans]
        return [first for first, _ in ends], [max(last - first + 1, 0) for first, last in ends]
    return mins, extents


def _other_images(
    generated: Generated, mins: Sequence[int], extents: Sequence[int], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Images that are only asked where they lie."""
    found: dict[str, Any] = {}
    inputs = {source.name for source in generated.region.inputs}
    for scalar in generated.signature.metadata:
        if scalar.param in inputs or scalar.param in found:
            continue
        dimensions = parameters[scalar.param].dimensions()
        box_mins, box_extents = ([*b, *([f] * dimensions)][:dimensions] for b, f in ((mins, 0), (extents, 1)))
        image = hl.ImageParam(parameters[scalar.param].type(), dimensions, scalar.param)
        buffer = hl.Buffer(parameters[scalar.param].type(), list(box_extents))
        buffer.set_min(list(box_mins))
        image.set(buffer)
        found[scalar.param] = image.parameter()
    return found


def _scalar(parameter: Any, number: int, random: np.random.Generator) -> int:
    """A Param's value: in the first frame the one it holds now, or has by default; else one within its range."""
    type_ = parameter.type()
    if number == 0:
        try:
            return int(hl.evaluate(parameter.scalar_expr()))
        except hl.HalideError:  # it holds none yet
            if parameter.default_value().defined():
                return int(hl.evaluate(parameter.default_value()))
    if type_.bits() == 1:
        return int(random.integers(0, 2))
    bounds = parameter.min_value(), parameter.max_value()
    least, greatest = (
        int(hl.evaluate(bound)) if bound.defined() else default
        for bound, default in zip(bounds, ((-_PARAM_LIMIT if type_.is_int() else 0), _PARAM_LIMIT), strict=True)
    )
    # A bound that is given wins over the limit.
    least, greatest = (min(least, greatest), greatest) if bounds[1].defined() else (least, max(least, greatest))
    return int(random.integers(least, greatest, endpoint=True))


def _param(parameter: Any, value: int) -> Any:
    made = hl.Param(parameter.type(), parameter.name())
    made.set(bool(value) if parameter.type().bits() == 1 else value)
    return made.parameter()


def _in_memory(stream: StreamPlan, image: AnyArray) -> AnyArray:
    """An image, axes reversed by argument, as a stream's rows in memory."""
    words, channels = Words(stream), stream.port.channels
    packed = words.pack(image)
    if stream.in_rows:
        width = words.scan(image).shape[len(words.lanes) - 1]
        packed = packed[..., : width * channels]
        if channels > 1:
            packed = packed.reshape(*packed.shape[:-1], width, channels)
    packed = np.ascontiguousarray(packed)
    return packed.view(np.uint8) if packed.dtype == np.bool_ else packed
