"""Runs of a pipeline file: through the accelerator in Verilator, through Halide alone, and the comparison of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import halide as hl
import numpy as np

from fluorite.errors import UsageError
from fluorite.frontend.pipeline_file import LoadedFile
from fluorite.run.images import Array, check_extents, crop, load_image, random_image

__all__ = [
    "Mismatch",
    "compare",
    "output_arrays",
    "output_names",
    "output_sizes",
    "set_photos",
    "set_random",
    "set_scalars",
]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Where an output differs from Halide's.

    Attributes
    ----------
    output : str
        Name of the output.
    count : int
        Number of elements that differ.
    total : int
        Number of elements.
    position : tuple of int
        Coordinates of the first, in raster order, innermost dimension (x) first.
    expected, actual : int or float
        Halide's value there, and the accelerator's.
    """

    output: str
    count: int
    total: int
    position: tuple[int, ...]
    expected: int | float
    actual: int | float

    def __str__(self) -> str:
        place = ", ".join(str(p) for p in self.position)
        return (
            f"{self.output}: {self.count} of {self.total} values differ, the first at ({place}): "
            f"Halide {self.expected}, hardware {self.actual}"
        )


def compare(name: str, expected: Array, actual: Array) -> Mismatch | None:
    """Compare an output with Halide's, bit for bit; None if they are the same."""
    if expected.shape != actual.shape or expected.dtype != actual.dtype:
        raise ValueError(f"{name}: cannot compare {expected.dtype} {expected.shape} with {actual.dtype} {actual.shape}")
    # Bits, not values: a NaN equals itself and zeros have signs.
    different = np.ascontiguousarray(expected).view(np.uint8) != np.ascontiguousarray(actual).view(np.uint8)
    different = different.reshape(*expected.shape, expected.dtype.itemsize).any(axis=-1)
    count = int(np.count_nonzero(different))
    if count == 0:
        return None
    first = np.unravel_index(int(np.argmax(different)), different.shape)
    position = tuple(int(i) for i in reversed(first))
    return Mismatch(name, count, expected.size, position, expected[first].item(), actual[first].item())


def output_arrays(realized: hl.Buffer | Iterable[hl.Buffer]) -> list[Array]:
    """Return what a ``realize`` gave as numpy arrays, outermost dimension first."""
    buffers = [realized] if isinstance(realized, hl.Buffer) else list(realized)
    return [np.array(buffer) for buffer in buffers]


def output_names(loaded: LoadedFile) -> list[str]:
    """Return a name per array of :func:`output_arrays`: a Tuple's elements are ``name.0``, ``name.1``..."""
    return [
        output.name if len(output.types) == 1 else f"{output.name}.{element}"
        for output in loaded.outputs
        for element in range(len(output.types))
    ]


def output_sizes(loaded: LoadedFile, sizes: Sequence[int]) -> list[int]:
    """Complete the (x, y) sizes of an image to those of the pipeline's outputs: colour has three channels.

    Raises
    ------
    UsageError
        If the outputs have fewer dimensions, or more.
    """
    dimensions = loaded.outputs[0].dimensions
    completed = [*sizes, 3] if dimensions == 3 and len(sizes) == 2 else list(sizes)
    if len(completed) != dimensions:
        text = "x".join(str(n) for n in sizes)
        raise UsageError(f"{loaded.name}'s output has {dimensions} dimensions, the size {text} has {len(sizes)}")
    for output in loaded.outputs:
        for name in output.types:
            check_extents(f"{loaded.name}'s {output.name}", completed, np.dtype(name).itemsize)
    return completed


def set_scalars(loaded: LoadedFile, values: Mapping[str, str]) -> None:
    """Set the scalar inputs.

    Raises
    ------
    UsageError
        If one is missing, unknown or badly spelled.
    """
    for name, text in values.items():
        loaded.set_scalar(name, text)
    missing = [s for s in loaded.scalars if s.name not in values]
    if missing:
        name = missing[0].name
        raise UsageError(f"{loaded.name} needs a value of type {missing[0].type} for {name}: --set {name}=VALUE")


