"""Stimulus and comparison for operations: one accelerator with an output per operation, against Halide's JIT."""

import halide as hl
import numpy as np

import fluorite
from fluorite.run.launch import launches

CORNERS = 24  # distinct corner values of a type, at most


def design_of(inputs, operations, size, board=None):
    """Accelerate one Func whose Tuple elements are the operations; inputs are in the order of their arguments."""
    x, y = hl.vars("x y")
    images = [hl.ImageParam(type_, 2, name) for name, type_ in inputs.items()]
    hw = hl.Func("hw")
    values = [operation(*(image[x, y] for image in images)) for operation in operations.values()]
    hw[x, y] = hl.Tuple(values) if len(values) > 1 else values[0]
    hw.compute_root().bound(x, 0, size[0]).bound(y, 0, size[1])
    hw.accelerate(images, x, hl.Var.outermost())
    out = hl.Func("out")
    out[x, y] = hl.Tuple([hw[x, y][i] for i in range(len(values))]) if len(values) > 1 else hw[x, y]
    return fluorite.compile(out, board=board), images  # the images are kept alive


def check(inputs, operations, arrays, board=None):
    """Compare every operation, on every element of the arrays, with Halide."""
    height, width = next(iter(arrays.values())).shape
    design, _ = design_of(inputs, operations, (width, height), board)
    (accelerator,) = design.accelerators
    expected = accelerator.golden(arrays, (0, 0), (width, height))
    actual = [np.zeros_like(array) for array in expected]
    (launch,) = launches(accelerator.generated, (0, 0), (width, height), {})
    accelerator.run([arrays[name] for name in inputs], actual, launch)
    wrong = []
    for name, want, got in zip(operations, expected, actual, strict=True):
        different = np.argwhere(want != got)
        if len(different):
            at = tuple(different[0])
            operands = [array[at] for array in arrays.values()]
            wrong.append(f"{name} {tuple(map(int, operands))}: {got[at]}, not {want[at]} ({len(different)} differ)")
    assert not wrong, "\n".join(wrong)
    return accelerator


def all_pairs(first="uint8", second="uint8"):
    """Every pair of 8-bit values as two 256 x 256 images."""
    a, b = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    return np.ascontiguousarray(a).view(first), np.ascontiguousarray(b).view(second)


def corners(dtype):
    """Values at which something happens: around 0, powers of two, and the ends."""
    info = np.iinfo(dtype)
    values = {0, 1, 2, 3, 5, 7, 10, 100, 127, 128, 255, 256, info.max, info.max - 1, info.max // 2, info.max // 2 + 1}
    values |= {info.max // 3, info.max // 3 * 2 + 1}
    if info.min:
        values |= {-value for value in values} | {info.min, info.min + 1, info.min // 2, info.min // 3}
    return np.array(sorted(v for v in values if info.min <= v <= info.max), dtype)


def wide_pairs(first, second, seed=0, size=(96, 64)):
    """All pairs of corners, then random ones of all magnitudes, as two images."""
    rng = np.random.default_rng(seed)
    a, b = (grid.ravel() for grid in np.meshgrid(corners(first), corners(second)))
    count = size[0] * size[1]
    assert len(a) < count
    images = []
    for dtype, known in ((first, a), (second, b)):
        bits = np.iinfo(dtype).bits
        raw = rng.integers(0, 1 << 64, count - len(known), dtype=np.uint64, endpoint=False) if bits < 64 else None
        raw = rng.integers(0, np.iinfo(np.uint64).max, count - len(known), dtype=np.uint64) if raw is None else raw
        values = (raw.astype(f"int{bits}") >> rng.integers(0, bits, len(raw)).astype(f"int{bits}")).astype(dtype)
        images.append(np.concatenate([known, values]).reshape(size[1], size[0]))
    return tuple(images)
