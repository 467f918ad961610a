"""Accelerators for the driver's tests, each with the same arithmetic in numpy, on a stream's words."""

import functools
from dataclasses import replace
from fractions import Fraction

import halide as hl
import numpy as np

import fluorite
from fluorite.glue.accelerator import AcceleratorCode
from fluorite.hwgen.formula import constant, floor_div, modulo, variable
from fluorite.hwgen.generate import Setting
from fluorite.hwgen.interface import SettingPort
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.registers import register_map

x, y, c = hl.vars("x y c")
MAX_X, MAX_Y = 40, 30


def _estimate(func):
    return func.compute_root().set_estimate(x, 0, MAX_X).set_estimate(y, 0, MAX_Y)


def sums():
    """A window of 3 x 2, one channel; an image larger than a launch is cut up."""
    source, func, out = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("sums"), hl.Func("out")
    func[x, y] = source[x - 1, y] + source[x + 1, y + 1]
    out[x, y] = func[x, y]
    _estimate(func).accelerate([source], x, hl.Var.outermost())
    return out


def sums_words(launch, inputs, shapes):
    (a,) = inputs
    return [a[:-1, :-2] + a[1:, 2:]]


def scaled():
    """Interleaved channels of 16 bits, and a Param."""
    source, gain = hl.ImageParam(hl.UInt(16), 3, "source"), hl.Param(hl.UInt(16), "gain")
    func, out = hl.Func("scaled"), hl.Func("out")
    func[x, y, c] = source[x + 1, y, c] + gain
    out[x, y, c] = func[x, y, c]
    _estimate(func).bound(c, 0, 3).reorder(c, x, y).unroll(c)
    func.accelerate([source], x, hl.Var.outermost())
    return out


def scaled_words(launch, inputs, shapes):
    values = inputs[0].view(np.uint16) + np.uint16(launch["setting_param_gain"])
    return [values.view(np.uint8)]


def _blocks(name):
    """2 x 2 pixels a cycle."""
    _xo, _yo, xi, yi = hl.vars("xo yo xi yi")
    source, func, out = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func(name), hl.Func("out")
    func[x, y] = source[x, y] ^ 85
    out[x, y] = func[x, y]
    func.compute_root().set_estimate(x, 0, MAX_X).set_estimate(y, 0, MAX_Y)
    guard = hl.TailStrategy.GuardWithIf
    func.tile(x, y, x, y, xi, yi, 2, 2, guard).unroll(xi).unroll(yi)
    func.accelerate([source], x, hl.Var.outermost())
    return out


def blocks():
    """2 x 2 pixels a cycle: software makes the words."""
    return _blocks("blocks")


def blocks_words(launch, inputs, shapes):
    return [inputs[0] ^ 85]


def bordered():
    """A border condition, for whole images only."""
    source, func, out = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("bordered"), hl.Func("out")
    clamped = hl.BoundaryConditions.mirror_interior(source)
    func[x, y] = clamped[x - 2, y] + clamped[x + 2, y]
    out[x, y] = func[x, y]
    _estimate(func).accelerate([source], x, hl.Var.outermost())
    return out


def bordered_words(launch, inputs, shapes):
    padded = np.pad(inputs[0], ((0, 0), (2, 2)), "reflect")
    return [padded[:, :-4] + padded[:, 4:]]


def _fixed(name):
    """Tiles of one size, shifted inwards at the edges."""
    xo, yo, xi, yi = hl.vars("xo yo xi yi")
    source, func, out = hl.ImageParam(hl.Int(32), 2, "source"), hl.Func(name), hl.Func("out")
    func[x, y] = source[x, y] * 3
    out[x, y] = func[x, y]
    func.compute_root().tile(x, y, xo, yo, xi, yi, 16, 8)
    func.accelerate([source], xi, xo)
    return out


def fixed():
    """Tiles of one size, and an address of 40 bits."""
    return _fixed("fixed")