def set_photos(
    loaded: LoadedFile,
    photos: Sequence[str],
    sizes: Sequence[int] | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> list[int]:
    """Set the image inputs from files.

    Parameters
    ----------
    loaded : LoadedFile
    photos : sequence of str
        ``path`` for the inputs in their order, or ``input=path``.
    sizes : sequence of int, optional
        Take only the middle of each photograph, this many pixels (x, y) large.
    note : callable
        Told in what an image is not what its file holds, as by :func:`~fluorite.run.images.load_image`.

    Returns
    -------
    list of int
        Sizes (x, y) of the first photograph: those of the output, unless told otherwise.
    """
    paths: dict[str, str] = {}
    names = [image.name for image in loaded.images]
    for photo in photos:
        name, equals, path = photo.partition("=")
        if not (equals and name in names):
            free = [n for n in names if n not in paths]
            if not free:
                raise UsageError(f"{photo}: {loaded.name} takes {len(names)} images and not {len(photos)}")
            name, path = free[0], photo
        if name in paths:
            raise UsageError(f"{loaded.name}'s {name} is given twice")
        paths[name] = path
    missing = [n for n in names if n not in paths]
    if missing:
        raise UsageError(f"{loaded.name} needs a photograph for {missing[0]}: -i {missing[0]}=FILE")
    first: list[int] = []
    for image in loaded.images:
        array = load_image(paths[image.name], image.type, image.dimensions, note)
        if sizes is not None:
            array = crop(array, sizes)
        loaded.set_image(image.name, array)
        first = first or list(array.shape[:-3:-1])
    return first


def set_random(
    loaded: LoadedFile,
    sizes: Sequence[int],
    seed: int,
    pipeline: hl.Pipeline | None = None,
    outputs: Sequence[hl.Buffer] = (),
) -> None:
    """Set the image inputs to random images, large enough for outputs of `sizes`.

    Parameters
    ----------
    loaded : LoadedFile
    sizes : sequence of int
        Of the output, innermost dimension first.
    seed : int
        The same seed gives the same images.
    pipeline : halide.Pipeline, optional
        What to ask for the images' regions in the place of the file's own: it reads the same Params.
    outputs : sequence of halide.Buffer
        What it is to write; by default outputs that all have these sizes.
    """
    rng = np.random.default_rng(seed)
    regions = _regions(loaded, sizes, pipeline or loaded.pipeline, list(outputs) or list(sizes))
    for image in loaded.images:
        mins, extents = zip(*regions[image.name], strict=True) if image.dimensions else ((), ())
        check_extents(f"{loaded.name}'s {image.name}", extents, np.dtype(image.type).itemsize)
        loaded.set_image(image.name, random_image(extents[::-1], image.type, rng), mins)


_Region = list[tuple[int, int]]  # (min, extent) by dimension


def _regions(loaded: LoadedFile, sizes: Sequence[int], pipeline: hl.Pipeline, outputs: list[Any]) -> dict[str, _Region]:
    """By image, the output's own region, and whatever else Halide asks for of images of these very regions.

    They are not asked for from nothing, as ``infer_input_bounds`` does: a border condition reads where the image that
    is there ends, and what it asks for of an image of one pixel is no image that it is for. Colour has three channels.
    """
    own = [*sizes, *(3 if d == 2 else 1 for d in range(len(sizes), 16))]
    regions: dict[str, _Region] = {i.name: [(0, extent) for extent in own[: i.dimensions]] for i in loaded.images}
    for _ in range(16):
        queries = {}
        for image in loaded.images:
            mins, extents = zip(*regions[image.name], strict=True) if image.dimensions else ((), ())
            queries[image.name] = query = hl.Buffer.make_bounds_query(image.parameter.type(), list(extents))
            query.set_min(list(mins))
            image.parameter.set(query)
        pipeline.realize(outputs)  # with such images, it only writes down what it reads of them
        before = regions
        regions = {name: _union(before[name], query) for name, query in queries.items()}
        if regions == before:
            break
    return regions


def _union(region: _Region, asked: hl.Buffer) -> _Region:
    """The smallest region that holds both."""
    union = []
    for d, (low, extent) in enumerate(region):
        first, beyond = asked.dim(d).min(), asked.dim(d).min() + asked.dim(d).extent()
        least = min(low, first)
        union.append((least, max(low + extent, beyond) - least))
    return union
