"""Photographs to the arrays that Halide reads, and back.

Arrays have the outermost dimension first, ``array[y, x]`` or ``array[c, y, x]`` (planar colour), so that
``hl.Buffer(array)`` is Halide's ``(x, y)`` or ``(x, y, c)``.
"""

from fluorite.run.images.load import load_image
from fluorite.run.images.patterns import crop, difference_image, random_image
from fluorite.run.images.samples import Array, check_extents
from fluorite.run.images.save import check_output, save_image

__all__ = [
    "Array", "check_extents", "check_output", "crop", "difference_image", "load_image", "random_image", "save_image",
]  # fmt: skip