def fixed_words(launch, inputs, shapes):
    return [(inputs[0].view(np.int32) * 3).view(np.uint8)]


def halved():
    """2 x 2 pixels a cycle, of an input with half the columns: its streams are made by hand (`_halved`)."""
    return _blocks("halved")


def halved_words(launch, inputs, shapes):
    (a,), ((rows, row_bytes),) = inputs, shapes
    image = a.reshape(rows, -1, 2).transpose(0, 2, 1).reshape(2 * rows, -1)  # of words of two rows
    at = (np.arange(row_bytes // 2) + launch["setting_phase_x"]) // 2
    at = np.minimum(at, image.shape[1] - 2)  # lanes beyond the image
    result = image[:, at] + image[:, at + 1]
    return [result.reshape(rows, 2, -1, 2).transpose(0, 2, 1, 3).reshape(rows, row_bytes)]


def _halved(generated):
    """Reads ``source[(x - 1) / 2, y] + source[(x + 1) / 2, y]``, a column of two rows a word."""
    min_x, extent_x = variable("min_x"), variable("extent_x")
    phase = modulo(min_x - 1, constant(2), {})
    (source, result), ranges = generated.streams, generated.extents.ranges
    along_x, along_y = source.axes
    first, last = floor_div(min_x - 1, 2), floor_div(min_x + extent_x, 2)
    extent = last - first + 1
    assert extent.greatest(ranges) == MAX_X // 2 + 2
    source = replace(
        source,
        port=replace(source.port, lanes=2),
        axes=(replace(along_x, first=first, last=last, min=first, extent=extent, rate=Fraction(1, 2)), along_y),
        lanes=(1, 2),
        words=(extent, source.words[1]),
    )
    interface = replace(generated.interface, streams=(source.port, result.port))
    settings = (*generated.settings, Setting(SettingPort("phase_x", 1, False), phase))
    return replace(generated, streams=(source, result), interface=interface, settings=settings)


def doubled():
    """Tiles of one size, of an input with twice the columns: its stream is made by hand (`_doubled`)."""
    return _fixed("doubled")


def doubled_words(launch, inputs, shapes):
    return [(inputs[0].view(np.int32)[:, ::2] * 3).view(np.uint8)]


def _doubled(generated):
    """Reads ``source[2 * x, y]``."""
    source, result = generated.streams
    along_x, along_y = source.axes
    first, extent = (variable(name) * 2 for name in source.loops[0][1:3])
    columns = along_x.extent * 2 - 1
    along_x = replace(along_x, first=first, last=first + extent - 2, min=first, extent=columns, rate=Fraction(2))
    source = replace(source, axes=(along_x, along_y), words=(columns, source.words[1]))
    return replace(generated, streams=(source, result))


def thirds():
    """Two pixels of the input for three lanes of the output: launches begin at multiples of three."""
    source, func, out = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("thirds"), hl.Func("out")
    func[x, y] = source[(2 * x) / 3, y] + 1
    out[x, y] = func[x, y]
    _estimate(func).unroll(x, 3, hl.TailStrategy.GuardWithIf).accelerate([source], x, hl.Var.outermost())
    return out


def thirds_words(launch, inputs, shapes):
    return [inputs[0][:, np.arange(shapes[0][1]) * 2 // 3] + 1]


def stepped():
    """An image with a border beside what is left of it at half its width: images begin at even columns."""
    source, func, out = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("stepped"), hl.Func("out")
    padded, half = (
        hl.BoundaryConditions.repeat_edge(source, [(source.dim(0).min(), source.dim(0).extent())]),
        hl.Func("half"),
    )
    half[x, y] = padded[2 * x, y]
    func[x, y] = padded[x + 1, y] + half[x / 2, y]
    out[x, y] = func[x, y]
    half.linebuffer()
    _estimate(func).accelerate([source], x, hl.Var.outermost())
    return out


def stepped_words(launch, inputs, shapes):
    columns = np.arange(shapes[0][1])
    return [inputs[0][:, np.minimum(columns + 1, columns[-1])] + inputs[0][:, columns - columns % 2]]


def flat():
    """An image with a profile along each dimension and one value a launch, none of which it has itself."""
    source, gain, offset, level = (
        hl.ImageParam(hl.UInt(8), n, name) for n, name in ((2, "source"), (1, "gain"), (1, "offset"), (0, "level"))
    )
    func, out = hl.Func("flat"), hl.Func("out")
    func[x, y] = (source[x, y] - level[()]) * gain[x + 1] + offset[y]
    out[x, y] = func[x, y]
    _estimate(func).accelerate([source, gain, offset, level], x, hl.Var.outermost())
    return out


def flat_words(launch, inputs, shapes):
    source, gain, offset, level = inputs
    assert gain.shape == (1, source.shape[1]) and offset.shape == (source.shape[0], 1) and level.shape == (1, 1)
    return [(source - level) * gain + offset]


def running():
    """Running sums along rows: launches begin with the image."""
    source, func, out = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("running"), hl.Func("out")
    r = hl.RDom([(source.dim(0).min() + 1, source.dim(0).extent() - 1)], "r")
    func[x, y] = source[x, y]
    func[r.x, y] += func[r.x - 1, y]
    out[x, y] = func[x, y]
    _estimate(func).accelerate([source], x, hl.Var.outermost())
    return out


def running_words(launch, inputs, shapes):
    return [np.cumsum(inputs[0], axis=1, dtype=np.uint8)]


def beside():
    """An image and its half, which the same accelerator gives."""
    source, func, half, out = hl.ImageParam(hl.UInt(8), 2, "source"), *map(hl.Func, ("beside", "half", "out"))
    func[x, y] = 255 - source[x, y]
    half[x, y] = func[2 * x, 2 * y] + func[2 * x + 1, 2 * y + 1]
    out[x, y] = func[x, y] + half[x / 2, y / 2]
    _estimate(func).accelerate([source], x, hl.Var.outermost(), outputs=[half])
    return out


def beside_words(launch, inputs, shapes):
    """Of launches that begin at even pixels."""
    inverted = 255 - inputs[0]
    rows, columns = shapes[0]
    return [inverted[:rows, :columns], inverted[::2, ::2] + inverted[1::2, 1::2]]


NAMES = (
    "sums", "scaled", "blocks", "halved", "bordered", "fixed", "doubled", "thirds", "stepped", "flat", "running",
    "beside",
)  # fmt: skip


class Example:
    """One of them, compiled."""

    def __init__(self, name):
        self.name = name
        self.design = fluorite.compile(globals()[name](), name=name)
        (self.accelerator,) = self.design.accelerators
        self.generated = self.accelerator.generated
        if name in ("halved", "doubled"):
            self.generated = globals()[f"_{name}"](self.generated)
        self.map = register_map(self.generated, ShellConfig(address_bits=40 if name == "fixed" else 32))
        self.code = AcceleratorCode(self.generated, self.map)
        self.words = globals()[f"{name}_words"]


@functools.cache
def example(name):
    """One of them, compiled once."""
    return Example(name)


def half_with_border():
    """Half of an image with a border around it in hardware, in tiles, so that launches read parts of the image."""
    x, y, xo, yo, xi, yi = (hl.Var(name) for name in ("x", "y", "xo", "yo", "xi", "yi"))
    image, half = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("half")
    padded = hl.BoundaryConditions.mirror_interior(image)
    half[x, y] = hl.u8((hl.u16(padded[2 * x - 1, 2 * y]) + padded[2 * x + 2, 2 * y + 1]) >> 1)
    half.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64)
    half.tile(x, y, xo, yo, xi, yi, 16, 12, hl.TailStrategy.GuardWithIf)
    return half.accelerate([image], xi, xo)
